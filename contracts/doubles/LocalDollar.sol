// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20TransferAuthorization } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title LocalDollar
/// @notice A dollar token for tests and local runs, with 6 decimals and ERC-3009 transfers; its minter makes it at will.
contract LocalDollar is ERC20TransferAuthorization {
    error MinterOnly(address sender);

    address public immutable minter;

    constructor(address minter_) ERC20("Local Dollar", "USDL") EIP712("Local Dollar", "1") {
        minter = minter_;
    }

    function mint(address recipient, uint256 amount) external {
        if (msg.sender != minter) revert MinterOnly(msg.sender);
        _mint(recipient, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
