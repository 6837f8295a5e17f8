// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { Create2 } from "@openzeppelin/contracts/utils/Create2.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { DepositAddress } from "./DepositAddress.sol";
import { IDepositAddress } from "./interfaces/IDepositAddress.sol";
import { IDepositAddresses } from "./interfaces/IDepositAddresses.sol";
import { IPaymentEscrow } from "./interfaces/IPaymentEscrow.sol";

/// @title DepositAddresses
/// @notice Makes deposit addresses by CREATE2 and holds their rules.
contract DepositAddresses is IDepositAddresses, AccessControlDefaultAdminRules, ReentrancyGuardTransient {
    bytes32 public constant OPERATOR_ROLE = keccak256("OPERATOR_ROLE");
    /// @dev Named by its selector, because the escrow has two functions of that name.
    bytes4 private constant AUTHORIZE_WITH_ALLOWANCE = bytes4(
        keccak256(
            "authorizeWithAllowance((address,address,address,uint120,uint48,uint48,uint48,uint16,uint16,address,uint256),uint256)"
        )
    );
    bytes32 private immutable _initCodeHash = keccak256(type(DepositAddress).creationCode);

    mapping(address depositAddress => bool swept) public override isSwept;

    /// @param admin Hands out roles; handed over in two steps. @param operator Names senders that nobody named before.
    constructor(address admin, address operator) AccessControlDefaultAdminRules(1 days, admin) {
        _grantRole(OPERATOR_ROLE, operator);
    }

    /// @inheritdoc IDepositAddresses
    function sweepToWallet(DepositTerms calldata terms) external override nonReentrant {
        address deposit = _startSweep(terms);
        if (terms.paymentHash != 0) revert TermsMismatch(deposit);
        uint256 before = _balance(terms.token, terms.destination);
        _send(IDepositAddress(deposit), terms.token, terms.destination, terms.amount);
        uint256 received = _balance(terms.token, terms.destination) - before;
        if (received != terms.amount) revert ReceivedTooLittle(terms.amount, received);
    }

    /// @inheritdoc IDepositAddresses
    function sweepToEscrow(
        DepositTerms calldata terms,
        IPaymentEscrow.PaymentTerms calldata paymentTerms
    ) external override nonReentrant {
        address deposit = _startSweep(terms);
        _checkPayment(deposit, terms, paymentTerms);
        IDepositAddress source = IDepositAddress(deposit);
        if (terms.token == address(0)) {
            bytes memory call = abi.encodeCall(IPaymentEscrow.authorizeNative, (paymentTerms));
            source.execute(terms.destination, terms.amount, call);
            return;
        }
        source.execute(terms.token, 0, abi.encodeCall(IERC20.approve, (terms.destination, terms.amount)));
        bytes memory authorizeCall = abi.encodeWithSelector(AUTHORIZE_WITH_ALLOWANCE, paymentTerms, terms.amount);
        source.execute(terms.destination, 0, authorizeCall);
    }

    /// @inheritdoc IDepositAddresses
    function reclaim(
        DepositTerms calldata terms,
        IPaymentEscrow.PaymentTerms calldata paymentTerms
    ) external override nonReentrant {
        address deposit = _deployed(terms);
        _checkPayment(deposit, terms, paymentTerms);
        bytes memory call = abi.encodeCall(IPaymentEscrow.reclaim, (paymentTerms));
        IDepositAddress(deposit).execute(terms.destination, 0, call);
    }

    /// @inheritdoc IDepositAddresses
    function returnDeposit(
        DepositTerms calldata terms,
        address token,
        address recipient,
        uint256 amount
    ) external override nonReentrant {
        // check
        if (amount == 0) revert AmountZero();
        address deposit = _deployed(terms);
        if (terms.returnTo == address(0)) {
            _checkRole(OPERATOR_ROLE);
            if (recipient == address(0)) revert RecipientNotAllowed(recipient);
        } else if (recipient != terms.returnTo) revert RecipientNotAllowed(recipient);
        uint256 surplus = _surplus(terms, deposit, token);
        if (amount > surplus) revert ReturnExceedsSurplus(surplus, amount);
        // emit
        emit DepositReturned(deposit, recipient, terms.salt, token, amount);
        // transfer
        _send(IDepositAddress(deposit), token, recipient, amount);
    }

    /// @inheritdoc IDepositAddresses
    function hashUnpaidTerms(IPaymentEscrow.PaymentTerms calldata paymentTerms) public pure override returns (bytes32) {
        IPaymentEscrow.PaymentTerms memory unpaid = paymentTerms;
        unpaid.payer = address(0);
        return keccak256(abi.encode(unpaid));
    }

    /// @inheritdoc IDepositAddresses
    function depositAddressOf(DepositTerms calldata terms) public view override returns (address) {
        return Create2.computeAddress(keccak256(abi.encode(terms)), _initCodeHash);
    }

    /// @dev Checks, writes and emits; the transfer is the caller's.
    function _startSweep(DepositTerms calldata terms) private returns (address deposit) {
        if (block.timestamp >= terms.expiresAt) revert DepositExpired(terms.expiresAt, block.timestamp);
        deposit = _deployed(terms);
        if (isSwept[deposit]) revert AlreadySwept(deposit);
        uint256 arrived = _balance(terms.token, deposit);
        if (arrived < terms.amount) revert DepositShort(terms.amount, arrived);
        isSwept[deposit] = true;
        emit DepositSwept(deposit, terms.destination, terms.salt, terms.token, terms.amount);
    }

    function _checkPayment(
        address deposit,
        DepositTerms calldata terms,
        IPaymentEscrow.PaymentTerms calldata paymentTerms
    ) private pure {
        bool matches =
            terms.paymentHash == hashUnpaidTerms(paymentTerms) &&
                paymentTerms.payer == deposit &&
                paymentTerms.token == terms.token;
        if (!matches) revert TermsMismatch(deposit);
    }

    /// @dev What may go back now. Until a deposit is swept or expires, what it is for waits, except for its owner.
    function _surplus(DepositTerms calldata terms, address deposit, address token) private view returns (uint256) {
        uint256 balance = _balance(token, deposit);
        bool waits = token == terms.token && !isSwept[deposit] && block.timestamp < terms.expiresAt;
        if (!waits || msg.sender == terms.returnTo) return balance;
        return balance > terms.amount ? balance - terms.amount : 0;
    }

    function _deployed(DepositTerms calldata terms) private returns (address deposit) {
        deposit = depositAddressOf(terms);
        if (deposit.code.length == 0) new DepositAddress{ salt: keccak256(abi.encode(terms)) }();
    }

    /// @dev A token may return true or nothing.
    function _send(IDepositAddress deposit, address token, address recipient, uint256 amount) private {
        if (token == address(0)) {
            deposit.execute(recipient, amount, "");
            return;
        }
        bytes memory answer = deposit.execute(token, 0, abi.encodeCall(IERC20.transfer, (recipient, amount)));
        if (answer.length != 0 && !abi.decode(answer, (bool))) revert ReceivedTooLittle(amount, 0);
    }

    function _balance(address token, address holder) private view returns (uint256) {
        return token == address(0) ? holder.balance : IERC20(token).balanceOf(holder);
    }
}
