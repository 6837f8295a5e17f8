// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Vm } from "./Vm.sol";

/// @title What every test here stands on: the cheat codes, assertions that name what they compare, bounded chance.
abstract contract SpecieTest {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(string what, uint256 expected, uint256 found);
    error NotTrue(string what);

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function assertEq(uint256 found, uint256 expected, string memory what) internal pure {
        if (found != expected) revert NotEqual(what, expected, found);
    }

    function assertEq(address found, address expected, string memory what) internal pure {
        if (found != expected) revert NotEqual(what, uint160(expected), uint160(found));
    }

    function assertEq(bytes32 found, bytes32 expected, string memory what) internal pure {
        if (found != expected) revert NotEqual(what, uint256(expected), uint256(found));
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    /// @dev A number from `lowest` to `highest`, both included; the ends come up more often than chance would have them.
    function bound(uint256 seed, uint256 lowest, uint256 highest) internal pure returns (uint256) {
        if (seed % 16 == 0) return lowest;
        if (seed % 16 == 1) return highest;
        uint256 size = highest - lowest;
        return size == type(uint256).max ? seed : lowest + (seed % (size + 1));
    }
}
