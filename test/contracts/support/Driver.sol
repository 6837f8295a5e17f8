// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { SpecieTest } from "./SpecieTest.sol";

/// @title Drives a handler by chance from a fixed seed, until one of its checks fails or the steps are over.
abstract contract Driver is SpecieTest {
    function finds(address handler, bytes4[] memory verbs, bytes4 check, uint256 steps) internal returns (bool) {
        for (uint256 step = 0; step < steps; ++step) {
            uint256 seed = uint256(keccak256(abi.encode("a planted bug", step)));
            bytes memory arguments = abi.encode(
                uint256(keccak256(abi.encode(seed, 1))) >> 128,
                uint256(keccak256(abi.encode(seed, 2))) >> 128,
                uint256(keccak256(abi.encode(seed, 3))) >> 128,
                // The last two stand for a flag where a verb has one there.
                uint256(keccak256(abi.encode(seed, 4))) & 1,
                seed & 1
            );
            (bool done, ) = handler.call(abi.encodePacked(verbs[seed % verbs.length], arguments));
            if (!done) continue;
            (bool holds, ) = handler.staticcall(abi.encodePacked(check));
            if (!holds) return true;
        }
        return false;
    }
}
