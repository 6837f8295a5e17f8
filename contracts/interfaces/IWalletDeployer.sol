// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Makes the calls that ERC-6492 signatures ask for, from an address that holds nothing and may do nothing.
/// @notice An escrow that made them itself could be told to call a token as its «factory» and give its money away.
interface IWalletDeployer {
    /// @notice Calls `factory`. Whether a wallet came of it is for the caller to see; nothing returned is copied.
    function deploy(address factory, bytes calldata factoryCall) external;
}
