// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title KeyWallet
/// @notice A wallet that is a contract and signs by the key of its owner; for tests.
contract KeyWallet is IERC1271 {
    address public immutable owner;

    constructor(address owner_, IERC20 token, address spender) {
        owner = owner_;
        if (spender != address(0)) token.approve(spender, type(uint256).max);
    }

    receive() external payable {}

    function isValidSignature(bytes32 hash, bytes calldata signature) external view override returns (bytes4) {
        (address signer, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(hash, signature);
        bool valid = problem == ECDSA.RecoverError.NoError && signer == owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title KeyWalletFactory
/// @notice Deploys key wallets where their owners knew they would be.
contract KeyWalletFactory {
    function deploy(address owner, IERC20 token, address spender) external returns (address) {
        return address(new KeyWallet{ salt: bytes32(0) }(owner, token, spender));
    }

    function addressOf(address owner, IERC20 token, address spender) external view returns (address) {
        bytes memory initCode = abi.encodePacked(type(KeyWallet).creationCode, abi.encode(owner, token, spender));
        bytes32 digest = keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), keccak256(initCode)));
        return address(uint160(uint256(digest)));
    }
}
