// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { SignatureChecker } from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import { LowLevelCall } from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { IPaymentEscrow } from "./interfaces/IPaymentEscrow.sol";
import { IReceiveWithAuthorization } from "./interfaces/IReceiveWithAuthorization.sol";
import { IWalletDeployer } from "./interfaces/IWalletDeployer.sol";
import { PaymentWord, PaymentWords } from "./libraries/PaymentWord.sol";
import { TokenCalls } from "./libraries/TokenCalls.sol";
import { WrappedSignature } from "./libraries/WrappedSignature.sol";
import { WalletDeployer } from "./WalletDeployer.sol";

/// @title PaymentEscrow
/// @notice Holds payers' money between authorization and capture; it has no payout.
/// @dev The six verbs and three expiries are those of base/commerce-payments; the sequence is what it lacks.
contract PaymentEscrow is IPaymentEscrow, AccessControlDefaultAdminRules, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using TokenCalls for IERC20;
    using TokenCalls for IReceiveWithAuthorization;
    using WrappedSignature for bytes;

    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    bytes32 private constant TERMS_TYPEHASH = keccak256(
        "PaymentTerms(uint256 chain,address escrow,address payer,address receiver,address token,uint120 maximumAmount,uint48 preApprovalExpiry,uint48 authorizationExpiry,uint48 refundExpiry,uint16 minimumFeeBasisPoints,uint16 maximumFeeBasisPoints,address feeReceiver,uint256 salt)"
    );
    /// @dev A pause writes a word for each, so there is an end to them.
    uint256 private constant MAXIMUM_OPERATORS = 32;
    uint256 private constant BASIS_POINTS = 10_000;
    /// @dev Makes the calls of ERC-6492; an address of its own, so that they never come from this contract.
    IWalletDeployer public immutable walletDeployer = new WalletDeployer();

    mapping(bytes32 paymentIdentifier => PaymentWord word) private _payments;
    mapping(bytes32 paymentIdentifier => Headroom headroom) private _headrooms;
    mapping(address feeReceiver => mapping(address token => uint256 amount)) public override accruedFees;
    /// @dev Has the operator's role, and nothing is paused: both in one word, because to read two costs 2,200 gas more in
    /// every authorize and charge.
    mapping(address operator => bool allowed) private _mayOpen;
    address[] private _operators;
    bool public paused;

    /// @dev Stands on every verb of an operator that takes new money.
    modifier onlyOpener() {
        if (!_mayOpen[msg.sender]) {
            _checkRole(OPERATOR_ROLE);
            revert Paused();
        }
        _;
    }

    /// @param admin Hands out roles; handed over in two steps. @param operator Moves payments. @param pauser Stops them.
    constructor(
        address admin,
        address operator,
        address pauser
    ) AccessControlDefaultAdminRules(1 days, admin) EIP712("Specie PaymentEscrow", "1") {
        _grantRole(OPERATOR_ROLE, operator);
        _grantRole(PAUSER_ROLE, pauser);
    }

    /// @notice Stops authorize and charge. What is held can still be captured, voided, reclaimed and refunded.
    function setPaused(bool paused_) external onlyRole(PAUSER_ROLE) {
        paused = paused_;
        uint256 count = _operators.length;
        for (uint256 index = 0; index < count; ++index) _mayOpen[_operators[index]] = !paused_;
        emit PauseChanged(paused_);
    }

    /// @inheritdoc IPaymentEscrow
    function authorize(
        PaymentTerms calldata terms,
        uint256 amount,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external override onlyOpener nonReentrant {
        bytes32 paymentIdentifier = _openHold(terms, amount);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount);
        _takeMaximum(terms, paymentIdentifier, amount, v, r, s);
    }

    /// @inheritdoc IPaymentEscrow
    function authorize(
        PaymentTerms calldata terms,
        uint256 amount,
        bytes calldata signature
    ) external override onlyOpener nonReentrant {
        bytes32 paymentIdentifier = _openHold(terms, amount);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount);
        _takeMaximum(terms, paymentIdentifier, amount, signature);
    }

    /// @inheritdoc IPaymentEscrow
    function authorizeNative(PaymentTerms calldata terms) external payable override nonReentrant {
        // check: a coin comes only from its owner
        if (terms.token != address(0)) revert TokenMismatch(terms.token);
        if (msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        if (paused) revert Paused();
        bytes32 paymentIdentifier = _openHold(terms, msg.value);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, address(0), msg.value);
    }

    /// @inheritdoc IPaymentEscrow
    function authorizeWithAllowance(PaymentTerms calldata terms, uint256 amount) external override nonReentrant {
        // check: an allowance says nothing about terms, so only the payer can name them
        if (msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        if (paused) revert Paused();
        _authorizeByAllowance(terms, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function authorizeWithAllowance(
        PaymentTerms calldata terms,
        uint256 amount,
        bytes calldata signature
    ) external override onlyOpener nonReentrant {
        _checkPayerSigned(terms, signature);
        _authorizeByAllowance(terms, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function incrementAuthorization(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 sequence
    ) external payable override nonReentrant {
        if (msg.sender != terms.payer) _checkRole(OPERATOR_ROLE);
        (bytes32 paymentIdentifier, uint256 increment) = _increment(terms, amount, sequence);
        if (increment == 0) {
            if (msg.value != 0) revert ValueMismatch(0, msg.value);
            return;
        }
        uint256 value = terms.token == address(0) ? amount : 0;
        if (msg.value != value) revert ValueMismatch(value, msg.value);
        if (value != 0 && msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        emit AuthorizationIncremented(paymentIdentifier, sequence, amount);
        if (value == 0) _takeByAllowance(terms, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function incrementAuthorization(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 sequence,
        bytes calldata signature
    ) external override onlyOpener nonReentrant {
        (bytes32 paymentIdentifier, uint256 increment) = _increment(terms, amount, sequence);
        if (increment == 0) return;
        emit AuthorizationIncremented(paymentIdentifier, sequence, amount);
        _takeBySignature(
            terms,
            amount,
            terms.authorizationExpiry,
            nonceOf(keccak256(abi.encode(paymentIdentifier, increment))),
            signature
        );
    }

    /// @inheritdoc IPaymentEscrow
    function charge(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external override onlyOpener nonReentrant {
        bytes32 paymentIdentifier = _openCharge(terms, amount, feeAmount);
        _takeMaximum(terms, paymentIdentifier, amount, v, r, s);
        _pay(terms.token, terms.receiver, amount - feeAmount);
    }

    /// @inheritdoc IPaymentEscrow
    function charge(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        bytes calldata signature
    ) external override onlyOpener nonReentrant {
        bytes32 paymentIdentifier = _openCharge(terms, amount, feeAmount);
        _takeMaximum(terms, paymentIdentifier, amount, signature);
        _pay(terms.token, terms.receiver, amount - feeAmount);
    }

    /// @inheritdoc IPaymentEscrow
    function chargeWithAllowance(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount,
        bytes calldata signature
    ) external override onlyOpener nonReentrant {
        _checkPayerSigned(terms, signature);
        _openCharge(terms, amount, feeAmount);
        _takeByAllowance(terms, amount);
        _pay(terms.token, terms.receiver, amount - feeAmount);
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
        (PaymentWord word, bool done) = _next(paymentIdentifier, sequence);
        if (done) return;
        if (amount == 0) revert AmountZero();
        if (block.timestamp >= terms.authorizationExpiry) revert Expired(terms.authorizationExpiry, block.timestamp);
        _checkFee(terms, amount, feeAmount);
        uint256 held = word.capturable();
        if (amount > held) return _overCapture(terms, paymentIdentifier, word, amount, feeAmount, sequence);
        // write
        _write(paymentIdentifier, held - amount, word.refundable() + amount, sequence);
        if (feeAmount != 0) accruedFees[terms.feeReceiver][terms.token] += feeAmount;
        // emit
        emit Captured(paymentIdentifier, sequence, amount, feeAmount);
        // transfer
        unchecked {
            _pay(terms.token, terms.receiver, amount - feeAmount);
        }
    }

    /// @inheritdoc IPaymentEscrow
    function void(
        PaymentTerms calldata terms,
        uint256 sequence
    ) external override onlyRole(OPERATOR_ROLE) nonReentrant {
        bytes32 paymentIdentifier = _hash(terms);
        (PaymentWord word, bool done) = _next(paymentIdentifier, sequence);
        if (done) return;
        uint256 amount = word.capturable();
        // Nothing held is no failure: the number is used up, so that later ones do not wait for it.
        _empty(paymentIdentifier, word);
        emit Voided(paymentIdentifier, sequence, amount);
        _pay(terms.token, terms.payer, amount);
    }

    /// @inheritdoc IPaymentEscrow
    function reclaim(PaymentTerms calldata terms) external override nonReentrant {
        if (msg.sender != terms.payer) revert SenderNotAllowed(msg.sender);
        if (block.timestamp < terms.authorizationExpiry) revert NotExpired(terms.authorizationExpiry, block.timestamp);
        bytes32 paymentIdentifier = _hash(terms);
        PaymentWord word = _payments[paymentIdentifier];
        uint256 amount = word.capturable();
        if (amount == 0) revert AmountExceedsHold(paymentIdentifier, 0, 0);
        _empty(paymentIdentifier, word);
        emit Reclaimed(paymentIdentifier, word.nextSequence(), amount);
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
        (PaymentWord word, bool done) = _next(paymentIdentifier, sequence);
        // Coins sent along with a refund that is done already go back with the whole call.
        if (done && msg.value != 0) revert ValueMismatch(0, msg.value);
        if (done) return;
        if (amount == 0) revert AmountZero();
        if (block.timestamp >= terms.refundExpiry) revert Expired(terms.refundExpiry, block.timestamp);
        uint256 refundable = word.refundable();
        if (amount > refundable) revert AmountExceedsCaptured(paymentIdentifier, refundable, amount);
        uint256 value = terms.token == address(0) ? amount : 0;
        if (msg.value != value) revert ValueMismatch(value, msg.value);
        // write
        _write(paymentIdentifier, word.capturable(), refundable - amount, sequence);
        // emit
        emit Refunded(paymentIdentifier, sequence, amount);
        // transfer
        if (value != 0) _pay(address(0), terms.payer, amount);
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
    /// @dev The plain form, to which tests hold `_hash`.
    function hashTerms(PaymentTerms calldata terms) external view override returns (bytes32) {
        return keccak256(abi.encode(TERMS_TYPEHASH, block.chainid, address(this), terms));
    }

    /// @inheritdoc IPaymentEscrow
    function termsDigest(PaymentTerms calldata terms) external view override returns (bytes32) {
        return _hashTypedDataV4(_hash(terms));
    }

    /// @inheritdoc IPaymentEscrow
    function payments(bytes32 paymentIdentifier) external view override returns (PaymentState memory) {
        PaymentWord word = _payments[paymentIdentifier];
        return PaymentState(uint120(word.capturable()), uint120(word.refundable()), uint16(word.nextSequence()));
    }

    /// @inheritdoc IPaymentEscrow
    function headroomOf(bytes32 paymentIdentifier) external view override returns (Headroom memory) {
        return _headrooms[paymentIdentifier];
    }

    /// @inheritdoc IPaymentEscrow
    function nonceOf(bytes32 paymentIdentifier) public pure override returns (bytes32) {
        return paymentIdentifier & ~bytes32(uint256(type(uint64).max));
    }

    /// @dev Keeps `_mayOpen` true to its name.
    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        granted = super._grantRole(role, account);
        if (role != OPERATOR_ROLE || !granted) return granted;
        if (_operators.length == MAXIMUM_OPERATORS) revert TooManyOperators(MAXIMUM_OPERATORS);
        _operators.push(account);
        _mayOpen[account] = !paused;
    }

    /// @dev Keeps `_mayOpen` true to its name.
    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (role != OPERATOR_ROLE || !revoked) return revoked;
        delete _mayOpen[account];
        uint256 last = _operators.length - 1;
        for (uint256 index = 0; index < last; ++index) {
            if (_operators[index] != account) continue;
            _operators[index] = _operators[last];
            break;
        }
        _operators.pop();
    }

    /// @dev Checks new terms and writes the payment with `amount` held, before anything is moved.
    function _openHold(PaymentTerms calldata terms, uint256 amount) private returns (bytes32 paymentIdentifier) {
        paymentIdentifier = _checkNew(terms, amount);
        _write(paymentIdentifier, amount, 0, 0);
        uint256 maximum = terms.maximumAmount;
        unchecked {
            if (amount != maximum) _headrooms[paymentIdentifier].remaining = uint120(maximum - amount);
        }
    }

    /// @dev The same with `amount` captured at once.
    function _openCharge(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 feeAmount
    ) private returns (bytes32 paymentIdentifier) {
        paymentIdentifier = _checkNew(terms, amount);
        _checkFee(terms, amount, feeAmount);
        _write(paymentIdentifier, 0, amount, 0);
        if (feeAmount != 0) accruedFees[terms.feeReceiver][terms.token] += feeAmount;
        emit Charged(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount, feeAmount);
    }

    function _checkNew(PaymentTerms calldata terms, uint256 amount) private view returns (bytes32 paymentIdentifier) {
        if (amount == 0) revert AmountZero();
        if (amount > terms.maximumAmount) revert AmountExceedsMaximum(terms.maximumAmount, amount);
        uint48 preApprovalExpiry = terms.preApprovalExpiry;
        uint48 authorizationExpiry = terms.authorizationExpiry;
        if (preApprovalExpiry > authorizationExpiry || authorizationExpiry > terms.refundExpiry) {
            revert ExpiriesOutOfOrder(preApprovalExpiry, authorizationExpiry, terms.refundExpiry);
        }
        if (block.timestamp >= preApprovalExpiry) revert Expired(preApprovalExpiry, block.timestamp);
        uint16 maximumFee = terms.maximumFeeBasisPoints;
        if (terms.minimumFeeBasisPoints > maximumFee || maximumFee > BASIS_POINTS) {
            revert FeeBoundsMalformed(terms.minimumFeeBasisPoints, maximumFee);
        }
        if (maximumFee != 0 && terms.feeReceiver == address(0)) revert FeeReceiverMissing();
        paymentIdentifier = _hash(terms);
        if (PaymentWord.unwrap(_payments[paymentIdentifier]) != 0) revert PaymentAlreadyAuthorized(paymentIdentifier);
    }

    /// @dev `increment` counts from 1; zero says that a movement with this number has taken place.
    function _increment(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 sequence
    ) private returns (bytes32 paymentIdentifier, uint256 increment) {
        paymentIdentifier = _hash(terms);
        (PaymentWord word, bool done) = _next(paymentIdentifier, sequence);
        if (done) return (paymentIdentifier, 0);
        if (amount == 0) revert AmountZero();
        if (block.timestamp >= terms.authorizationExpiry) revert Expired(terms.authorizationExpiry, block.timestamp);
        uint256 held = word.capturable();
        if (held == 0) revert AmountExceedsHold(paymentIdentifier, 0, amount);
        increment = _useHeadroom(paymentIdentifier, amount);
        _write(paymentIdentifier, held + amount, word.refundable(), sequence);
    }

    /// @dev New money, so a pause stops it.
    function _useHeadroom(bytes32 paymentIdentifier, uint256 amount) private returns (uint256 increment) {
        if (paused) revert Paused();
        Headroom memory headroom = _headrooms[paymentIdentifier];
        if (amount > headroom.remaining) revert AmountExceedsMaximum(headroom.remaining, amount);
        headroom.remaining -= uint120(amount);
        increment = ++headroom.increments;
        _headrooms[paymentIdentifier] = headroom;
    }

    /// @dev Takes all that is held and what lies above it from the payer; nothing stays held.
    function _overCapture(
        PaymentTerms calldata terms,
        bytes32 paymentIdentifier,
        PaymentWord word,
        uint256 amount,
        uint256 feeAmount,
        uint256 sequence
    ) private {
        uint256 held = word.capturable();
        uint256 remaining = _headrooms[paymentIdentifier].remaining;
        if (held == 0 || terms.token == address(0) || amount - held > remaining) {
            revert AmountExceedsHold(paymentIdentifier, held, amount);
        }
        uint256 above = amount - held;
        _useHeadroom(paymentIdentifier, above);
        _write(paymentIdentifier, 0, word.refundable() + amount, sequence);
        if (feeAmount != 0) accruedFees[terms.feeReceiver][terms.token] += feeAmount;
        emit OverCaptured(paymentIdentifier, sequence, above);
        emit Captured(paymentIdentifier, sequence, amount, feeAmount);
        _takeByAllowance(terms, above);
        _pay(terms.token, terms.receiver, amount - feeAmount);
    }

    function _authorizeByAllowance(PaymentTerms calldata terms, uint256 amount) private {
        bytes32 paymentIdentifier = _openHold(terms, amount);
        emit Authorized(paymentIdentifier, terms.payer, terms.receiver, terms.token, amount);
        _takeByAllowance(terms, amount);
    }

    function _takeByAllowance(PaymentTerms calldata terms, uint256 amount) private {
        uint256 before = _balance(terms.token);
        IERC20(terms.token).safeTransferFrom(terms.payer, address(this), amount);
        _checkReceived(terms.token, before, amount);
    }

    function _takeMaximum(
        PaymentTerms calldata terms,
        bytes32 paymentIdentifier,
        uint256 amount,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) private {
        uint256 maximum = terms.maximumAmount;
        uint256 before = _balance(terms.token);
        IReceiveWithAuthorization(terms.token).receiveWithAuthorization(
            terms.payer,
            maximum,
            terms.preApprovalExpiry,
            nonceOf(paymentIdentifier),
            v,
            r,
            s
        );
        _checkReceived(terms.token, before, maximum);
        _returnSurplus(terms, amount);
    }

    function _takeMaximum(
        PaymentTerms calldata terms,
        bytes32 paymentIdentifier,
        uint256 amount,
        bytes calldata signature
    ) private {
        bytes32 nonce = nonceOf(paymentIdentifier);
        _takeBySignature(terms, terms.maximumAmount, terms.preApprovalExpiry, nonce, signature);
        _returnSurplus(terms, amount);
    }

    function _takeBySignature(
        PaymentTerms calldata terms,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) private {
        bytes calldata inner = _unwrap(terms.payer, signature);
        uint256 before = _balance(terms.token);
        IReceiveWithAuthorization(terms.token).receiveWithAuthorization(terms.payer, amount, validBefore, nonce, inner);
        _checkReceived(terms.token, before, amount);
    }

    /// @dev A signature moves the maximum; what is above the amount goes straight back.
    function _returnSurplus(PaymentTerms calldata terms, uint256 amount) private {
        uint256 maximum = terms.maximumAmount;
        unchecked {
            if (amount != maximum) IERC20(terms.token).safeTransfer(terms.payer, maximum - amount);
        }
    }

    function _checkReceived(address token, uint256 before, uint256 expected) internal view virtual {
        uint256 received = _balance(token) - before;
        if (received != expected) revert ReceivedTooLittle(expected, received);
    }

    /// @dev Deploys the wallet of an ERC-6492 signature, unless it is there, and gives the signature within.
    function _unwrap(address payer, bytes calldata signature) private returns (bytes calldata inner) {
        if (!signature.isWrapped()) return signature;
        address factory;
        bytes calldata factoryCall;
        (factory, factoryCall, inner) = signature.unwrap();
        if (payer.code.length == 0) walletDeployer.deploy(factory, factoryCall);
    }

    /// @dev A key is asked first: an account that delegates by EIP-7702 has code and still signs with its key.
    function _checkPayerSigned(PaymentTerms calldata terms, bytes calldata signature) private {
        address payer = terms.payer;
        bytes32 digest = _hashTypedDataV4(_hash(terms));
        bytes calldata inner = _unwrap(payer, signature);
        (address signer, ECDSA.RecoverError problem, ) = ECDSA.tryRecoverCalldata(digest, inner);
        if (problem == ECDSA.RecoverError.NoError && signer == payer) return;
        if (payer.code.length == 0 || !SignatureChecker.isValidERC1271SignatureNowCalldata(payer, digest, inner)) {
            revert SignatureInvalid(payer);
        }
    }

    /// @dev `done` says that a movement with this number has taken place.
    function _next(
        bytes32 paymentIdentifier,
        uint256 sequence
    ) internal view virtual returns (PaymentWord word, bool done) {
        word = _payments[paymentIdentifier];
        uint256 expected = word.nextSequence();
        if (expected == 0) revert PaymentUnknown(paymentIdentifier);
        if (sequence > expected) revert SequenceAhead(paymentIdentifier, expected, sequence);
        done = sequence < expected;
    }

    /// @dev Amounts fit: capturable and refundable together never exceed the terms' maximum, a uint120.
    function _write(
        bytes32 paymentIdentifier,
        uint256 capturable,
        uint256 refundable,
        uint256 sequence
    ) internal virtual {
        if (sequence == PaymentWords.LAST_SEQUENCE) revert SequenceExhausted(paymentIdentifier);
        unchecked {
            _payments[paymentIdentifier] = PaymentWords.pack(capturable, refundable, sequence + 1);
        }
    }

    function _empty(bytes32 paymentIdentifier, PaymentWord word) internal virtual {
        _payments[paymentIdentifier] = word.emptied();
    }

    function _checkFee(PaymentTerms calldata terms, uint256 amount, uint256 feeAmount) private pure {
        unchecked {
            // Below 2 ** 120 by below 2 ** 16: no product overflows. An over-capture is held to the maximum later.
            if (amount > type(uint120).max) revert AmountExceedsMaximum(type(uint120).max, amount);
            uint256 minimum = (amount * terms.minimumFeeBasisPoints) / BASIS_POINTS;
            uint256 maximum = (amount * terms.maximumFeeBasisPoints) / BASIS_POINTS;
            if (feeAmount < minimum || feeAmount > maximum) revert FeeOutOfBounds(feeAmount, minimum, maximum);
        }
    }

    function _pay(address token, address recipient, uint256 amount) private {
        if (amount == 0) return;
        if (token != address(0)) return IERC20(token).safeTransfer(recipient, amount);
        if (!LowLevelCall.callNoReturn(recipient, amount, "")) revert CoinTransferFailed(recipient, amount);
    }

    function _balance(address token) private view returns (uint256) {
        return IERC20(token).balance();
    }

    /// @dev `hashTerms` without the copy field by field, which costs 920 gas more in every verb. Fields that a verb reads are
    /// checked where it reads them; other bits than those of an encoder only name a payment that does not exist.
    function _hash(PaymentTerms calldata terms) private view returns (bytes32 paymentIdentifier) {
        bytes32 typeHash = TERMS_TYPEHASH;
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, typeHash)
            mstore(add(words, 0x20), chainid())
            mstore(add(words, 0x40), address())
            calldatacopy(add(words, 0x60), terms, 0x160)
            paymentIdentifier := keccak256(words, 0x1c0)
        }
    }
}
