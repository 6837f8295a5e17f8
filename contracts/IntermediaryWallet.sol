// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { LowLevelCall } from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { IIntermediaryWallet } from "./interfaces/IIntermediaryWallet.sol";

/// @title IntermediaryWallet
/// @notice Holds the intermediary's own inventory; payers' money never passes through its payouts.
contract IntermediaryWallet is IIntermediaryWallet, AccessControlDefaultAdminRules, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev What has left in the current hour, by its number since 1970, and in the day of that hour. One word.
    struct Spending {
        uint112 inHour;
        uint112 inDay;
        uint32 hour;
    }

    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    bytes32 public constant TREASURER_ROLE = keccak256("TREASURER_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    uint256 public constant CAPS_RAISE_DELAY = 1 days;
    /// @dev Enough for any usual token; a payee's coin hook gets the smaller one.
    uint256 private constant TOKEN_GAS = 120_000;
    uint256 private constant COIN_GAS = 30_000;
    /// @dev Before each item: its call in full (a call passes on 63 parts of 64), and its credit should it fail.
    uint256 private constant ITEM_GAS = 185_000;

    mapping(bytes32 identifier => bool done) public override isDone;
    mapping(address payee => mapping(address token => uint256 amount)) public override credits;
    mapping(address token => uint256 amount) public totalCredits;
    mapping(address token => Caps caps) public capsOf;
    mapping(address token => Spending spending) public spendingOf;
    mapping(address token => Caps caps) private _proposedCaps;
    mapping(address token => uint256 effectiveAt) public capsRaiseEffectiveAt;
    mapping(address token => bool known) private _hadCaps;
    mapping(address token => uint256 threshold) private _proposedThreshold;
    mapping(address token => uint256 effectiveAt) public allowListRaiseEffectiveAt;
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
        if (_tryPay(token, token.code.length != 0, payee, amount)) emit PaidOut(payoutIdentifier, 0, payee, amount);
        else _credit(payoutIdentifier, 0, token, payee, amount);
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
        uint256 total = _checkItems(token, items);
        // write
        isDone[batchIdentifier] = true;
        _spend(token, total);
        // transfer, and emit what came of it
        emit BatchPaidOut(batchIdentifier, token, items, _payItems(batchIdentifier, token, items));
    }

    /// @inheritdoc IIntermediaryWallet
    function claim(address token) external override nonReentrant {
        _claim(token, msg.sender);
    }

    /// @inheritdoc IIntermediaryWallet
    function claimTo(address token, address recipient) external override nonReentrant {
        _claim(token, recipient);
    }

    /// @notice Lowers caps at once; a raise of any of them waits for a day, but for the first setting of a token.
    function setCaps(address token, Caps calldata caps) external onlyRole(TREASURER_ROLE) {
        Caps memory current = capsOf[token];
        bool isLower =
            caps.perCall <= current.perCall && caps.perHour <= current.perHour && caps.perDay <= current.perDay;
        // Caps of zero are caps: only a token that never had any is free of the delay.
        if (isLower || !_hadCaps[token]) {
            _hadCaps[token] = true;
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

    /// @notice Above `threshold` units a payee must be on the list; zero turns the list off. A list comes into force, or
    /// reaches further down, at once; a higher threshold, or none, waits for a day.
    function setAllowListThreshold(address token, uint256 threshold) external onlyRole(TREASURER_ROLE) {
        uint256 current = allowListThreshold[token];
        if (current == 0 || (threshold != 0 && threshold <= current)) {
            delete allowListRaiseEffectiveAt[token];
            allowListThreshold[token] = threshold;
            emit AllowListThresholdChanged(token, threshold);
        } else {
            _proposedThreshold[token] = threshold;
            uint256 effectiveAt = block.timestamp + CAPS_RAISE_DELAY;
            allowListRaiseEffectiveAt[token] = effectiveAt;
            emit AllowListRaiseProposed(token, threshold, effectiveAt);
        }
    }

    /// @notice Puts a higher threshold into force once its day has passed.
    function applyAllowListRaise(address token) external {
        uint256 effectiveAt = allowListRaiseEffectiveAt[token];
        if (effectiveAt == 0 || block.timestamp < effectiveAt) revert CapsRaiseNotDue(effectiveAt);
        delete allowListRaiseEffectiveAt[token];
        uint256 threshold = _proposedThreshold[token];
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

    function _claim(address token, address recipient) private {
        uint256 amount = credits[msg.sender][token];
        if (amount == 0) revert AmountZero();
        credits[msg.sender][token] = 0;
        totalCredits[token] -= amount;
        emit Claimed(msg.sender, token, amount);
        _send(token, recipient, amount);
    }

    /// @dev The sum of all items, each of which has an amount and a payee who may have it. No sum of 96-bit amounts that
    /// fits into a call overflows.
    function _checkItems(address token, bytes calldata items) private view returns (uint256 total) {
        uint256 threshold = allowListThreshold[token];
        if (threshold == 0) threshold = type(uint256).max;
        unchecked {
            for (uint256 offset = 0; offset < items.length; offset += 32) {
                (address payee, uint256 amount) = _itemAt(items, offset);
                if (amount == 0) revert AmountZero();
                if (amount > threshold && !isAllowed[payee]) revert PayeeNotAllowed(payee, amount);
                total += amount;
            }
        }
    }

    function _payItems(
        bytes32 batchIdentifier,
        address token,
        bytes calldata items
    ) private returns (bytes memory failed) {
        bool hasCode = token.code.length != 0;
        unchecked {
            for (uint256 offset = 0; offset < items.length; offset += 32) {
                (address payee, uint256 amount) = _itemAt(items, offset);
                if (_tryPay(token, hasCode, payee, amount)) continue;
                uint256 index = offset / 32;
                if (failed.length == 0) failed = new bytes((items.length / 32 + 7) / 8);
                failed[index / 8] |= bytes1(uint8(1 << (index % 8)));
                _credit(batchIdentifier, index, token, payee, amount);
            }
        }
    }

    /// @dev Read without a slice's bounds, which cost 165 gas an item: `offset` is a multiple of 32 below a length that is
    /// one too.
    function _itemAt(bytes calldata items, uint256 offset) private pure returns (address payee, uint256 amount) {
        uint256 word;
        assembly ("memory-safe") {
            word := calldataload(add(items.offset, offset))
        }
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

    function _spend(address token, uint256 amount) internal virtual {
        _checkInventory(token, amount);
        Caps memory caps = capsOf[token];
        if (amount > caps.perCall) revert CapExceeded(token, caps.perCall, amount);
        Spending memory spending = spendingOf[token];
        uint256 hour = block.timestamp / 1 hours;
        uint256 inHour = (spending.hour == hour ? spending.inHour : 0) + amount;
        uint256 inDay = (spending.hour / 24 == hour / 24 ? spending.inDay : 0) + amount;
        if (inHour > caps.perHour) revert CapExceeded(token, caps.perHour, inHour);
        if (inDay > caps.perDay) revert CapExceeded(token, caps.perDay, inDay);
        // Whatever the caps say, no more leaves than the word can count.
        if (inDay > type(uint112).max) revert CapExceeded(token, type(uint112).max, inDay);
        spendingOf[token] = Spending(uint112(inHour), uint112(inDay), uint32(hour));
    }

    function _tryPay(address token, bool hasCode, address payee, uint256 amount) private returns (bool paid) {
        // Nobody can make items fail by giving the call too little gas.
        if (gasleft() < ITEM_GAS) revert GasInsufficient(gasleft(), ITEM_GAS);
        return token == address(0) ? _tryCoin(payee, amount) : _tryToken(token, hasCode, payee, amount);
    }

    function _credit(bytes32 identifier, uint256 index, address token, address payee, uint256 amount) internal virtual {
        credits[payee][token] += amount;
        totalCredits[token] += amount;
        emit PayoutFailed(identifier, index, payee, amount);
    }

    /// @dev Nothing that comes back is copied, so a payee cannot make it dear.
    function _tryCoin(address payee, uint256 amount) private returns (bool paid) {
        assembly ("memory-safe") {
            paid := call(COIN_GAS, payee, amount, 0, 0, 0, 0)
        }
    }

    /// @dev Paid when the call succeeds and the token returns nothing or true. At most one word is copied.
    function _tryToken(address token, bool hasCode, address payee, uint256 amount) private returns (bool paid) {
        bytes4 selector = IERC20.transfer.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0x00, selector)
            mstore(0x04, payee)
            mstore(0x24, amount)
            let succeeded := call(TOKEN_GAS, token, 0, 0x00, 0x44, 0x00, 0x20)
            let size := returndatasize()
            paid := and(succeeded, or(and(iszero(size), hasCode), and(gt(size, 31), eq(mload(0x00), 1))))
            mstore(0x40, free)
        }
    }

    function _send(address token, address recipient, uint256 amount) private {
        if (token != address(0)) return IERC20(token).safeTransfer(recipient, amount);
        if (!LowLevelCall.callNoReturn(recipient, amount, "")) revert CoinTransferFailed(recipient, amount);
    }
}
