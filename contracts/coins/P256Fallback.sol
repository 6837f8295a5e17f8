// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { P256 } from "@openzeppelin/contracts/utils/cryptography/P256.sol";

/// @title P256Fallback
/// @notice Looks at a P-256 signature again where EIP-7951's precompile has answered nothing: that is «no» where there is
/// a precompile, and says nothing where there is none, which only a known signature tells apart.
/// @dev A contract of its own, because counting on the curve in Solidity takes 4,000 bytes of code.
contract P256Fallback {
    function isSigned(bytes32 digest, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external view returns (bool) {
        return P256.verify(digest, r, s, x, y);
    }
}
