// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../../contracts/doubles/OddToken.sol";
import { IPaymentEscrow } from "../../../contracts/interfaces/IPaymentEscrow.sol";
import { PaymentEscrow } from "../../../contracts/PaymentEscrow.sol";
import { SpecieTest } from "./SpecieTest.sol";

/// @title Three payers, three receivers and an operator who do everything that an escrow lets them do, in any order.
/// @notice What has moved is told from balances outside the escrow, never from what the escrow says of itself. A verb that
/// makes no sense in its state is left out here, so an escrow that reverts is a finding.
contract EscrowHandler is SpecieTest {
    struct Account {
        uint256 authorized;
        uint256 captured;
        uint256 voided;
        uint256 reclaimed;
        uint256 refunded;
    }

    struct Balances {
        uint256 payer;
        uint256 receiver;
        uint256 fees;
        uint256 escrow;
    }

    uint256 private constant START = 1_793_620_800;
    uint256 private constant SUPPLY = 1e30;
    uint256 private constant MOST_PAYMENTS = 40;
    address private constant operator = address(0x090001);
    address private constant pauser = address(0x9A0001);
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private immutable _tokenDomain;

    PaymentEscrow public immutable escrow;
    OddToken public immutable token;
    IPaymentEscrow.PaymentTerms[] private _terms;
    mapping(bytes32 id => Account account) private _accounts;
    uint256 private _now = START;
    uint256 public verbs;
    /// @notice How often a number that was used, or a payment that was opened, moved something again.
    uint256 public movedTwice;
    /// @notice How often a payer could not get back what was held for them.
    uint256 public trapped;

    constructor(PaymentEscrow escrow_, OddToken token_) {
        (escrow, token) = (escrow_, token_);
        _tokenDomain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Odd Token"),
                keccak256("1"),
                block.chainid,
                address(token_)
            )
        );
        for (uint256 index = 0; index < 3; ++index) {
            token.mint(payerAt(index), SUPPLY);
            vm.deal(payerAt(index), SUPPLY);
            vm.prank(payerAt(index));
            token.approve(address(escrow), type(uint256).max);
            vm.prank(receiverAt(index));
            token.approve(address(escrow), type(uint256).max);
        }
    }

    function authorize(uint256 who, uint256 amount, uint256 maximum) external {
        (bool may, IPaymentEscrow.PaymentTerms memory terms) = newTerms(who, maximum, false);
        if (!may) return;
        amount = bound(amount, 1, terms.maximumAmount);
        (uint8 v, bytes32 r, bytes32 s) = sign(terms, who);
        uint256 before = held(terms);
        vm.prank(operator);
        escrow.authorize(terms, amount, v, r, s);
        opened(terms, held(terms) - before);
    }

    function authorizeByBytes(uint256 who, uint256 amount, uint256 maximum) external {
        (bool may, IPaymentEscrow.PaymentTerms memory terms) = newTerms(who, maximum, false);
        if (!may) return;
        amount = bound(amount, 1, terms.maximumAmount);
        (uint8 v, bytes32 r, bytes32 s) = sign(terms, who);
        uint256 before = held(terms);
        vm.prank(operator);
        escrow.authorize(terms, amount, abi.encodePacked(r, s, v));
        opened(terms, held(terms) - before);
    }

    function authorizeNative(uint256 who, uint256 amount, uint256 maximum) external {
        (bool may, IPaymentEscrow.PaymentTerms memory terms) = newTerms(who, maximum, true);
        if (!may) return;
        amount = bound(amount, 1, terms.maximumAmount);
        uint256 before = held(terms);
        vm.prank(terms.payer);
        escrow.authorizeNative{ value: amount }(terms);
        opened(terms, held(terms) - before);
    }

    function authorizeWithAllowance(uint256 who, uint256 amount, uint256 maximum, bool bySignature) external {
        (bool may, IPaymentEscrow.PaymentTerms memory terms) = newTerms(who, maximum, false);
        if (!may) return;
        amount = bound(amount, 1, terms.maximumAmount);
        uint256 before = held(terms);
        if (bySignature) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyAt(who), escrow.termsDigest(terms));
            vm.prank(operator);
            escrow.authorizeWithAllowance(terms, amount, abi.encodePacked(r, s, v));
        } else {
            vm.prank(terms.payer);
            escrow.authorizeWithAllowance(terms, amount);
        }
        opened(terms, held(terms) - before);
    }

    function charge(uint256 who, uint256 amount, uint256 fee, uint256 maximum, uint256 form) external {
        (bool may, IPaymentEscrow.PaymentTerms memory terms) = newTerms(who, maximum, false);
        if (!may) return;
        amount = bound(amount, 1, terms.maximumAmount);
        fee = bound(fee, 0, (amount * terms.maximumFeeBasisPoints) / 10_000);
        Balances memory before = balancesOf(terms);
        if (form % 3 == 0) {
            (uint8 v, bytes32 r, bytes32 s) = sign(terms, who);
            vm.prank(operator);
            escrow.charge(terms, amount, fee, v, r, s);
        } else if (form % 3 == 1) {
            (uint8 v, bytes32 r, bytes32 s) = sign(terms, who);
            vm.prank(operator);
            escrow.charge(terms, amount, fee, abi.encodePacked(r, s, v));
        } else {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyAt(who), escrow.termsDigest(terms));
            vm.prank(operator);
            escrow.chargeWithAllowance(terms, amount, fee, abi.encodePacked(r, s, v));
        }
        Balances memory later = balancesOf(terms);
        bytes32 id = opened(terms, before.payer - later.payer);
        _accounts[id].captured += later.receiver - before.receiver + later.fees - before.fees;
    }

    function incrementAuthorization(uint256 which, uint256 amount) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) = known(which);
        if (!found || escrow.paused() || block.timestamp >= terms.authorizationExpiry) return;
        uint256 remaining = escrow.headroomOf(id).remaining;
        IPaymentEscrow.PaymentState memory state = escrow.payments(id);
        if (remaining == 0 || state.capturable == 0) return;
        amount = bound(amount, 1, remaining);
        uint256 before = held(terms);
        bool native = terms.token == address(0);
        vm.prank(native ? terms.payer : operator);
        escrow.incrementAuthorization{ value: native ? amount : 0 }(terms, amount, state.nextSequence);
        _accounts[id].authorized += held(terms) - before;
    }

    function capture(uint256 which, uint256 amount, uint256 fee) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) = known(which);
        if (!found || block.timestamp >= terms.authorizationExpiry) return;
        IPaymentEscrow.PaymentState memory state = escrow.payments(id);
        if (state.capturable == 0) return;
        bool mayGrow = terms.token != address(0) && !escrow.paused();
        amount = bound(amount, 1, state.capturable + (mayGrow ? escrow.headroomOf(id).remaining : 0));
        fee = bound(fee, 0, (amount * terms.maximumFeeBasisPoints) / 10_000);
        Balances memory before = balancesOf(terms);
        vm.prank(operator);
        escrow.capture(terms, amount, fee, state.nextSequence);
        Balances memory later = balancesOf(terms);
        _accounts[id].authorized += before.payer - later.payer;
        _accounts[id].captured += later.receiver - before.receiver + later.fees - before.fees;
    }

    function void(uint256 which) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) = known(which);
        if (!found) return;
        uint256 before = balancesOf(terms).payer;
        uint256 sequence = escrow.payments(id).nextSequence;
        vm.prank(operator);
        try escrow.void(terms, sequence) {
            _accounts[id].voided += balancesOf(terms).payer - before;
        } catch {
            trapped += 1;
        }
    }

    function reclaim(uint256 which) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) = known(which);
        if (!found || block.timestamp < terms.authorizationExpiry || escrow.payments(id).capturable == 0) return;
        uint256 before = balancesOf(terms).payer;
        vm.prank(terms.payer);
        try escrow.reclaim(terms) {
            _accounts[id].reclaimed += balancesOf(terms).payer - before;
        } catch {
            trapped += 1;
        }
    }

    function refund(uint256 which, uint256 amount) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) = known(which);
        if (!found || block.timestamp >= terms.refundExpiry) return;
        IPaymentEscrow.PaymentState memory state = escrow.payments(id);
        bool native = terms.token == address(0);
        uint256 balance = native ? terms.receiver.balance : token.balanceOf(terms.receiver);
        if (state.refundable == 0 || balance == 0) return;
        amount = bound(amount, 1, state.refundable < balance ? state.refundable : balance);
        Balances memory before = balancesOf(terms);
        vm.prank(native ? terms.receiver : operator);
        escrow.refund{ value: native ? amount : 0 }(terms, amount, state.nextSequence);
        _accounts[id].refunded += balancesOf(terms).payer - before.payer;
    }

    function sweepFees(uint256 who, bool native) external {
        address coin = native ? address(0) : address(token);
        if (escrow.accruedFees(feeReceiverAt(who), coin) == 0) return;
        escrow.sweepFees(coin, feeReceiverAt(who));
    }

    /// @notice Sends a movement again, in any form of it, with a number that was used.
    function repeat(uint256 which, uint256 verb, uint256 amount, uint256 sequence) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) = known(which);
        if (!found || escrow.payments(id).nextSequence < 2) return;
        sequence = bound(sequence, 1, escrow.payments(id).nextSequence - 1);
        amount = bound(amount, 1, terms.maximumAmount);
        Balances memory before = balancesOf(terms);
        vm.prank(operator);
        if (verb % 4 == 0) try escrow.capture(terms, amount, 0, sequence) {} catch {}
        else if (verb % 4 == 1) try escrow.void(terms, sequence) {} catch {}
        else if (verb % 4 == 2) try escrow.refund(terms, amount, sequence) {} catch {}
        else try escrow.incrementAuthorization(terms, amount, sequence) {} catch {}
        if (different(before, balancesOf(terms))) movedTwice += 1;
    }

    /// @notice Opens a payment again by the payer's own signature or wish.
    function reopen(uint256 which, uint256 amount) external {
        (bool found, IPaymentEscrow.PaymentTerms memory terms, ) = known(which);
        if (!found) return;
        Balances memory before = balancesOf(terms);
        (uint8 v, bytes32 r, bytes32 s) = sign(terms, which);
        vm.prank(operator);
        try escrow.authorize(terms, bound(amount, 1, terms.maximumAmount), v, r, s) {} catch {}
        vm.prank(terms.payer);
        try escrow.authorizeWithAllowance(terms, bound(amount, 1, terms.maximumAmount)) {} catch {}
        if (different(before, balancesOf(terms))) movedTwice += 1;
    }

    function setPaused(uint256 seed) external {
        // Paused a quarter of the time, so that the verbs it stops are seen as well.
        vm.prank(pauser);
        escrow.setPaused(seed % 4 == 0);
    }

    function wait(uint256 time) external {
        _now += bound(time, 1, 20 minutes);
        vm.warp(_now);
    }

    function checkHoldsWhatItOwes() external view {
        uint256 owedTokens;
        uint256 owedCoins;
        for (uint256 index = 0; index < _terms.length; ++index) {
            uint256 capturable = escrow.payments(escrow.hashTerms(_terms[index])).capturable;
            if (_terms[index].token == address(0)) owedCoins += capturable;
            else owedTokens += capturable;
        }
        for (uint256 index = 0; index < 3; ++index) {
            owedTokens += escrow.accruedFees(feeReceiverAt(index), address(token));
            owedCoins += escrow.accruedFees(feeReceiverAt(index), address(0));
        }
        assertEq(token.balanceOf(address(escrow)), owedTokens, "tokens held are tokens owed");
        assertEq(address(escrow).balance, owedCoins, "coins held are coins owed");
    }

    function checkNothingAboveWhatWasAuthorized() external view {
        for (uint256 index = 0; index < _terms.length; ++index) {
            Account memory account = _accounts[escrow.hashTerms(_terms[index])];
            uint256 released = account.captured + account.voided + account.reclaimed;
            assertTrue(released <= account.authorized, "captured + voided + reclaimed is at most authorized");
            assertTrue(account.authorized <= _terms[index].maximumAmount, "authorized is at most the maximum");
        }
    }

    function checkRefundsAreCovered() external view {
        for (uint256 index = 0; index < _terms.length; ++index) {
            Account memory account = _accounts[escrow.hashTerms(_terms[index])];
            assertTrue(account.refunded <= account.captured, "refunded is at most captured");
        }
    }

    function checkNothingMovesTwice() external view {
        assertEq(movedTwice, 0, "nothing moves twice");
    }

    function checkNoPayerIsTrapped() external view {
        assertEq(trapped, 0, "a payer's money can always go home");
    }

    function newTerms(
        uint256 who,
        uint256 maximum,
        bool native
    ) private returns (bool may, IPaymentEscrow.PaymentTerms memory terms) {
        if (escrow.paused() || _terms.length == MOST_PAYMENTS) return (false, terms);
        verbs += 1;
        terms = IPaymentEscrow.PaymentTerms({
            payer: payerAt(who),
            receiver: receiverAt(maximum),
            token: native ? address(0) : address(token),
            maximumAmount: uint120(bound(maximum, 1, 1e27)),
            preApprovalExpiry: uint48(_now + 1 hours),
            authorizationExpiry: uint48(_now + 2 hours),
            refundExpiry: uint48(_now + 6 hours),
            minimumFeeBasisPoints: 0,
            maximumFeeBasisPoints: uint16(bound(maximum, 0, 10_000)),
            feeReceiver: feeReceiverAt((who % 3) + (maximum % 3)),
            salt: verbs
        });
        return (true, terms);
    }

    function opened(IPaymentEscrow.PaymentTerms memory terms, uint256 authorized) private returns (bytes32 id) {
        _terms.push(terms);
        id = escrow.hashTerms(terms);
        _accounts[id].authorized += authorized;
    }

    function known(
        uint256 which
    ) private view returns (bool found, IPaymentEscrow.PaymentTerms memory terms, bytes32 id) {
        if (_terms.length == 0) return (false, terms, id);
        terms = _terms[which % _terms.length];
        return (true, terms, escrow.hashTerms(terms));
    }

    function sign(
        IPaymentEscrow.PaymentTerms memory terms,
        uint256 who
    ) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 structHash = keccak256(
            abi.encode(
                RECEIVE_TYPEHASH,
                terms.payer,
                address(escrow),
                terms.maximumAmount,
                0,
                terms.preApprovalExpiry,
                escrow.nonceOf(escrow.hashTerms(terms))
            )
        );
        return vm.sign(keyAt(who), keccak256(abi.encodePacked("\x19\x01", _tokenDomain, structHash)));
    }

    function held(IPaymentEscrow.PaymentTerms memory terms) private view returns (uint256) {
        return terms.token == address(0) ? address(escrow).balance : token.balanceOf(address(escrow));
    }

    function balancesOf(IPaymentEscrow.PaymentTerms memory terms) private view returns (Balances memory) {
        bool native = terms.token == address(0);
        return
            Balances({
                payer: native ? terms.payer.balance : token.balanceOf(terms.payer),
                receiver: native ? terms.receiver.balance : token.balanceOf(terms.receiver),
                fees: escrow.accruedFees(terms.feeReceiver, terms.token),
                escrow: held(terms)
            });
    }

    function different(Balances memory one, Balances memory other) private pure returns (bool) {
        return
            one.payer != other.payer ||
            one.receiver != other.receiver ||
            one.fees != other.fees ||
            one.escrow != other.escrow;
    }

    function keyAt(uint256 who) private pure returns (uint256) {
        return 0xA11CE + (who % 3);
    }

    function payerAt(uint256 who) private pure returns (address) {
        return vm.addr(keyAt(who));
    }

    function receiverAt(uint256 who) private pure returns (address) {
        return address(uint160(0xBEEF01 + (who % 3)));
    }

    function feeReceiverAt(uint256 who) private pure returns (address) {
        return address(uint160(0xFEE001 + (who % 3)));
    }
}
