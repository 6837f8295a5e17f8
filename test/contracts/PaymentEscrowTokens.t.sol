// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { GasBurner, Reentrant, Refuser, ReturnBomb } from "../../contracts/doubles/HostilePayees.sol";
import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { IPaymentEscrow } from "../../contracts/interfaces/IPaymentEscrow.sol";
import { EscrowStage } from "./support/EscrowStage.sol";
import { PlainTokenCalls, WrittenTokenCalls } from "./support/TokenCallForms.sol";

/// @title The escrow among tokens and payees with habits of their own.
contract PaymentEscrowTokensTest is EscrowStage {
    uint256 private constant AMOUNT = 100e6;

    function setUp() public {
        stage();
    }

    function testFuzz_decimals_doNotMatter(uint256 which, uint256 maximum, uint256 amount) public {
        uint8[4] memory decimals = [0, 6, 18, 30];
        token = new OddToken(decimals[which % 4]);
        maximum = bound(maximum, 1, type(uint120).max);
        amount = bound(amount, 1, maximum);
        token.mint(payer, maximum);
        vm.prank(receiver);
        token.approve(address(escrow), type(uint256).max);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(maximum, 1);
        authorize(terms, amount);
        uint256 fee = (amount * FEE_BASIS_POINTS) / 10_000;
        capture(terms, amount, fee, 1);
        refund(terms, amount - fee, 2);
        if (fee != 0) escrow.sweepFees(address(token), feeReceiver);
        assertEq(token.balanceOf(payer), maximum - fee, "payer");
        assertEq(token.balanceOf(feeReceiver), fee, "fee");
        assertEq(token.balanceOf(address(escrow)), 0, "held");
    }

    function testFuzz_feeOnTransfer_isRefusedInEveryForm(uint256 feeBasisPoints) public {
        token.setFee(bound(feeBasisPoints, 1, 10_000));
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        bytes memory overTerms = packed(PAYER_KEY, escrow.termsDigest(terms));
        vm.prank(payer);
        token.approve(address(escrow), AMOUNT);
        vm.startPrank(operator);
        vm.expectPartialRevert(IPaymentEscrow.ReceivedTooLittle.selector);
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.ReceivedTooLittle.selector);
        escrow.authorize(terms, AMOUNT, abi.encodePacked(r, s, v));
        vm.expectPartialRevert(IPaymentEscrow.ReceivedTooLittle.selector);
        escrow.charge(terms, AMOUNT, 0, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.ReceivedTooLittle.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, overTerms);
        vm.expectPartialRevert(IPaymentEscrow.ReceivedTooLittle.selector);
        escrow.chargeWithAllowance(terms, AMOUNT, 0, overTerms);
        vm.stopPrank();
        vm.prank(payer);
        vm.expectPartialRevert(IPaymentEscrow.ReceivedTooLittle.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT);
    }

    /// @dev A token that shrinks what it is owed takes from its own payments and from no other token's.
    function test_rebasing_harmsItsOwnPaymentsAlone() public {
        IPaymentEscrow.PaymentTerms memory sound = termsOf(AMOUNT, 1);
        authorize(sound, AMOUNT);
        OddToken soundToken = token;
        token = new OddToken(18);
        token.mint(payer, AMOUNT);
        IPaymentEscrow.PaymentTerms memory first = termsOf(AMOUNT / 2, 2);
        IPaymentEscrow.PaymentTerms memory second = termsOf(AMOUNT / 2, 3);
        authorize(first, AMOUNT / 2);
        authorize(second, AMOUNT / 2);
        token.burn(address(escrow), AMOUNT / 4);
        voidAll(first, 1);
        vm.expectRevert();
        voidAll(second, 1);
        voidAll(sound, 1);
        assertEq(soundToken.balanceOf(address(escrow)), 0, "sound token held");
        // Made whole, it pays; and what it grows by stays where it is, owed to nobody.
        token.mint(address(escrow), AMOUNT);
        voidAll(second, 1);
        assertEq(token.balanceOf(payer), AMOUNT, "payer");
        assertEq(token.balanceOf(address(escrow)), AMOUNT - AMOUNT / 4, "growth");
    }

    function test_denylist_aDeniedReceiverLeavesThePayerAWayBack() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT);
        token.setDenied(receiver, true);
        vm.expectPartialRevert(OddToken.Denied.selector);
        capture(terms, AMOUNT, 0, 1);
        assertState(id, AMOUNT, 0, 1);
        voidAll(terms, 1);
        assertEq(token.balanceOf(payer), type(uint120).max, "payer");
    }

    /// @dev Fees wait in the escrow, so a fee receiver who is denied stops no capture.
    function test_denylist_aDeniedFeeReceiverStopsNoCapture() public {
        token.setDenied(feeReceiver, true);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        authorize(terms, AMOUNT);
        capture(terms, AMOUNT, 1e6, 1);
        vm.expectPartialRevert(OddToken.Denied.selector);
        escrow.sweepFees(address(token), feeReceiver);
        token.setDenied(feeReceiver, false);
        escrow.sweepFees(address(token), feeReceiver);
        assertEq(token.balanceOf(feeReceiver), 1e6, "fee");
    }

    function test_token_thatReturnsNothingIsPaidOut() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        authorize(terms, AMOUNT);
        token.setAnswer(OddToken.Answer.False);
        vm.expectRevert();
        capture(terms, 1, 0, 1);
        token.setAnswer(OddToken.Answer.Nothing);
        capture(terms, AMOUNT, 0, 1);
        assertEq(token.balanceOf(receiver), AMOUNT, "receiver");
    }

    function test_token_withoutCodeIsRefused() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        terms.token = address(0xC0DE01);
        vm.startPrank(operator);
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, 27, bytes32(uint256(1)), bytes32(uint256(1)));
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, "");
        vm.stopPrank();
        vm.prank(payer);
        vm.expectRevert();
        escrow.authorizeWithAllowance(terms, AMOUNT);
    }

    /// @dev The token has the operator's role, so that only the guard stands in its way.
    function testFuzz_reentrancy_byTokenFindsTheDoorShut(uint8 verb, uint8 within) public {
        IPaymentEscrow.PaymentTerms memory held = termsOf(AMOUNT, 1);
        bytes32 id = authorize(held, AMOUNT);
        capture(held, 10, 0, 1);
        bytes32 role = escrow.OPERATOR_ROLE();
        vm.prank(admin);
        escrow.grantRole(role, address(token));
        token.setHook(address(escrow), reentrantCall(held, verb));
        if (within % 4 == 0) capture(held, 10, 0, 2);
        else if (within % 4 == 1) voidAll(held, 2);
        else if (within % 4 == 2) refund(held, 5, 2);
        else authorize(termsOf(AMOUNT, 2), AMOUNT / 2);
        assertTrue(!token.hookSucceeded(), "the call from within is refused");
        assertEq(bytes32(token.hookAnswer()), shut(), "by the guard");
        IPaymentEscrow.PaymentState memory state = escrow.payments(id);
        uint256 held_ = token.balanceOf(address(escrow));
        assertEq(held_, state.capturable + (within % 4 == 3 ? AMOUNT / 2 : 0), "held is owed");
    }

    function testFuzz_reentrancy_byNativePayeeFindsTheDoorShut(uint8 verb) public {
        Reentrant payee = new Reentrant();
        IPaymentEscrow.PaymentTerms memory terms = nativeTerms(1);
        terms.receiver = address(payee);
        vm.deal(payer, 10 ether);
        vm.prank(payer);
        escrow.authorizeNative{ value: 1 ether }(terms);
        bytes32 role = escrow.OPERATOR_ROLE();
        vm.prank(admin);
        escrow.grantRole(role, address(payee));
        payee.prepare(address(escrow), reentrantCall(terms, verb));
        capture(terms, 0.25 ether, 0, 1);
        assertTrue(payee.wasCalled() && !payee.succeeded(), "the call from within is refused");
        assertEq(bytes32(payee.answer()), shut(), "by the guard");
        assertEq(address(payee).balance, 0.25 ether, "paid once");
        assertEq(address(escrow).balance, 0.75 ether, "held");
    }

    function testFuzz_native_wholeLife(uint256 maximum, uint256 amount, uint256 captured, uint256 back) public {
        maximum = bound(maximum, 1, 1_000_000 ether);
        amount = bound(amount, 1, maximum);
        captured = bound(captured, 1, amount);
        back = bound(back, 1, captured);
        IPaymentEscrow.PaymentTerms memory terms = nativeTerms(1);
        terms.maximumAmount = uint120(maximum);
        vm.deal(payer, maximum);
        vm.prank(stranger);
        vm.expectPartialRevert(IPaymentEscrow.SenderNotAllowed.selector);
        escrow.authorizeNative(terms);
        vm.prank(payer);
        escrow.authorizeNative{ value: amount }(terms);
        if (maximum > amount) {
            vm.prank(payer);
            escrow.incrementAuthorization{ value: maximum - amount }(terms, maximum - amount, 1);
        } else {
            vm.prank(payer);
            vm.expectRevert();
            escrow.incrementAuthorization{ value: 0 }(terms, 1, 1);
            capture(terms, 1, 0, 1);
            captured = captured == amount ? amount - 1 : captured;
            if (captured == 0) return;
            back = bound(back, 1, captured);
        }
        capture(terms, captured, 0, 2);
        vm.deal(receiver, receiver.balance + back);
        vm.prank(receiver);
        escrow.refund{ value: back }(terms, back, 3);
        vm.prank(receiver);
        vm.expectPartialRevert(IPaymentEscrow.ValueMismatch.selector);
        escrow.refund{ value: 1 }(terms, back, 3);
        voidAll(terms, 4);
        assertEq(address(escrow).balance, 0, "held");
    }

    function test_native_tokensAndCoinsAreNotMistakenForEachOther() public {
        vm.deal(payer, 1 ether);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        vm.prank(payer);
        vm.expectPartialRevert(IPaymentEscrow.TokenMismatch.selector);
        escrow.authorizeNative{ value: 1 }(terms);
        authorize(terms, AMOUNT / 2);
        vm.prank(payer);
        vm.expectPartialRevert(IPaymentEscrow.ValueMismatch.selector);
        escrow.incrementAuthorization{ value: 1 }(terms, 1, 1);
        capture(terms, 1, 0, 1);
        vm.deal(receiver, 1);
        vm.prank(receiver);
        vm.expectPartialRevert(IPaymentEscrow.ValueMismatch.selector);
        escrow.refund{ value: 1 }(terms, 1, 2);
        terms = nativeTerms(2);
        vm.prank(payer);
        vm.expectRevert();
        escrow.authorizeWithAllowance(terms, 1);
        vm.prank(payer);
        escrow.authorizeNative{ value: 1000 }(terms);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.ValueMismatch.selector);
        escrow.incrementAuthorization(terms, 1, 1);
        // An operator's coins are not the payer's.
        vm.deal(operator, 1);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.SenderNotAllowed.selector);
        escrow.incrementAuthorization{ value: 1 }(terms, 1, 1);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsHold.selector);
        capture(terms, 1001, 0, 1);
    }

    function test_native_receiversThatRefuseLeaveThePayerAWayBack() public {
        address[3] memory payees = [address(new GasBurner()), address(new ReturnBomb()), address(new Refuser())];
        vm.deal(payer, 3 ether);
        for (uint256 index = 0; index < 3; ++index) {
            IPaymentEscrow.PaymentTerms memory terms = nativeTerms(index);
            terms.receiver = payees[index];
            vm.prank(payer);
            escrow.authorizeNative{ value: 1 ether }(terms);
            vm.prank(operator);
            try escrow.capture{ gas: 3_000_000 }(terms, 1 ether, 0, 1) {
                revert NotTrue("the capture fails");
            } catch {}
            voidAll(terms, 1);
        }
        assertEq(payer.balance, 3 ether, "payer");
    }

    /// @dev The calls written by hand are those of plain Solidity, argument for argument and failure for failure.
    function testFuzz_tokenCalls_areThoseOfThePlainForm(
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes memory signature,
        bool fails
    ) public {
        PlainTokenCalls plain = new PlainTokenCalls();
        WrittenTokenCalls written = new WrittenTokenCalls();
        plain.setFails(fails);
        written.setFails(fails);
        (bool plainDone, bytes memory plainAnswer) = plain.run(amount, validBefore, nonce, v, r, signature);
        (bool writtenDone, bytes memory writtenAnswer) = written.run(amount, validBefore, nonce, v, r, signature);
        assertTrue(plainDone == writtenDone && plainDone != fails, "both succeed or both fail");
        assertEq(keccak256(writtenAnswer), keccak256(plainAnswer), "answer");
        assertEq(written.balanceCall(), plain.balanceCall(), "balanceOf");
        assertEq(written.partsCall(), plain.partsCall(), "with parts");
        assertEq(written.bytesCall(), plain.bytesCall(), "with bytes");
    }

    function nativeTerms(uint256 salt) private view returns (IPaymentEscrow.PaymentTerms memory terms) {
        terms = termsOf(2 ether, salt);
        terms.token = address(0);
    }

    function shut() private pure returns (bytes32) {
        return bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
    }

    function reentrantCall(IPaymentEscrow.PaymentTerms memory terms, uint8 verb) private view returns (bytes memory) {
        uint256 which = verb % 7;
        if (which == 0) return abi.encodeCall(escrow.capture, (terms, 1, 0, 2));
        if (which == 1) return abi.encodeCall(escrow.void, (terms, 2));
        if (which == 2) return abi.encodeCall(escrow.refund, (terms, 1, 2));
        if (which == 3) return abi.encodeCall(escrow.reclaim, (terms));
        if (which == 4) return abi.encodeCall(escrow.sweepFees, (address(token), feeReceiver));
        if (which == 5) return abi.encodeCall(escrow.authorizeNative, (terms));
        return
            abi.encodeWithSignature(
                "incrementAuthorization((address,address,address,uint120,uint48,uint48,uint48,uint16,uint16,address,uint256),uint256,uint256)",
                terms,
                1,
                2
            );
    }
}
