// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Whose signature it is, as a reference of 20 bytes; zero is nobody.
/// @dev Callers never ask for a coin whose owner is zero. All memory used is scratch space or above the free pointer.
library CoinSignatures {
    uint256 internal constant SECP256K1_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 internal constant P256_HALF_ORDER = 0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8;
    bytes32 internal constant S_MASK = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF;

    function isHighS(bytes32 yParityAndS) internal pure returns (bool) {
        return uint256(yParityAndS & S_MASK) > SECP256K1_HALF_ORDER;
    }

    function isHighSP256(bytes32 s) internal pure returns (bool) {
        return uint256(s) > P256_HALF_ORDER;
    }

    /// @dev Callers have refused a high s.
    function recover(bytes32 digest, bytes32 r, bytes32 yParityAndS) internal view returns (address signer) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, digest)
            mstore(add(free, 0x20), add(shr(255, yParityAndS), 27))
            mstore(add(free, 0x40), r)
            mstore(add(free, 0x60), shr(1, shl(1, yParityAndS)))
            // The precompile answers a bad signature with nothing at all, so nothing must be there before.
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, free, 0x80, 0x00, 0x20))
            signer := mload(0x00)
        }
    }

    /// @dev The 65 bytes are those of SEC 1's uncompressed form, so no key of the other curve has this reference.
    function referenceP256(bytes32 x, bytes32 y) internal pure returns (address keyReference) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x04)
            mstore(add(free, 0x01), x)
            mstore(add(free, 0x21), y)
            keyReference := shr(96, shl(96, keccak256(free, 0x41)))
        }
    }

    /// @dev Asks EIP-7951's precompile, whose empty answer means «no», and also that there is none. Callers have refused a
    /// high s.
    function isSignedP256(bytes32 digest, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (bool yes) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, digest)
            mstore(add(free, 0x20), r)
            mstore(add(free, 0x40), s)
            mstore(add(free, 0x60), x)
            mstore(add(free, 0x80), y)
            mstore(0x00, 0)
            pop(staticcall(gas(), 0x100, free, 0xa0, 0x00, 0x20))
            yes := and(eq(returndatasize(), 0x20), eq(mload(0x00), 1))
        }
    }
}
