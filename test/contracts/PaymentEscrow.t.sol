// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessControl } from "@openzeppelin/contracts/access/IAccessControl.sol";
import { IPaymentEscrow } from "../../contracts/interfaces/IPaymentEscrow.sol";
import { EscrowStage } from "./support/EscrowStage.sol";

/// @title The verbs of the escrow, one by one.
contract PaymentEscrowTest is EscrowStage {
    uint256 private constant AMOUNT = 100e6;
    uint256 private constant MOST = type(uint120).max;

    function setUp() public {
        stage();
    }

    /// @dev First of all: an escrow that keeps no numbers pays twice here.
    function test_capture_sentTwicePaysOnce() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT);
        capture(terms, AMOUNT / 2, 0, 1);
        capture(terms, AMOUNT / 2, 0, 1);
        assertEq(token.balanceOf(receiver), AMOUNT / 2, "paid to the receiver");
        assertState(id, AMOUNT / 2, AMOUNT / 2, 2);
    }

    function test_refund_sentTwicePaysOnce() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT);
        capture(terms, AMOUNT, 0, 1);
        uint256 before = token.balanceOf(payer);
        refund(terms, AMOUNT / 2, 2);
        refund(terms, AMOUNT / 2, 2);
        assertEq(token.balanceOf(payer) - before, AMOUNT / 2, "paid back");
        assertState(id, 0, AMOUNT / 2, 3);
    }

    function testFuzz_capture_anyLowerSequenceHasNoEffect(uint256 seed, uint8 sequence) public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, seed);
        bytes32 id = authorize(terms, AMOUNT);
        capture(terms, 1, 0, 1);
        capture(terms, 2, 0, 2);
        capture(terms, bound(seed, 1, AMOUNT), 0, bound(sequence, 0, 2));
        assertEq(token.balanceOf(receiver), 3, "paid to the receiver");
        assertState(id, AMOUNT - 3, 3, 3);
    }

    function testFuzz_everyVerb_higherSequenceReverts(uint256 ahead) public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        authorize(terms, AMOUNT / 2);
        ahead = bound(ahead, 2, type(uint256).max);
        vm.expectPartialRevert(IPaymentEscrow.SequenceAhead.selector);
        capture(terms, 1, 0, ahead);
        vm.expectPartialRevert(IPaymentEscrow.SequenceAhead.selector);
        voidAll(terms, ahead);
        vm.expectPartialRevert(IPaymentEscrow.SequenceAhead.selector);
        refund(terms, 1, ahead);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.SequenceAhead.selector);
        escrow.incrementAuthorization(terms, 1, ahead);
    }

    function testFuzz_authorize_keepsTheAmountAndReturnsTheRest(uint256 maximum, uint256 amount, uint256 salt) public {
        maximum = bound(maximum, 1, MOST);
        amount = bound(amount, 1, maximum);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(maximum, salt);
        bytes32 id = authorize(terms, amount);
        assertState(id, amount, 0, 1);
        assertEq(token.balanceOf(address(escrow)), amount, "held");
        assertEq(token.balanceOf(payer), MOST - amount, "left to the payer");
        assertEq(escrow.headroomOf(id).remaining, maximum - amount, "headroom");
    }

    function test_authorize_refusesAmountsZeroAndMaximumPlusOne() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        vm.expectPartialRevert(IPaymentEscrow.AmountZero.selector);
        this.authorizeOutside(terms, 0);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsMaximum.selector);
        this.authorizeOutside(terms, AMOUNT + 1);
        this.authorizeOutside(terms, AMOUNT);
        vm.expectPartialRevert(IPaymentEscrow.PaymentAlreadyAuthorized.selector);
        this.authorizeOutside(terms, AMOUNT);
        this.authorizeOutside(termsOf(1, 2), 1);
        vm.expectPartialRevert(IPaymentEscrow.AmountZero.selector);
        this.authorizeOutside(termsOf(0, 3), 0);
    }

    function testFuzz_charge_paysReceiverAndOwesTheFee(uint256 maximum, uint256 amount, uint256 fee) public {
        maximum = bound(maximum, 1, MOST);
        amount = bound(amount, 1, maximum);
        fee = bound(fee, 0, (amount * FEE_BASIS_POINTS) / 10_000);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(maximum, 1);
        charge(terms, amount, fee);
        assertState(escrow.hashTerms(terms), 0, amount, 1);
        assertEq(token.balanceOf(receiver), amount - fee, "to the receiver");
        assertEq(escrow.accruedFees(feeReceiver, address(token)), fee, "owed as fee");
        assertEq(token.balanceOf(address(escrow)), fee, "held");
        if (fee == 0) return;
        escrow.sweepFees(address(token), feeReceiver);
        assertEq(token.balanceOf(feeReceiver), fee, "swept");
        assertEq(token.balanceOf(address(escrow)), 0, "held after the sweep");
        vm.expectPartialRevert(IPaymentEscrow.AmountZero.selector);
        escrow.sweepFees(address(token), feeReceiver);
    }

    function testFuzz_fees_areOwedToTheirOwnReceiver(uint256 first, uint256 second) public {
        address other = address(0xFEE002);
        first = bound(first, 0, 2_500_000);
        second = bound(second, 0, 2_500_000);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        charge(terms, AMOUNT, first);
        terms = termsOf(AMOUNT, 2);
        terms.feeReceiver = other;
        charge(terms, AMOUNT, second);
        assertEq(escrow.accruedFees(feeReceiver, address(token)), first, "first");
        assertEq(escrow.accruedFees(other, address(token)), second, "second");
        if (first != 0) escrow.sweepFees(address(token), feeReceiver);
        if (second != 0) escrow.sweepFees(address(token), other);
        assertEq(token.balanceOf(feeReceiver), first, "first swept");
        assertEq(token.balanceOf(other), second, "second swept");
    }

    function testFuzz_fee_outsideTheTermsReverts(uint256 amount, uint16 minimum, uint16 maximum, uint256 fee) public {
        amount = bound(amount, 1, MOST);
        maximum = uint16(bound(maximum, 0, 10_000));
        minimum = uint16(bound(minimum, 0, maximum));
        fee = bound(fee, 0, amount + 1);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(amount, 1);
        (terms.minimumFeeBasisPoints, terms.maximumFeeBasisPoints) = (minimum, maximum);
        authorize(terms, amount);
        bool allowed = fee >= (amount * minimum) / 10_000 && fee <= (amount * maximum) / 10_000;
        if (!allowed) vm.expectPartialRevert(IPaymentEscrow.FeeOutOfBounds.selector);
        this.captureOutside(terms, amount, fee, 1);
    }

    function test_authorize_refusesFeeBoundsThatNoFeeMeets() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        (terms.minimumFeeBasisPoints, terms.maximumFeeBasisPoints) = (2, 1);
        vm.expectPartialRevert(IPaymentEscrow.FeeBoundsMalformed.selector);
        this.authorizeOutside(terms, AMOUNT);
        (terms.minimumFeeBasisPoints, terms.maximumFeeBasisPoints) = (0, 10_001);
        vm.expectPartialRevert(IPaymentEscrow.FeeBoundsMalformed.selector);
        this.authorizeOutside(terms, AMOUNT);
        (terms.minimumFeeBasisPoints, terms.maximumFeeBasisPoints) = (0, 1);
        terms.feeReceiver = address(0);
        vm.expectPartialRevert(IPaymentEscrow.FeeReceiverMissing.selector);
        this.authorizeOutside(terms, AMOUNT);
    }

    function testFuzz_capture_neverAboveTheHold(uint256 held, uint256 amount) public {
        held = bound(held, 1, MOST);
        amount = bound(amount, held + 1, amount % 2 == 0 ? MOST + 1 : type(uint256).max);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(held, 1);
        authorize(terms, held);
        bytes4 problem =
            amount > MOST ? IPaymentEscrow.AmountExceedsMaximum.selector : IPaymentEscrow.AmountExceedsHold.selector;
        vm.expectPartialRevert(problem);
        this.captureOutside(terms, amount, 0, 1);
    }

    function testFuzz_manyMovements_addUp(uint256 total, uint256 first, uint256 second, uint256 back) public {
        total = bound(total, 2, MOST);
        first = bound(first, 1, total - 1);
        second = bound(second, 1, total - first);
        back = bound(back, 1, first + second);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(total, 1);
        bytes32 id = authorize(terms, total);
        capture(terms, first, 0, 1);
        capture(terms, second, 0, 2);
        refund(terms, back, 3);
        voidAll(terms, 4);
        assertState(id, 0, first + second - back, 5);
        assertEq(token.balanceOf(receiver), first + second - back, "receiver");
        assertEq(token.balanceOf(payer), MOST - first - second + back, "payer");
        assertEq(token.balanceOf(address(escrow)), 0, "escrow");
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsCaptured.selector);
        refund(terms, first + second - back + 1, 5);
    }

    function test_reclaim_isForThePayerAloneAndMakesALateVoidEmpty() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT);
        vm.warp(terms.authorizationExpiry);
        vm.prank(stranger);
        vm.expectPartialRevert(IPaymentEscrow.SenderNotAllowed.selector);
        escrow.reclaim(terms);
        vm.prank(payer);
        escrow.reclaim(terms);
        assertEq(token.balanceOf(payer), MOST, "payer");
        voidAll(terms, 1);
        assertState(id, 0, 0, 2);
        vm.prank(payer);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsHold.selector);
        escrow.reclaim(terms);
    }

    function test_expiries_holdAtTheirExactSecond() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        vm.warp(terms.preApprovalExpiry);
        vm.expectPartialRevert(IPaymentEscrow.Expired.selector);
        this.authorizeOutside(terms, AMOUNT);
        vm.warp(terms.preApprovalExpiry - 1);
        authorize(terms, AMOUNT);
        vm.warp(terms.authorizationExpiry - 1);
        vm.prank(payer);
        vm.expectPartialRevert(IPaymentEscrow.NotExpired.selector);
        escrow.reclaim(terms);
        capture(terms, 10, 0, 1);
        vm.warp(terms.authorizationExpiry);
        vm.expectPartialRevert(IPaymentEscrow.Expired.selector);
        capture(terms, 10, 0, 2);
        vm.prank(payer);
        escrow.reclaim(terms);
        vm.warp(terms.refundExpiry - 1);
        refund(terms, 1, 3);
        vm.warp(terms.refundExpiry);
        vm.expectPartialRevert(IPaymentEscrow.Expired.selector);
        refund(terms, 1, 4);
    }

    function testFuzz_expiries_outOfOrderRevert(uint48 first, uint48 second, uint48 third) public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        (terms.preApprovalExpiry, terms.authorizationExpiry, terms.refundExpiry) = (first, second, third);
        vm.assume(first > second || second > third);
        vm.expectPartialRevert(IPaymentEscrow.ExpiriesOutOfOrder.selector);
        this.authorizeOutside(terms, AMOUNT);
    }

    function test_pause_stopsNewMoneyAndTrapsNone() public {
        IPaymentEscrow.PaymentTerms memory first = termsOf(AMOUNT, 1);
        IPaymentEscrow.PaymentTerms memory second = termsOf(AMOUNT, 2);
        IPaymentEscrow.PaymentTerms memory third = termsOf(AMOUNT, 3);
        authorize(first, AMOUNT);
        authorize(second, AMOUNT / 2);
        setPaused(true);
        vm.expectPartialRevert(IPaymentEscrow.Paused.selector);
        this.authorizeOutside(third, AMOUNT);
        vm.expectPartialRevert(IPaymentEscrow.Paused.selector);
        this.chargeOutside(third, AMOUNT, 0);
        vm.prank(payer);
        vm.expectPartialRevert(IPaymentEscrow.Paused.selector);
        escrow.authorizeWithAllowance(third, AMOUNT);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.Paused.selector);
        escrow.incrementAuthorization(second, 1, 1);
        vm.expectPartialRevert(IPaymentEscrow.Paused.selector);
        this.captureOutside(second, AMOUNT / 2 + 1, 0, 1);
        capture(first, 10, 0, 1);
        refund(first, 5, 2);
        voidAll(first, 3);
        vm.warp(second.authorizationExpiry);
        vm.prank(payer);
        escrow.reclaim(second);
        assertEq(token.balanceOf(address(escrow)), 0, "held");
        setPaused(false);
        vm.warp(START);
        authorize(third, AMOUNT);
    }

    function test_roles_operatorsOfAPausedEscrowWaitForItsEnd() public {
        bytes32 role = escrow.OPERATOR_ROLE();
        setPaused(true);
        vm.prank(admin);
        escrow.grantRole(role, stranger);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        vm.prank(stranger);
        vm.expectPartialRevert(IPaymentEscrow.Paused.selector);
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.prank(admin);
        escrow.revokeRole(role, operator);
        setPaused(false);
        vm.prank(operator);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.prank(stranger);
        escrow.authorize(terms, AMOUNT, v, r, s);
    }

    function test_roles_operatorsHaveAnEnd() public {
        bytes32 role = escrow.OPERATOR_ROLE();
        vm.startPrank(admin);
        for (uint160 index = 1; index < 32; ++index) escrow.grantRole(role, address(index));
        vm.expectPartialRevert(IPaymentEscrow.TooManyOperators.selector);
        escrow.grantRole(role, address(uint160(99)));
        escrow.revokeRole(role, address(uint160(7)));
        escrow.grantRole(role, address(uint160(99)));
        vm.stopPrank();
        setPaused(true);
        for (uint160 index = 1; index < 32; ++index) {
            vm.prank(address(index));
            vm.expectRevert();
            escrow.authorizeWithAllowance(termsOf(AMOUNT, 1), AMOUNT, "");
        }
    }

    function testFuzz_roles_strangersMoveNothing(address sender) public {
        vm.assume(sender != operator && sender != receiver && sender != payer && sender != admin && sender != pauser);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT / 2);
        IPaymentEscrow.PaymentTerms memory next = termsOf(AMOUNT, 2);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(next, PAYER_KEY);
        vm.startPrank(sender);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.authorize(next, AMOUNT, v, r, s);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.charge(next, AMOUNT, 0, v, r, s);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.capture(terms, 1, 0, 1);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.void(terms, 1);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.refund(terms, 1, 1);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.incrementAuthorization(terms, 1, 1);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        escrow.setPaused(true);
        vm.stopPrank();
        assertState(id, AMOUNT / 2, 0, 1);
    }

    function test_admin_isHandedOverInTwoSteps() public {
        vm.prank(admin);
        escrow.beginDefaultAdminTransfer(stranger);
        assertEq(escrow.defaultAdmin(), admin, "admin before");
        vm.prank(stranger);
        vm.expectRevert();
        escrow.acceptDefaultAdminTransfer();
        vm.warp(START + 1 days + 1);
        vm.prank(stranger);
        escrow.acceptDefaultAdminTransfer();
        assertEq(escrow.defaultAdmin(), stranger, "admin after");
    }

    function testFuzz_increment_growsUpToTheMaximum(uint256 maximum, uint256 amount, uint256 more) public {
        maximum = bound(maximum, 2, MOST);
        amount = bound(amount, 1, maximum - 1);
        more = bound(more, 1, maximum - amount);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(maximum, 1);
        bytes32 id = authorize(terms, amount);
        vm.prank(payer);
        token.approve(address(escrow), type(uint256).max);
        vm.prank(operator);
        escrow.incrementAuthorization(terms, more, 1);
        vm.prank(operator);
        escrow.incrementAuthorization(terms, more, 1);
        assertState(id, amount + more, 0, 2);
        assertEq(token.balanceOf(address(escrow)), amount + more, "held");
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsMaximum.selector);
        escrow.incrementAuthorization(terms, maximum - amount - more + 1, 2);
    }

    function testFuzz_increment_bySignatureIsOnceAndBound(uint256 first, uint256 second) public {
        first = bound(first, 1, AMOUNT / 4);
        second = bound(second, 1, AMOUNT / 4);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT / 2);
        bytes32 one = receiveDigest(terms, first, terms.authorizationExpiry, incrementNonce(id, 1));
        bytes32 two = receiveDigest(terms, second, terms.authorizationExpiry, incrementNonce(id, 2));
        vm.prank(operator);
        vm.expectRevert();
        escrow.incrementAuthorization(terms, second, 1, packed(PAYER_KEY, two));
        vm.prank(operator);
        escrow.incrementAuthorization(terms, first, 1, packed(PAYER_KEY, one));
        vm.prank(operator);
        vm.expectRevert();
        escrow.incrementAuthorization(terms, first, 2, packed(PAYER_KEY, one));
        vm.prank(operator);
        escrow.incrementAuthorization(terms, second, 2, packed(PAYER_KEY, two));
        assertState(id, AMOUNT / 2 + first + second, 0, 3);
    }

    /// @dev However the money came before, by an allowance too, a signed increment does not wait for another nonce.
    function test_increment_bySignatureAfterAllowances() public {
        vm.startPrank(payer);
        token.approve(address(escrow), AMOUNT);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        escrow.authorizeWithAllowance(terms, 10);
        escrow.incrementAuthorization(terms, 20, 1);
        vm.stopPrank();
        bytes32 id = escrow.hashTerms(terms);
        bytes32 digest = receiveDigest(terms, 30, terms.authorizationExpiry, incrementNonce(id, 2));
        vm.prank(operator);
        escrow.incrementAuthorization(terms, 30, 2, packed(PAYER_KEY, digest));
        assertState(id, 60, 0, 3);
    }

    function test_increment_notOnceNothingIsHeld() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        authorize(terms, AMOUNT / 2);
        vm.prank(payer);
        token.approve(address(escrow), AMOUNT);
        voidAll(terms, 1);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsHold.selector);
        escrow.incrementAuthorization(terms, 1, 2);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsHold.selector);
        capture(terms, 1, 0, 2);
        vm.warp(terms.authorizationExpiry);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.Expired.selector);
        escrow.incrementAuthorization(terms, 1, 2);
    }

    function testFuzz_overCapture_takesTheRestByAllowanceUpToTheMaximum(uint256 held, uint256 amount) public {
        held = bound(held, 1, AMOUNT - 1);
        amount = bound(amount, held + 1, AMOUNT);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, held);
        vm.prank(operator);
        vm.expectRevert();
        escrow.capture(terms, amount, 0, 1);
        vm.prank(payer);
        token.approve(address(escrow), AMOUNT);
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsHold.selector);
        this.captureOutside(terms, AMOUNT + 1, 0, 1);
        capture(terms, amount, 0, 1);
        capture(terms, amount, 0, 1);
        assertState(id, 0, amount, 2);
        assertEq(token.balanceOf(receiver), amount, "receiver");
        assertEq(token.balanceOf(payer), MOST - amount, "payer");
        vm.expectPartialRevert(IPaymentEscrow.AmountExceedsHold.selector);
        capture(terms, 1, 0, 2);
    }

    function test_sequence_itsLastNumberStillLetsMoneyHome() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes32 id = authorize(terms, AMOUNT);
        uint256 word = AMOUNT | (uint256(type(uint16).max) << 240);
        vm.store(address(escrow), wordSlot(id), bytes32(word));
        assertState(id, AMOUNT, 0, type(uint16).max);
        vm.expectPartialRevert(IPaymentEscrow.SequenceExhausted.selector);
        capture(terms, 1, 0, type(uint16).max);
        uint256 snapshot = vm.snapshotState();
        voidAll(terms, type(uint16).max);
        assertEq(token.balanceOf(payer), MOST, "voided");
        assertState(id, 0, 0, type(uint16).max);
        vm.revertToState(snapshot);
        vm.warp(terms.authorizationExpiry);
        vm.prank(payer);
        escrow.reclaim(terms);
        assertEq(token.balanceOf(payer), MOST, "reclaimed");
        assertState(id, 0, 0, type(uint16).max);
    }

    function testFuzz_hash_isThatOfThePlainForm(IPaymentEscrow.PaymentTerms memory terms) public view {
        bytes32 typeHash = keccak256(
            "PaymentTerms(uint256 chain,address escrow,address payer,address receiver,address token,uint120 maximumAmount,uint48 preApprovalExpiry,uint48 authorizationExpiry,uint48 refundExpiry,uint16 minimumFeeBasisPoints,uint16 maximumFeeBasisPoints,address feeReceiver,uint256 salt)"
        );
        bytes32 plain = keccak256(abi.encode(typeHash, block.chainid, address(escrow), terms));
        assertEq(escrow.hashTerms(terms), plain, "hashTerms");
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Specie PaymentEscrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        // `termsDigest` hashes by hand, as every verb does.
        assertEq(escrow.termsDigest(terms), keccak256(abi.encodePacked("\x19\x01", domain, plain)), "termsDigest");
    }

    function incrementNonce(bytes32 id, uint256 increment) private view returns (bytes32) {
        return escrow.nonceOf(keccak256(abi.encode(id, increment)));
    }

    function authorizeOutside(IPaymentEscrow.PaymentTerms memory terms, uint256 amount) external {
        authorize(terms, amount);
    }

    function chargeOutside(IPaymentEscrow.PaymentTerms memory terms, uint256 amount, uint256 fee) external {
        charge(terms, amount, fee);
    }

    function captureOutside(
        IPaymentEscrow.PaymentTerms memory terms,
        uint256 amount,
        uint256 fee,
        uint256 sequence
    ) external {
        capture(terms, amount, fee, sequence);
    }

    /// @dev The slot of a payment's word: found by its value, so that it does not depend on the layout.
    function wordSlot(bytes32 id) private view returns (bytes32) {
        IPaymentEscrow.PaymentState memory state = escrow.payments(id);
        bytes32 word = bytes32(
            uint256(state.capturable) | (uint256(state.refundable) << 120) | (uint256(state.nextSequence) << 240)
        );
        for (uint256 base = 0; base < 32; ++base) {
            bytes32 slot = keccak256(abi.encode(id, base));
            if (vm.load(address(escrow), slot) == word) return slot;
        }
        revert NotTrue("the word is found");
    }
}
