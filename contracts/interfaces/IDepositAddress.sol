// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Holds what one payer has pushed, until its factory moves it.
interface IDepositAddress {
    error FactoryOnly(address sender);

    /// @notice Calls `target`, for the factory alone; its failure is the caller's failure.
    function execute(address target, uint256 value, bytes calldata data) external returns (bytes memory);
}
