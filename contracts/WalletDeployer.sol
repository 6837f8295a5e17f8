// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { LowLevelCall } from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import { IWalletDeployer } from "./interfaces/IWalletDeployer.sol";

/// @title WalletDeployer
/// @notice Deploys payers' wallets for the escrow; holds nothing and has no rights anywhere.
contract WalletDeployer is IWalletDeployer {
    /// @inheritdoc IWalletDeployer
    function deploy(address factory, bytes calldata factoryCall) external override {
        LowLevelCall.callNoReturn(factory, factoryCall);
    }
}
