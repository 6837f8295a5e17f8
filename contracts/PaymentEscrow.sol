// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { IPaymentEscrow } from "./interfaces/IPaymentEscrow.sol";
import { IReceiveWithAuthorization } from "./interfaces/IReceiveWithAuthorization.sol";

/// @title PaymentEscrow
/// @notice Holds payers' money between authorization and capture; it has no payout.
contract PaymentEscrow is IPaymentEscrow, AccessControlDefaultAdminRules, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 private constant TERMS_TYPEHASH = keccak256(
        "PaymentTerms(uint256 chain,address escrow,address payer,address receiver,address token,uint120 maximumAmount,uint48 preApprovalExpiry,uint48 authorizationExpiry,uint48 refundExpiry,uint16 minimumFeeBasisPoints,uint16 maximumFeeBasisPoints,address feeReceiver,uint256 salt)"
    );
    uint256 private constant BASIS_POINTS = 10_000;

    mapping(bytes32 paymentIdentifier => PaymentState state) private _payments;
    mapping(address feeReceiver => mapping(address token => uint256 amount)) public override accruedFees;
    bool public paused;

    /// @param admin Hands out roles; handed over in two steps. @param operator Moves payments. @param pauser Stops them.
    constructor(address admin, address operator, address pauser) AccessControlDefaultAdminRules(1 days, admin) {
        _grantRole(OPERATOR_ROLE, operator);
        _grantRole(PAUSER_ROLE, pauser);
    }

    /// @notice Stops authorize and charge. What is held can still be captured, voided, reclaimed and refunded.
    function setPaused(bool paused_) external onlyRole(PAUSER_ROLE) {
        paused = paused_;
        emit PauseChanged(paused_);
    }

    /// @inheritdoc IPaymentEscrow
    function authorize(
        PaymentTerms calldata terms,
        uint256 amount,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        bytes32 paymentIdentifier = _open(terms, amount);
        uint256 before = _balance(terms.token);
        IReceiveWithAuthorization(terms.token).receiveWithAuthorization(
            terms.payer,
            address(this),
            terms.maximumAmount,
            0,
            terms.preApprovalExpiry,
            nonceOf(paymentIdentifier),
            v,
            r,
            s
        );
        _keep(terms, paymentIdentifier, amount, before);
    }

    /// @inheritdoc IPaymentEscrow
    function authorize(
        PaymentTerms calldata terms,
        uint256 amount,
        bytes calldata signature
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        bytes32 paymentIdentifier = _open(terms, amount);
        _takeBySignature(terms, paymentIdentifier, amount, signature);
    }

    /// @inheritdoc IPaymentEscrow
    function authorizeNative(PaymentTerms calldata terms) external payable override nonReentrant {
        // check: a coin comes only from its owner
        if (terms.token != address(0)) revert TokenMismatch(terms.token);
        if (msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        bytes32 paymentIdentifier = _open(terms, msg.value);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, address(0), msg.value);
    }

    /// @inheritdoc IPaymentEscrow
    function authorizeWithAllowance(PaymentTerms calldata terms, uint256 amount) external override nonReentrant {
        // check: an allowance says nothing about terms, so only the payer can name them
        if (msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        bytes32 paymentIdentifier = _open(terms, amount);
        uint256 before = _balance(terms.token);
        IERC20(terms.token).safeTransferFrom(terms.payer, address(this), amount);
        uint256 received = _balance(terms.token) - before;
        if (received != amount) revert ReceivedTooLittle(amount, received);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function charge(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        bytes32 paymentIdentifier = _open(terms, amount);
        uint256 before = _balance(terms.token);
        IReceiveWithAuthorization(terms.token).receiveWithAuthorization(
            terms.payer,
            address(this),
            terms.maximumAmount,
            0,
            terms.preApprovalExpiry,
            nonceOf(paymentIdentifier),
            v,
            r,
            s
        );
        _returnSurplus(terms, amount, before);
        _settleCharge(terms, paymentIdentifier, amount, feeAmount);
    }

    /// @inheritdoc IPaymentEscrow
    function charge(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        bytes calldata signature
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        bytes32 paymentIdentifier = _open(terms, amount);
        uint256 before = _balance(terms.token);
        IReceiveWithAuthorization(terms.token).receiveWithAuthorization(
            terms.payer,
            address(this),
            terms.maximumAmount,
            0,
            terms.preApprovalExpiry,
            nonceOf(paymentIdentifier),
            signature
        );
        _returnSurplus(terms, amount, before);
        _settleCharge(terms, paymentIdentifier, amount, feeAmount);
    }

    /// @inheritdoc IPaymentEscrow
    function capture(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        uint256 sequence
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        // check
        bytes32 paymentIdentifier = _hash(terms);
        (PaymentState memory state, bool done) = _next(paymentIdentifier, sequence);
        if (done) return;
        if (amount == 0) revert AmountZero();
        if (block.timestamp >= terms.authorizationExpiry) revert Expired(terms.authorizationExpiry, block.timestamp);
        if (amount > state.capturable) revert AmountExceedsHold(paymentIdentifier, state.capturable, amount);
        _checkFee(terms, amount, feeAmount);
        // write
        unchecked {
            // amount <= capturable, and capturable + refundable never exceed what was authorized, a uint120
            _payments[paymentIdentifier] = PaymentState({
                capturable: uint120(state.capturable - amount),
                refundable: uint120(state.refundable + amount),
                nextSequence: state.nextSequence + 1
            });
        }
        if (feeAmount != 0) accruedFees[terms.feeReceiver][terms.token] += feeAmount;
        // emit
        emit Captured(paymentIdentifier, sequence, amount, feeAmount);
        // transfer
        _pay(terms.token, terms.receiver, amount - feeAmount);
    }

    /// @inheritdoc IPaymentEscrow
    function void(
        PaymentTerms calldata terms,
        uint256 sequence
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        bytes32 paymentIdentifier = _hash(terms);
        (PaymentState memory state, bool done) = _next(paymentIdentifier, sequence);
        if (done) return;
        uint256 amount = state.capturable;
        // Nothing held is no failure: the number is used up, so that later ones do not wait for it.
        _payments[paymentIdentifier] = PaymentState(0, state.refundable, state.nextSequence + 1);
        emit Voided(paymentIdentifier, sequence, amount);
        _pay(terms.token, terms.payer, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function reclaim(PaymentTerms calldata terms) external override nonReentrant {
        if (msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        if (block.timestamp < terms.authorizationExpiry) revert NotExpired(terms.authorizationExpiry, block.timestamp);
        bytes32 paymentIdentifier = _hash(terms);
        PaymentState memory state = _payments[paymentIdentifier];
        uint256 amount = state.capturable;
        if (amount == 0) revert AmountExceedsHold(paymentIdentifier, 0, 0);
        _payments[paymentIdentifier] = PaymentState(0, state.refundable, state.nextSequence + 1);
        emit Reclaimed(paymentIdentifier, state.nextSequence, amount);
        _pay(terms.token, terms.payer, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function refund(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 sequence
    ) external payable override nonReentrant {
        // check
        if (msg.sender != terms.receiver) _checkRole(OPERATOR_ROLE);
        bytes32 paymentIdentifier = _hash(terms);
        (PaymentState memory state, bool done) = _next(paymentIdentifier, sequence);
        // Coins sent along with a refund that is done already go back with the whole call.
        if (done && msg.value != 0) revert ValueMismatch(0, msg.value);
        if (done) return;
        if (amount == 0) revert AmountZero();
        if (block.timestamp >= terms.refundExpiry) revert Expired(terms.refundExpiry, block.timestamp);
        if (amount > state.refundable) revert AmountExceedsCaptured(paymentIdentifier, state.refundable, amount);
        uint256 value = terms.token == address(0) ? amount : 0;
        if (msg.value != value) revert ValueMismatch(value, msg.value);
        // write
        unchecked {
            _payments[paymentIdentifier] = PaymentState({
                capturable: state.capturable,
                refundable: uint120(state.refundable - amount),
                nextSequence: state.nextSequence + 1
            });
        }
        // emit
        emit Refunded(paymentIdentifier, sequence, amount);
        // transfer
        if (terms.token == address(0)) _pay(address(0), terms.payer, amount);
        else IERC20(terms.token).safeTransferFrom(terms.receiver, terms.payer, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function sweepFees(address token, address feeReceiver) external override nonReentrant {
        uint256 amount = accruedFees[feeReceiver][token];
        if (amount == 0) revert AmountZero();
        accruedFees[feeReceiver][token] = 0;
        emit FeesSwept(token, feeReceiver, amount);
        _pay(token, feeReceiver, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function hashTerms(PaymentTerms calldata terms) external view override returns (bytes32) {
        return _hash(terms);
    }

    /// @inheritdoc IPaymentEscrow
    function payments(bytes32 paymentIdentifier) external view override returns (PaymentState memory) {
        return _payments[paymentIdentifier];
    }

    /// @inheritdoc IPaymentEscrow
    function nonceOf(bytes32 paymentIdentifier) public pure override returns (bytes32) {
        return paymentIdentifier & ~bytes32(uint256(type(uint64).max));
    }

    function _hash(PaymentTerms calldata terms) private view returns (bytes32) {
        return keccak256(abi.encode(TERMS_TYPEHASH, block.chainid, address(this), terms));
    }

    /// @dev Checks new terms and writes the payment, before anything is moved.
    function _open(PaymentTerms calldata terms, uint256 amount) private returns (bytes32 paymentIdentifier) {
        if (paused) revert Paused();
        if (amount == 0) revert AmountZero();
        if (amount > terms.maximumAmount) revert AmountExceedsMaximum(terms.maximumAmount, amount);
        if (terms.preApprovalExpiry > terms.authorizationExpiry || terms.authorizationExpiry > terms.refundExpiry) {
            revert ExpiriesOutOfOrder(terms.preApprovalExpiry, terms.authorizationExpiry, terms.refundExpiry);
        }
        if (block.timestamp >= terms.preApprovalExpiry) revert Expired(terms.preApprovalExpiry, block.timestamp);
        if (terms.maximumFeeBasisPoints != 0 && terms.feeReceiver == address(0)) revert FeeReceiverMissing();
        paymentIdentifier = _hash(terms);
        if (_payments[paymentIdentifier].nextSequence != 0) revert PaymentAlreadyAuthorized(paymentIdentifier);
        _payments[paymentIdentifier] = PaymentState({ capturable: uint120(amount), refundable: 0, nextSequence: 1 });
    }

    function _takeBySignature(
        PaymentTerms calldata terms,
        bytes32 paymentIdentifier,
        uint256 amount,
        bytes calldata signature
    ) private {
        uint256 before = _balance(terms.token);
        IReceiveWithAuthorization(terms.token).receiveWithAuthorization(
            terms.payer,
            address(this),
            terms.maximumAmount,
            0,
            terms.preApprovalExpiry,
            nonceOf(paymentIdentifier),
            signature
        );
        _keep(terms, paymentIdentifier, amount, before);
    }

    function _keep(PaymentTerms calldata terms, bytes32 paymentIdentifier, uint256 amount, uint256 before) private {
        _returnSurplus(terms, amount, before);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount);
    }

    /// @dev A signature moves the maximum; what is above the amount goes straight back.
    function _returnSurplus(PaymentTerms calldata terms, uint256 amount, uint256 before) private {
        uint256 received = _balance(terms.token) - before;
        if (received != terms.maximumAmount) revert ReceivedTooLittle(terms.maximumAmount, received);
        if (amount != terms.maximumAmount) {
            IERC20(terms.token).safeTransfer(terms.payer, terms.maximumAmount - amount);
        }
    }

    function _settleCharge(
        PaymentTerms calldata terms,
        bytes32 paymentIdentifier,
        uint256 amount,
        uint256 feeAmount
    ) private {
        _checkFee(terms, amount, feeAmount);
        _payments[paymentIdentifier] = PaymentState({ capturable: 0, refundable: uint120(amount), nextSequence: 1 });
        if (feeAmount != 0) accruedFees[terms.feeReceiver][terms.token] += feeAmount;
        emit Charged(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount, feeAmount);
        _pay(terms.token, terms.receiver, amount - feeAmount);
    }

    /// @dev `done` says that a movement with this number has taken place.
    function _next(
        bytes32 paymentIdentifier,
        uint256 sequence
    ) private view returns (PaymentState memory state, bool done) {
        state = _payments[paymentIdentifier];
        if (state.nextSequence == 0) revert PaymentUnknown(paymentIdentifier);
        if (sequence > state.nextSequence) revert SequenceAhead(paymentIdentifier, state.nextSequence, sequence);
        done = sequence < state.nextSequence;
    }

    function _checkFee(PaymentTerms calldata terms, uint256 amount, uint256 feeAmount) private pure {
        uint256 minimum = (amount * terms.minimumFeeBasisPoints) / BASIS_POINTS;
        uint256 maximum = (amount * terms.maximumFeeBasisPoints) / BASIS_POINTS;
        if (feeAmount < minimum || feeAmount > maximum || feeAmount > amount) {
            revert FeeOutOfBounds(feeAmount, minimum, maximum);
        }
    }

    function _pay(address token, address recipient, uint256 amount) private {
        if (amount == 0) return;
        if (token != address(0)) return IERC20(token).safeTransfer(recipient, amount);
        (bool sent, ) = recipient.call{ value: amount }("");
        if (!sent) revert CoinTransferFailed(recipient, amount);
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }
}
