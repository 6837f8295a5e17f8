// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { Address } from "@openzeppelin/contracts/utils/Address.sol";
import { IDepositAddress } from "./interfaces/IDepositAddress.sol";

/// @title DepositAddress
/// @notice The address of one deposit. It takes anything and decides nothing: its rules are its factory's.
contract DepositAddress is IDepositAddress {
    address private immutable _factory = msg.sender;

    receive() external payable {}

    /// @inheritdoc IDepositAddress
    function execute(address target, uint256 value, bytes calldata data) external override returns (bytes memory) {
        if (msg.sender != _factory) revert FactoryOnly(msg.sender);
        if (data.length != 0) return Address.functionCallWithValue(target, data, value);
        Address.sendValue(payable(target), value);
        return "";
    }
}
