// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Holds the intermediary's inventory and pays out of it, singly and in batches.
interface IIntermediaryWallet {
    /// @notice Token units that may leave in one call, within one hour and within one day.
    struct Caps {
        uint128 perCall;
        uint128 perHour;
        uint128 perDay;
    }

    /// @notice A single payout reached its payee; `index` is 0.
    event PaidOut(bytes32 indexed batchIdentifier, uint256 index, address payee, uint256 amount);
    /// @notice A batch was gone through. `items` are as given; bit n of `failed` (byte n / 8, its lowest bit first) is set
    /// when item n could not be paid, and `failed` is empty when all could: one event for all items, because an event for
    /// each would cost 1,600 gas more an item. Each failed item has its own `PayoutFailed` as well.
    event BatchPaidOut(bytes32 indexed batchIdentifier, address indexed token, bytes items, bytes failed);
    /// @notice The payee would not take it: the amount waits as a credit.
    event PayoutFailed(bytes32 indexed batchIdentifier, uint256 index, address payee, uint256 amount);
    event Claimed(address indexed payee, address indexed token, uint256 amount);
    /// @notice Zero, which turns the list off, is the highest of thresholds.
    event AllowListRaiseProposed(address indexed token, uint256 threshold, uint256 effectiveAt);
    event CapsRaiseProposed(address indexed token, Caps caps, uint256 effectiveAt);
    event CapsChanged(address indexed token, Caps caps);
    event AllowListChanged(address indexed payee, bool allowed);
    event AllowListThresholdChanged(address indexed token, uint256 threshold);
    event ColdAddressChanged(address coldAddress);
    event SweptToCold(address indexed token, uint256 amount);
    event PauseChanged(bool paused);

    error Paused();
    error AmountZero();
    error ItemsMalformed(uint256 length);
    error CapExceeded(address token, uint256 cap, uint256 wouldBe);
    error PayeeNotAllowed(address payee, uint256 amount);
    error InventoryInsufficient(address token, uint256 available, uint256 requested);
    /// @notice What is left of the call's gas might make an item fail that could be paid; nothing is paid.
    error GasInsufficient(uint256 left, uint256 needed);
    error CapsRaiseNotDue(uint256 effectiveAt);
    error ColdAddressMissing();
    error CoinTransferFailed(address recipient, uint256 amount);

    /// @notice Pays one payee, once per identifier: a second call with it has no effect.
    function payout(bytes32 payoutIdentifier, address token, address payee, uint256 amount) external;

    /// @notice Pays many payees, once per identifier. Each item is 32 bytes: 20 of address, 12 of amount. An item that
    /// cannot be paid becomes a credit and does not touch its neighbours.
    function payoutBatch(bytes32 batchIdentifier, address token, bytes calldata items) external;

    /// @notice Pays the caller what earlier payouts could not; a pause does not stop it.
    function claim(address token) external;

    /// @notice The same to a recipient of the caller's choice, for payees that cannot take coins themselves.
    function claimTo(address token, address recipient) external;

    function isDone(bytes32 identifier) external view returns (bool);

    function credits(address payee, address token) external view returns (uint256);
}
