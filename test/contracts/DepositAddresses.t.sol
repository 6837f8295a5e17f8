// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessControl } from "@openzeppelin/contracts/access/IAccessControl.sol";
import { DepositAddresses } from "../../contracts/DepositAddresses.sol";
import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { IDepositAddress } from "../../contracts/interfaces/IDepositAddress.sol";
import { IDepositAddresses } from "../../contracts/interfaces/IDepositAddresses.sol";
import { IPaymentEscrow } from "../../contracts/interfaces/IPaymentEscrow.sol";
import { IntermediaryWallet } from "../../contracts/IntermediaryWallet.sol";
import { EscrowStage } from "./support/EscrowStage.sol";

/// @title Where pushed money may go.
contract DepositAddressesTest is EscrowStage {
    uint256 private constant AMOUNT = 100e6;
    address private constant sender = address(0x5E4D01);

    DepositAddresses private deposits;
    IntermediaryWallet private wallet;

    function setUp() public {
        stage();
        deposits = new DepositAddresses(admin, operator);
        wallet = new IntermediaryWallet(admin, operator, operator, pauser);
    }

    function testFuzz_wallet_getsExactlyTheAmountOnce(uint256 arrived, bytes32 salt) public {
        arrived = bound(arrived, 0, 3 * AMOUNT);
        IDepositAddresses.DepositTerms memory terms = walletTerms(salt);
        address deposit = deposits.depositAddressOf(terms);
        token.mint(deposit, arrived);
        vm.prank(stranger);
        if (arrived < AMOUNT) vm.expectPartialRevert(IDepositAddresses.DepositShort.selector);
        deposits.sweepToWallet(terms);
        bool swept = arrived >= AMOUNT;
        assertEq(token.balanceOf(address(wallet)), swept ? AMOUNT : 0, "swept");
        assertEq(token.balanceOf(deposit), swept ? arrived - AMOUNT : arrived, "left");
        // A second deposit is nobody's but the sender's.
        token.mint(deposit, AMOUNT);
        if (!swept) return;
        vm.expectPartialRevert(IDepositAddresses.AlreadySwept.selector);
        deposits.sweepToWallet(terms);
        deposits.returnDeposit(terms, address(token), sender, arrived);
        assertEq(token.balanceOf(sender), arrived, "returned");
    }

    function testFuzz_address_hangsOnEveryTerm(uint8 field, bytes32 salt) public view {
        IDepositAddresses.DepositTerms memory terms = walletTerms(salt);
        address before = deposits.depositAddressOf(terms);
        uint256 which = field % 7;
        if (which == 0) terms.destination = stranger;
        if (which == 1) terms.token = address(0);
        if (which == 2) terms.amount += 1;
        if (which == 3) terms.expiresAt += 1;
        if (which == 4) terms.returnTo = stranger;
        if (which == 5) terms.paymentHash = bytes32(uint256(1));
        if (which == 6) terms.salt = ~terms.salt;
        assertTrue(before != deposits.depositAddressOf(terms), "another address");
    }

    function testFuzz_escrow_authorizesThePaymentAndItsLifeEndsAtTheSender(uint256 amount, uint256 captured) public {
        amount = bound(amount, 2, type(uint120).max);
        captured = bound(captured, 1, amount - 1);
        (IDepositAddresses.DepositTerms memory terms, IPaymentEscrow.PaymentTerms memory payment) = escrowTerms(
            address(token),
            amount
        );
        address deposit = payment.payer;
        token.mint(deposit, amount);
        vm.prank(stranger);
        deposits.sweepToEscrow(terms, payment);
        assertState(escrow.hashTerms(payment), amount, 0, 1);
        capture(payment, captured, 0, 1);
        refund(payment, captured, 2);
        vm.warp(payment.authorizationExpiry);
        vm.prank(stranger);
        deposits.reclaim(terms, payment);
        assertEq(token.balanceOf(deposit), amount, "back at the deposit address");
        deposits.returnDeposit(terms, address(token), sender, amount);
        assertEq(token.balanceOf(sender), amount, "back at the sender");
    }

    function test_escrow_coinsToo() public {
        (IDepositAddresses.DepositTerms memory terms, IPaymentEscrow.PaymentTerms memory payment) = escrowTerms(
            address(0),
            1 ether
        );
        vm.deal(payment.payer, 1.5 ether);
        deposits.sweepToEscrow(terms, payment);
        assertState(escrow.hashTerms(payment), 1 ether, 0, 1);
        voidAll(payment, 1);
        deposits.returnDeposit(terms, address(0), sender, 1.5 ether);
        assertEq(sender.balance, 1.5 ether, "returned");
    }

    function test_escrow_otherPaymentTermsAreRefused() public {
        (IDepositAddresses.DepositTerms memory terms, IPaymentEscrow.PaymentTerms memory payment) = escrowTerms(
            address(token),
            AMOUNT
        );
        token.mint(payment.payer, AMOUNT);
        payment.receiver = stranger;
        vm.expectPartialRevert(IDepositAddresses.TermsMismatch.selector);
        deposits.sweepToEscrow(terms, payment);
        vm.expectPartialRevert(IDepositAddresses.TermsMismatch.selector);
        deposits.sweepToWallet(terms);
    }

    function test_late_depositsAreOnlyReturned() public {
        IDepositAddresses.DepositTerms memory terms = walletTerms("late");
        address deposit = deposits.depositAddressOf(terms);
        token.mint(deposit, AMOUNT);
        vm.warp(terms.expiresAt - 1);
        vm.expectPartialRevert(IDepositAddresses.ReturnExceedsSurplus.selector);
        deposits.returnDeposit(terms, address(token), sender, 1);
        vm.warp(terms.expiresAt);
        vm.expectPartialRevert(IDepositAddresses.DepositExpired.selector);
        deposits.sweepToWallet(terms);
        deposits.returnDeposit(terms, address(token), sender, AMOUNT);
        assertEq(token.balanceOf(sender), AMOUNT, "returned");
    }

    function testFuzz_over_onlyTheSurplusGoesBackBeforeTheSweep(uint256 over) public {
        over = bound(over, 1, AMOUNT);
        IDepositAddresses.DepositTerms memory terms = walletTerms("over");
        address deposit = deposits.depositAddressOf(terms);
        token.mint(deposit, AMOUNT + over);
        vm.expectPartialRevert(IDepositAddresses.ReturnExceedsSurplus.selector);
        deposits.returnDeposit(terms, address(token), sender, over + 1);
        deposits.returnDeposit(terms, address(token), sender, over);
        deposits.sweepToWallet(terms);
        assertEq(token.balanceOf(address(wallet)), AMOUNT, "swept");
    }

    function test_short_depositsWaitUnlessTheirOwnerAsks() public {
        IDepositAddresses.DepositTerms memory terms = walletTerms("short");
        token.mint(deposits.depositAddressOf(terms), AMOUNT - 1);
        vm.expectPartialRevert(IDepositAddresses.ReturnExceedsSurplus.selector);
        deposits.returnDeposit(terms, address(token), sender, 1);
        vm.prank(sender);
        deposits.returnDeposit(terms, address(token), sender, AMOUNT - 1);
        assertEq(token.balanceOf(sender), AMOUNT - 1, "returned");
    }

    function test_wrongToken_goesBackAtOnce() public {
        IDepositAddresses.DepositTerms memory terms = walletTerms("wrong");
        address deposit = deposits.depositAddressOf(terms);
        OddToken wrong = new OddToken(18);
        wrong.mint(deposit, 5);
        vm.deal(deposit, 7);
        deposits.returnDeposit(terms, address(wrong), sender, 5);
        deposits.returnDeposit(terms, address(0), sender, 7);
        assertEq(wrong.balanceOf(sender), 5, "wrong token");
        assertEq(sender.balance, 7, "coins");
    }

    function testFuzz_recipient_isTheOneOfTheTermsOrNamedByAnOperator(address other) public {
        vm.assume(other != sender && other != address(0) && other != address(this));
        IDepositAddresses.DepositTerms memory terms = walletTerms("named");
        OddToken wrong = new OddToken(18);
        wrong.mint(deposits.depositAddressOf(terms), 5);
        vm.prank(operator);
        vm.expectPartialRevert(IDepositAddresses.RecipientNotAllowed.selector);
        deposits.returnDeposit(terms, address(wrong), other, 5);
        terms.returnTo = address(0);
        wrong.mint(deposits.depositAddressOf(terms), 5);
        vm.prank(stranger);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        deposits.returnDeposit(terms, address(wrong), other, 5);
        vm.prank(operator);
        deposits.returnDeposit(terms, address(wrong), other, 5);
        assertEq(wrong.balanceOf(other), 5, "returned");
    }

    function testFuzz_feeOnTransfer_isRefused(uint256 fee) public {
        IDepositAddresses.DepositTerms memory terms = walletTerms("fee");
        token.mint(deposits.depositAddressOf(terms), AMOUNT);
        token.setFee(bound(fee, 1, 10_000));
        vm.expectPartialRevert(IDepositAddresses.ReceivedTooLittle.selector);
        deposits.sweepToWallet(terms);
    }

    function testFuzz_depositAddress_obeysItsFactoryAlone(address caller) public {
        vm.assume(caller != address(deposits));
        IDepositAddresses.DepositTerms memory terms = walletTerms("direct");
        address deposit = deposits.depositAddressOf(terms);
        token.mint(deposit, 2 * AMOUNT);
        deposits.sweepToWallet(terms);
        vm.prank(caller);
        vm.expectPartialRevert(IDepositAddress.FactoryOnly.selector);
        IDepositAddress(deposit).execute(address(token), 0, abi.encodeCall(token.transfer, (caller, AMOUNT)));
    }

    function walletTerms(bytes32 salt) private view returns (IDepositAddresses.DepositTerms memory) {
        return
            IDepositAddresses.DepositTerms({
                destination: address(wallet),
                token: address(token),
                amount: AMOUNT,
                expiresAt: uint48(START + 1 hours),
                returnTo: sender,
                paymentHash: 0,
                salt: salt
            });
    }

    function escrowTerms(
        address token_,
        uint256 amount
    ) private view returns (IDepositAddresses.DepositTerms memory terms, IPaymentEscrow.PaymentTerms memory payment) {
        payment = termsOf(amount, 1);
        payment.token = token_;
        terms = walletTerms("escrow");
        (terms.destination, terms.token, terms.amount) = (address(escrow), token_, amount);
        terms.paymentHash = deposits.hashUnpaidTerms(payment);
        payment.payer = deposits.depositAddressOf(terms);
    }
}
