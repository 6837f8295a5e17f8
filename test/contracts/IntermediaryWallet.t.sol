// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessControl } from "@openzeppelin/contracts/access/IAccessControl.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { GasBurner, Reentrant, Refuser, ReturnBomb } from "../../contracts/doubles/HostilePayees.sol";
import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { IIntermediaryWallet } from "../../contracts/interfaces/IIntermediaryWallet.sol";
import { IntermediaryWallet } from "../../contracts/IntermediaryWallet.sol";
import { SpecieTest } from "./support/SpecieTest.sol";

/// @title What leaves the wallet, to whom, how much and how often.
contract IntermediaryWalletTest is SpecieTest {
    uint256 private constant START = 1_793_620_800;
    uint128 private constant CAP = 1_000e6;
    address private constant admin = address(0xAD0001);
    address private constant operator = address(0x090001);
    address private constant treasurer = address(0x73EA01);
    address private constant pauser = address(0x9A0001);
    address private constant stranger = address(0x577001);

    IntermediaryWallet private wallet;
    OddToken private token;

    function setUp() public {
        vm.warp(START);
        wallet = new IntermediaryWallet(admin, operator, treasurer, pauser);
        token = new OddToken(6);
        token.mint(address(wallet), 1_000_000e6);
        vm.deal(address(wallet), 1_000_000 ether);
        setCaps(address(token), CAP, 2 * CAP, 3 * CAP);
        setCaps(address(0), 1_000 ether, 1_000 ether, 1_000 ether);
    }

    function testFuzz_payout_isOncePerIdentifier(bytes32 identifier, uint256 amount, address payee) public {
        amount = bound(amount, 1, CAP);
        vm.assume(payee != address(0) && payee != address(wallet) && payee.code.length == 0);
        payout(identifier, address(token), payee, amount);
        payout(identifier, address(token), payee, amount);
        vm.prank(operator);
        wallet.payoutBatch(identifier, address(token), item(payee, amount));
        assertEq(token.balanceOf(payee), amount, "paid");
        assertTrue(wallet.isDone(identifier), "done");
    }

    function testFuzz_batch_paysEveryItemOnce(uint256 count, uint256 seed) public {
        count = bound(count, 1, 40);
        bytes memory items;
        uint256 total;
        for (uint256 index = 0; index < count; ++index) {
            uint256 amount = 1 + (uint256(keccak256(abi.encode(seed, index))) % (CAP / 41));
            items = abi.encodePacked(items, item(payeeAt(index), amount));
            total += amount;
        }
        for (uint256 round = 0; round < 2; ++round) {
            vm.prank(operator);
            wallet.payoutBatch("batch", address(token), items);
        }
        uint256 paid;
        for (uint256 index = 0; index < count; ++index) paid += token.balanceOf(payeeAt(index));
        assertEq(paid, total, "paid");
        assertEq(token.balanceOf(address(wallet)), 1_000_000e6 - total, "left");
    }

    function testFuzz_batch_malformedItemsPayNobody(uint256 length) public {
        length = bound(length, 0, 3_200);
        vm.assume(length == 0 || length % 32 != 0);
        vm.prank(operator);
        vm.expectPartialRevert(IIntermediaryWallet.ItemsMalformed.selector);
        wallet.payoutBatch("batch", address(token), new bytes(length));
        vm.prank(operator);
        vm.expectPartialRevert(IIntermediaryWallet.AmountZero.selector);
        wallet.payoutBatch("batch", address(token), abi.encodePacked(item(payeeAt(1), 1), item(payeeAt(2), 0)));
    }

    /// @dev Whatever one payee or the token does to its item, the neighbours are paid and the item becomes a credit.
    function testFuzz_batch_isolatesADeniedPayee(uint256 which) public {
        which = which % 3;
        token.setDenied(payeeAt(which), true);
        vm.prank(operator);
        wallet.payoutBatch("batch", address(token), threeItems());
        for (uint256 index = 0; index < 3; ++index) {
            assertEq(token.balanceOf(payeeAt(index)), index == which ? 0 : (index + 1) * 1e6, "paid");
            assertEq(wallet.credits(payeeAt(index), address(token)), index == which ? (index + 1) * 1e6 : 0, "credit");
        }
        assertEq(wallet.totalCredits(address(token)), (which + 1) * 1e6, "credits in all");
        token.setDenied(payeeAt(which), false);
        vm.prank(payeeAt(which));
        wallet.claim(address(token));
        assertEq(token.balanceOf(payeeAt(which)), (which + 1) * 1e6, "claimed");
        assertEq(wallet.totalCredits(address(token)), 0, "credits left");
        vm.prank(payeeAt(which));
        vm.expectPartialRevert(IIntermediaryWallet.AmountZero.selector);
        wallet.claim(address(token));
    }

    function test_batch_ofATokenThatFailsInAnyWayBecomesCredits() public {
        OddToken.Answer[4] memory answers = [
            OddToken.Answer.False,
            OddToken.Answer.Revert,
            OddToken.Answer.BurnGas,
            OddToken.Answer.Bomb
        ];
        for (uint256 index = 0; index < 4; ++index) {
            token.setAnswer(answers[index]);
            vm.prank(operator);
            wallet.payoutBatch{ gas: 1_500_000 }(bytes32(index + 1), address(token), threeItems());
            assertEq(wallet.totalCredits(address(token)), 6e6 * (index + 1), "credits");
        }
        token.setAnswer(OddToken.Answer.Nothing);
        vm.prank(operator);
        wallet.payoutBatch("none", address(token), threeItems());
        assertEq(token.balanceOf(payeeAt(2)), 3e6, "a token that returns nothing has paid");
    }

    function test_batch_ofATokenWithoutCodePaysNobody() public {
        setCaps(address(0xC0DE01), CAP, CAP, CAP);
        vm.prank(operator);
        vm.expectRevert();
        wallet.payoutBatch("batch", address(0xC0DE01), threeItems());
    }

    function test_batch_isolatesNativePayees() public {
        Refuser refuser = new Refuser();
        bytes memory items = abi.encodePacked(
            item(address(new GasBurner()), 1 ether),
            item(payeeAt(1), 2 ether),
            item(address(new ReturnBomb()), 3 ether),
            item(address(refuser), 4 ether)
        );
        vm.prank(operator);
        wallet.payoutBatch{ gas: 800_000 }("batch", address(0), items);
        assertEq(payeeAt(1).balance, 2 ether, "the good payee is paid");
        assertEq(wallet.totalCredits(address(0)), 8 ether, "the others have credits");
        vm.expectPartialRevert(IIntermediaryWallet.CoinTransferFailed.selector);
        refuser.act(address(wallet), abi.encodeCall(wallet.claim, (address(0))));
        refuser.act(address(wallet), abi.encodeCall(wallet.claimTo, (address(0), stranger)));
        assertEq(stranger.balance, 4 ether, "claimed for another");
        assertEq(wallet.totalCredits(address(0)), 4 ether, "credits left");
    }

    /// @dev An operator cannot turn payouts into credits by being mean with gas: the whole call fails, and can be sent again.
    function testFuzz_batch_withTooLittleGasPaysNobodyRatherThanFailItems(uint256 gasLimit) public {
        gasLimit = bound(gasLimit, 30_000, 700_000);
        vm.prank(operator);
        try wallet.payoutBatch{ gas: gasLimit }("batch", address(token), threeItems()) {
            assertEq(token.balanceOf(payeeAt(2)), 3e6, "paid in full");
        } catch {
            assertTrue(!wallet.isDone("batch"), "nothing is done");
        }
        assertEq(wallet.totalCredits(address(token)), 0, "credits");
    }

    function test_batch_saysWhichItemsFailed() public {
        bytes memory items;
        for (uint256 index = 0; index < 20; ++index) items = abi.encodePacked(items, item(payeeAt(index), 1e6));
        token.setDenied(payeeAt(3), true);
        token.setDenied(payeeAt(17), true);
        vm.prank(operator);
        wallet.payoutBatch("batch", address(token), items);
        assertEq(wallet.credits(payeeAt(3), address(token)), 1e6, "third");
        assertEq(wallet.credits(payeeAt(17), address(token)), 1e6, "seventeenth");
        assertEq(wallet.totalCredits(address(token)), 2e6, "no other");
    }

    function testFuzz_caps_perCall(uint256 amount) public {
        amount = bound(amount, uint256(CAP) + 1, type(uint96).max);
        vm.startPrank(operator);
        vm.expectPartialRevert(IIntermediaryWallet.CapExceeded.selector);
        wallet.payout("one", address(token), payeeAt(1), bound(amount, uint256(CAP) + 1, 900_000e6));
        vm.expectRevert();
        wallet.payoutBatch("one", address(token), item(payeeAt(1), amount));
        vm.stopPrank();
        payout("one", address(token), payeeAt(1), CAP);
        assertEq(token.balanceOf(payeeAt(1)), CAP, "the cap itself may leave");
    }

    function test_caps_perHourAndPerDayAtTheirExactSecond() public {
        payout("1", address(token), payeeAt(1), CAP);
        payout("2", address(token), payeeAt(1), CAP);
        vm.warp(START + 1 hours - 1);
        expectCap();
        payout("3", address(token), payeeAt(1), 1);
        vm.warp(START + 1 hours);
        payout("3", address(token), payeeAt(1), CAP);
        vm.warp(START + 12 hours - 1);
        expectCap();
        payout("4", address(token), payeeAt(1), 1);
        vm.warp(START + 12 hours);
        payout("4", address(token), payeeAt(1), 1);
    }

    function testFuzz_caps_raisesWaitForADayAndLoweringsDoNot(uint128 perCall, uint256 wait) public {
        perCall = uint128(bound(perCall, CAP + 1, type(uint112).max));
        wait = bound(wait, 0, 1 days - 1);
        setCaps(address(token), perCall, 2 * CAP, 3 * CAP);
        vm.warp(START + wait);
        vm.expectPartialRevert(IIntermediaryWallet.CapsRaiseNotDue.selector);
        wallet.applyCapsRaise(address(token));
        expectCap();
        payout("1", address(token), payeeAt(1), CAP + 1);
        uint256 snapshot = vm.snapshotState();
        vm.warp(START + 1 days);
        wallet.applyCapsRaise(address(token));
        (uint128 now_, , ) = wallet.capsOf(address(token));
        assertEq(now_, perCall, "raised");
        vm.expectPartialRevert(IIntermediaryWallet.CapsRaiseNotDue.selector);
        wallet.applyCapsRaise(address(token));
        vm.revertToState(snapshot);
        // A lowering in between takes the raise away.
        setCaps(address(token), 1, 1, 1);
        vm.warp(START + 2 days);
        vm.expectPartialRevert(IIntermediaryWallet.CapsRaiseNotDue.selector);
        wallet.applyCapsRaise(address(token));
    }

    /// @dev Caps of nothing are caps: they are no way round the delay.
    function test_caps_setToZeroAreRaisedWithDelayLikeAnyOther() public {
        setCaps(address(token), 0, 0, 0);
        setCaps(address(token), CAP, CAP, CAP);
        expectCap();
        payout("1", address(token), payeeAt(1), 1);
        vm.warp(START + 1 days);
        wallet.applyCapsRaise(address(token));
        payout("1", address(token), payeeAt(1), 1);
    }

    function test_caps_ofATokenNobodySetAreZero() public {
        OddToken other = new OddToken(18);
        other.mint(address(wallet), 1e18);
        expectCap();
        payout("1", address(other), payeeAt(1), 1);
    }

    function test_allowList_aboveItsThresholdAndRaisedWithDelay() public {
        vm.startPrank(treasurer);
        wallet.setAllowListThreshold(address(token), 10e6);
        wallet.setAllowed(payeeAt(2), true);
        vm.stopPrank();
        payout("1", address(token), payeeAt(1), 10e6);
        vm.expectPartialRevert(IIntermediaryWallet.PayeeNotAllowed.selector);
        payout("2", address(token), payeeAt(1), 10e6 + 1);
        vm.prank(operator);
        vm.expectPartialRevert(IIntermediaryWallet.PayeeNotAllowed.selector);
        wallet.payoutBatch("2", address(token), item(payeeAt(1), 10e6 + 1));
        payout("2", address(token), payeeAt(2), 11e6);
        // Higher, or off: after a day. Lower: at once.
        vm.prank(treasurer);
        wallet.setAllowListThreshold(address(token), 0);
        vm.expectPartialRevert(IIntermediaryWallet.PayeeNotAllowed.selector);
        payout("3", address(token), payeeAt(1), 11e6);
        vm.expectPartialRevert(IIntermediaryWallet.CapsRaiseNotDue.selector);
        wallet.applyAllowListRaise(address(token));
        vm.warp(START + 1 days);
        wallet.applyAllowListRaise(address(token));
        payout("3", address(token), payeeAt(1), 11e6);
        vm.prank(treasurer);
        wallet.setAllowListThreshold(address(token), 5e6);
        vm.expectPartialRevert(IIntermediaryWallet.PayeeNotAllowed.selector);
        payout("4", address(token), payeeAt(1), 6e6);
    }

    function testFuzz_credits_areNeverPaidOutOrSwept(uint256 credit) public {
        credit = bound(credit, 1, CAP);
        token.setDenied(payeeAt(1), true);
        payout("1", address(token), payeeAt(1), credit);
        token.burn(address(wallet), 1_000_000e6 - credit);
        vm.prank(operator);
        vm.expectPartialRevert(IIntermediaryWallet.InventoryInsufficient.selector);
        wallet.payout("2", address(token), payeeAt(2), 1);
        vm.prank(admin);
        wallet.setColdAddress(address(0xC01D));
        vm.prank(treasurer);
        vm.expectPartialRevert(IIntermediaryWallet.InventoryInsufficient.selector);
        wallet.sweepToCold(address(token), 1);
        token.setDenied(payeeAt(1), false);
        vm.prank(payeeAt(1));
        wallet.claim(address(token));
        assertEq(token.balanceOf(payeeAt(1)), credit, "claimed");
    }

    function test_sweep_goesToTheColdAddressAlone() public {
        vm.prank(treasurer);
        vm.expectPartialRevert(IIntermediaryWallet.ColdAddressMissing.selector);
        wallet.sweepToCold(address(token), 1);
        vm.prank(treasurer);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        wallet.setColdAddress(stranger);
        vm.prank(admin);
        wallet.setColdAddress(address(0xC01D));
        vm.startPrank(treasurer);
        wallet.sweepToCold(address(token), 900_000e6);
        wallet.sweepToCold(address(0), 1 ether);
        vm.stopPrank();
        assertEq(token.balanceOf(address(0xC01D)), 900_000e6, "token");
        assertEq(address(0xC01D).balance, 1 ether, "coin");
    }

    function test_pause_stopsPayoutsAndNoClaim() public {
        token.setDenied(payeeAt(1), true);
        payout("1", address(token), payeeAt(1), 5e6);
        token.setDenied(payeeAt(1), false);
        vm.prank(pauser);
        wallet.setPaused(true);
        vm.expectPartialRevert(IIntermediaryWallet.Paused.selector);
        payout("2", address(token), payeeAt(2), 1);
        vm.prank(operator);
        vm.expectPartialRevert(IIntermediaryWallet.Paused.selector);
        wallet.payoutBatch("2", address(token), item(payeeAt(2), 1));
        vm.prank(payeeAt(1));
        wallet.claim(address(token));
        assertEq(token.balanceOf(payeeAt(1)), 5e6, "claimed");
    }

    function testFuzz_roles_strangersMoveNothing(address sender) public {
        vm.assume(sender != operator && sender != treasurer && sender != pauser && sender != admin);
        vm.startPrank(sender);
        bytes4 refused = IAccessControl.AccessControlUnauthorizedAccount.selector;
        vm.expectPartialRevert(refused);
        wallet.payout("1", address(token), sender, 1);
        vm.expectPartialRevert(refused);
        wallet.payoutBatch("1", address(token), item(sender, 1));
        vm.expectPartialRevert(refused);
        wallet.setCaps(address(token), IIntermediaryWallet.Caps(1, 1, 1));
        vm.expectPartialRevert(refused);
        wallet.setAllowed(sender, true);
        vm.expectPartialRevert(refused);
        wallet.setAllowListThreshold(address(token), 1);
        vm.expectPartialRevert(refused);
        wallet.sweepToCold(address(token), 1);
        vm.expectPartialRevert(refused);
        wallet.setPaused(true);
        vm.expectPartialRevert(IIntermediaryWallet.AmountZero.selector);
        wallet.claim(address(token));
        vm.stopPrank();
    }

    /// @dev The payee has the operator's role and a credit, so that only the guard stands in its way.
    function testFuzz_reentrancy_findsTheDoorShut(uint8 verb) public {
        Reentrant payee = new Reentrant();
        bytes32 role = wallet.OPERATOR_ROLE();
        vm.startPrank(admin);
        wallet.grantRole(role, address(payee));
        wallet.grantRole(role, address(token));
        vm.stopPrank();
        bytes memory call =
            verb % 3 == 0
                ? abi.encodeCall(wallet.payout, ("in", address(token), address(payee), 1))
                : verb % 3 == 1
                    ? abi.encodeCall(wallet.payoutBatch, ("in", address(token), item(address(payee), 1)))
                    : abi.encodeCall(wallet.claim, (address(token)));
        token.setHook(address(wallet), call);
        payout("1", address(token), payeeAt(1), 1e6);
        assertTrue(!token.hookSucceeded(), "the call from within is refused");
        bytes32 shut = bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        assertEq(bytes32(token.hookAnswer()), shut, "by the guard");
        payee.prepare(address(wallet), call);
        payout("2", address(0), address(payee), 1 ether);
        // Within its gas it can do no more than be refused; what it kept of it may not have fitted.
        assertTrue(!payee.succeeded(), "the payee's call from within is refused");
        assertTrue(!wallet.isDone("in"), "nothing was paid from within");
    }

    function payout(bytes32 identifier, address token_, address payee, uint256 amount) private {
        vm.prank(operator);
        wallet.payout(identifier, token_, payee, amount);
    }

    function expectCap() private {
        vm.expectPartialRevert(IIntermediaryWallet.CapExceeded.selector);
    }

    function setCaps(address token_, uint128 perCall, uint128 perHour, uint128 perDay) private {
        vm.prank(treasurer);
        wallet.setCaps(token_, IIntermediaryWallet.Caps(perCall, perHour, perDay));
    }

    function item(address payee, uint256 amount) private pure returns (bytes memory) {
        return abi.encodePacked(payee, uint96(amount));
    }

    function threeItems() private pure returns (bytes memory) {
        return abi.encodePacked(item(payeeAt(0), 1e6), item(payeeAt(1), 2e6), item(payeeAt(2), 3e6));
    }

    function payeeAt(uint256 index) private pure returns (address) {
        return address(uint160(0xFA7EE000 + index));
    }
}
