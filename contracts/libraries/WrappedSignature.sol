// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Reads ERC-6492 signatures: those of wallets that are not deployed yet, with the call that deploys them.
library WrappedSignature {
    bytes32 private constant MAGIC = 0x6492649264926492649264926492649264926492649264926492649264926492;

    function isWrapped(bytes calldata signature) internal pure returns (bool) {
        return signature.length > 32 && bytes32(signature[signature.length - 32:]) == MAGIC;
    }

    /// @dev Slices of the call itself, each checked to lie within the signature.
    function unwrap(
        bytes calldata signature
    ) internal pure returns (address factory, bytes calldata factoryCall, bytes calldata inner) {
        factory = abi.decode(signature[:32], (address));
        factoryCall = _bytesAt(signature, 32);
        inner = _bytesAt(signature, 64);
    }

    function _bytesAt(bytes calldata signature, uint256 head) private pure returns (bytes calldata) {
        uint256 offset = uint256(bytes32(signature[head:head + 32]));
        uint256 length = uint256(bytes32(signature[offset:offset + 32]));
        return signature[offset + 32:offset + 32 + length];
    }
}
