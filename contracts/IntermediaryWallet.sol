// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { IIntermediaryWallet } from "./interfaces/IIntermediaryWallet.sol";

/// @title IntermediaryWallet
/// @notice Holds the intermediary's own inventory; payers' money never passes through its payouts.
contract IntermediaryWallet is IIntermediaryWallet, AccessControlDefaultAdminRules, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev What has left in the current hour and day, by their numbers since 1970.
    struct Spending {
        uint128 inHour;
        uint128 inDay;
        uint64 hour;
        uint64 day;
    }

    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    bytes32 public constant TREASURER_ROLE = keccak256("TREASURER_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    uint256 public constant CAPS_RAISE_DELAY = 1 days;
    /// @dev Enough for any usual token; a payee's coin hook gets the smaller one.
    uint256 private constant TOKEN_GAS = 120_000;
    uint256 private constant COIN_GAS = 30_000;

    mapping(bytes32 identifier => bool done) public override isDone;
    mapping(address payee => mapping(address token => uint256 amount)) public override credits;
    mapping(address token => uint256 amount) public totalCredits;
    mapping(address token => Caps caps) public capsOf;
    mapping(address token => Spending spending) public spendingOf;
    mapping(address token => Caps caps) private _proposedCaps;
    mapping(address token => uint256 effectiveAt) public capsRaiseEffectiveAt;
    mapping(address token => uint256 threshold) public allowListThreshold;
    mapping(address payee => bool allowed) public isAllowed;
    address public coldAddress;
    bool public paused;

    constructor(
        address admin,
        address operator,
        address treasurer,
        address pauser
    ) AccessControlDefaultAdminRules(1 days, admin) {
        _grantRole(OPERATOR_ROLE, operator);
        _grantRole(TREASURER_ROLE, treasurer);
        _grantRole(PAUSER_ROLE, pauser);
    }

    receive() external payable {}

    /// @inheritdoc IIntermediaryWallet
    function payout(
        bytes32 payoutIdentifier,
        address token,
        address payee,
        uint256 amount
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        // check
        if (paused) revert Paused();
        if (isDone[payoutIdentifier]) return;
        if (amount == 0) revert AmountZero();
        _checkPayee(token, payee, amount);
        // write
        isDone[payoutIdentifier] = true;
        _spend(token, amount);
        // transfer, and emit what came of it
        _payItem(payoutIdentifier, 0, token, payee, amount);
    }

    /// @inheritdoc IIntermediaryWallet
    function payoutBatch(
        bytes32 batchIdentifier,
        address token,
        bytes calldata items
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        // check
        if (paused) revert Paused();
        if (isDone[batchIdentifier]) return;
        if (items.length == 0 || items.length % 32 != 0) revert ItemsMalformed(items.length);
        uint256 count = items.length / 32;
        uint256 total;
        for (uint256 index = 0; index < count; ++index) {
            (address payee, uint256 amount) = _itemAt(items, index);
            if (amount == 0) revert AmountZero();
            _checkPayee(token, payee, amount);
            total += amount;
        }
        // write
        isDone[batchIdentifier] = true;
        _spend(token, total);
        // transfer, and emit what came of it
        for (uint256 index = 0; index < count; ++index) {
            (address payee, uint256 amount) = _itemAt(items, index);
            _payItem(batchIdentifier, index, token, payee, amount);
        }
    }

    /// @inheritdoc IIntermediaryWallet
    function claim(address token) external override nonReentrant {
        uint256 amount = credits[msg.sender][token];
        if (amount == 0) revert AmountZero();
        credits[msg.sender][token] = 0;
        totalCredits[token] -= amount;
        emit Claimed(msg.sender, token, amount);
        _send(token, msg.sender, amount);
    }

    /// @notice Lowers caps at once; a raise of any of them waits for a day, but for the first setting of a token.
    function setCaps(address token, Caps calldata caps) external onlyRole(TREASURER_ROLE) {
        Caps memory current = capsOf[token];
        bool isFirst = current.perCall == 0 && current.perHour == 0 && current.perDay == 0;
        bool isLower =
            caps.perCall <= current.perCall && caps.perHour <= current.perHour && caps.perDay <= current.perDay;
        if (isFirst || isLower) {
            delete capsRaiseEffectiveAt[token];
            capsOf[token] = caps;
            emit CapsChanged(token, caps);
        } else {
            _proposedCaps[token] = caps;
            uint256 effectiveAt = block.timestamp + CAPS_RAISE_DELAY;
            capsRaiseEffectiveAt[token] = effectiveAt;
            emit CapsRaiseProposed(token, caps, effectiveAt);
        }
    }

    /// @notice Puts a raise into force once its day has passed.
    function applyCapsRaise(address token) external {
        uint256 effectiveAt = capsRaiseEffectiveAt[token];
        if (effectiveAt == 0 || block.timestamp < effectiveAt) revert CapsRaiseNotDue(effectiveAt);
        delete capsRaiseEffectiveAt[token];
        Caps memory caps = _proposedCaps[token];
        capsOf[token] = caps;
        emit CapsChanged(token, caps);
    }

    function setAllowed(address payee, bool allowed) external onlyRole(TREASURER_ROLE) {
        isAllowed[payee] = allowed;
        emit AllowListChanged(payee, allowed);
    }

    /// @notice Above `threshold` units a payee must be on the list; zero turns the list off.
    function setAllowListThreshold(address token, uint256 threshold) external onlyRole(TREASURER_ROLE) {
        allowListThreshold[token] = threshold;
        emit AllowListThresholdChanged(token, threshold);
    }

    function setColdAddress(address coldAddress_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        coldAddress = coldAddress_;
        emit ColdAddressChanged(coldAddress_);
    }

    /// @notice Moves inventory to the cold address, never what payees can claim.
    function sweepToCold(address token, uint256 amount) external onlyRole(TREASURER_ROLE) nonReentrant {
        if (coldAddress == address(0)) revert ColdAddressMissing();
        _checkInventory(token, amount);
        emit SweptToCold(token, amount);
        _send(token, coldAddress, amount);
    }

    /// @notice Stops payouts; claims go on.
    function setPaused(bool paused_) external onlyRole(PAUSER_ROLE) {
        paused = paused_;
        emit PauseChanged(paused_);
    }

    function _itemAt(bytes calldata items, uint256 index) private pure returns (address payee, uint256 amount) {
        uint256 word = uint256(bytes32(items[index * 32:index * 32 + 32]));
        payee = address(uint160(word >> 96));
        amount = uint96(word);
    }

    function _checkPayee(address token, address payee, uint256 amount) private view {
        uint256 threshold = allowListThreshold[token];
        if (threshold != 0 && amount > threshold && !isAllowed[payee]) revert PayeeNotAllowed(payee, amount);
    }

    function _checkInventory(address token, uint256 amount) private view {
        uint256 balance = token == address(0) ? address(this).balance : IERC20(token).balanceOf(address(this));
        uint256 reserved = totalCredits[token];
        uint256 available = balance > reserved ? balance - reserved : 0;
        if (amount > available) revert InventoryInsufficient(token, available, amount);
    }

    function _spend(address token, uint256 amount) private {
        _checkInventory(token, amount);
        Caps memory caps = capsOf[token];
        if (amount > caps.perCall) revert CapExceeded(token, caps.perCall, amount);
        Spending memory spending = spendingOf[token];
        uint64 hour = uint64(block.timestamp / 1 hours);
        uint64 day = uint64(block.timestamp / 1 days);
        uint256 inHour = (spending.hour == hour ? spending.inHour : 0) + amount;
        uint256 inDay = (spending.day == day ? spending.inDay : 0) + amount;
        if (inHour > caps.perHour) revert CapExceeded(token, caps.perHour, inHour);
        if (inDay > caps.perDay) revert CapExceeded(token, caps.perDay, inDay);
        spendingOf[token] = Spending(uint128(inHour), uint128(inDay), hour, day);
    }

    function _payItem(bytes32 identifier, uint256 index, address token, address payee, uint256 amount) private {
        bool paid = token == address(0) ? _tryCoin(payee, amount) : _tryToken(token, payee, amount);
        if (paid) {
            emit PaidOut(identifier, index, payee, amount);
        } else {
            credits[payee][token] += amount;
            totalCredits[token] += amount;
            emit PayoutFailed(identifier, index, payee, amount);
        }
    }

    /// @dev Nothing that comes back is copied, so a payee cannot make it dear.
    function _tryCoin(address payee, uint256 amount) private returns (bool paid) {
        assembly ("memory-safe") {
            paid := call(COIN_GAS, payee, amount, 0, 0, 0, 0)
        }
    }

    /// @dev Paid when the call succeeds and the token returns nothing or true. At most one word is copied.
    function _tryToken(address token, address payee, uint256 amount) private returns (bool paid) {
        bytes memory data = abi.encodeCall(IERC20.transfer, (payee, amount));
        assembly ("memory-safe") {
            let succeeded := call(TOKEN_GAS, token, 0, add(data, 32), mload(data), 0, 32)
            let size := returndatasize()
            paid := and(succeeded, or(and(iszero(size), gt(extcodesize(token), 0)), and(gt(size, 31), eq(mload(0), 1))))
        }
    }

    function _send(address token, address recipient, uint256 amount) private {
        if (token != address(0)) return IERC20(token).safeTransfer(recipient, amount);
        (bool sent, ) = recipient.call{ value: amount }("");
        if (!sent) revert CoinTransferFailed(recipient, amount);
    }
}
