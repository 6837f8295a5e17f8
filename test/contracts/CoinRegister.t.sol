// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { CoinRegister } from "../../contracts/CoinRegister.sol";
import { ICoinRegister } from "../../contracts/interfaces/ICoinRegister.sol";
import { ICoinTypes } from "../../contracts/interfaces/ICoinTypes.sol";
import { CoinHead, CoinWord, CoinWords } from "../../contracts/libraries/CoinWord.sol";
import {
    BLOCK_HOPS,
    COIN_ADMIN,
    COIN_MAXIMUM,
    COIN_PAUSER,
    coinLimits,
    coinRoles,
    CoinStage,
    FREEZER,
    headOf,
    ISSUER
} from "./support/CoinStage.sol";

/// @title Each verb of the register, and each thing that it refuses, by its name.
contract CoinRegisterTest is CoinStage {
    uint256 private constant ALICE = 0xA11CE;
    uint256 private constant BOB = 0xB0B;
    uint256 private constant AMOUNT = 125e6;
    uint256 private constant COIN = 70_000;

    CoinRegister private register;
    OddToken private token;
    address private alice = vm.addr(ALICE);
    address private bob = vm.addr(BOB);
    uint256 private home;

    function setUp() public {
        home = block.chainid;
        vm.warp(1_793_620_800);
        token = new OddToken(6);
        register = new CoinRegister(token, coinRoles(), coinLimits());
        token.mint(address(register), 1e15);
        register.countReserve();
        issued(COIN, alice);
    }

    function testFuzz_word_partsComeBack(uint24 sequence, uint8 hops, uint64 amount, address owner) public pure {
        uint256 held = amount & CoinWords.LARGEST_AMOUNT;
        CoinWord word = CoinWords.pack(sequence, CoinWords.LOCKED, hops, held, owner);
        assertEq(word.sequence(), sequence, "sequence");
        assertEq(word.state(), CoinWords.LOCKED, "state");
        assertEq(word.hops(), hops, "hops");
        assertEq(word.amount(), held, "amount");
        assertEq(word.owner(), owner, "owner");
        assertTrue(!word.isFrozen() && word.isAt(sequence, CoinWords.LOCKED), "neither frozen nor elsewhere");
    }

    /// @dev What the register makes by hand is what EIP-712 says in plain words, for any coin, hops and owner.
    function testFuzz_switch_takesTheOwnersSignatureForAnyOwner(uint256 coin, uint8 hops, address owner) public {
        vm.assume(owner != address(0));
        coin = bound(coin, COIN + 1, type(uint40).max);
        hops = uint8(bound(hops, 0, BLOCK_HOPS));
        issued(coin, alice);
        switchBy(ALICE, coin, 1, hops, owner);
        ICoinTypes.Coin memory now_ = register.coins(coin);
        assertEq(now_.owner, owner, "owner");
        assertEq(now_.sequence, 2, "sequence");
        assertEq(now_.hops, hops, "hops");
        assertEq(now_.amount, AMOUNT, "amount");
    }

    function testFuzz_switch_refusesWhoeverIsNotTheOwner(uint256 key) public {
        key = bound(key, 1, ORDER - 1);
        vm.assume(key != ALICE);
        expectRefused(ICoinTypes.Outcome.NotOwner);
        this.switchBy(key, COIN, 1, 0, bob);
    }

    function test_switch_againIsDoneAlready() public {
        switchBy(ALICE, COIN, 1, 0, bob);
        switchBy(ALICE, COIN, 1, 0, bob);
        assertEq(register.coins(COIN).sequence, 2, "once");
    }

    function test_switch_refusesAUsedSequence() public {
        switchBy(ALICE, COIN, 1, 0, bob);
        switchBy(BOB, COIN, 2, 0, alice);
        expectRefused(ICoinTypes.Outcome.SequenceStale);
        this.switchBy(ALICE, COIN, 1, 0, bob);
    }

    function test_switch_refusesASequenceAhead() public {
        expectRefused(ICoinTypes.Outcome.SequenceAhead);
        this.switchBy(ALICE, COIN, 2, 0, bob);
    }

    function test_switch_refusesAnotherChainsSignature() public {
        bytes memory signature = signed(ALICE, domainOn(home + 1, address(register)), switchOf(COIN, 1, 0, bob));
        expectRefused(ICoinTypes.Outcome.NotOwner);
        this.bring(COIN, 1, 0, bob, signature);
    }

    function test_switch_refusesItsSignatureOnAnotherChain() public {
        bytes memory signature = signed(ALICE, domainOn(home, address(register)), switchOf(COIN, 1, 0, bob));
        vm.chainId(home + 1);
        expectRefused(ICoinTypes.Outcome.NotOwner);
        this.bring(COIN, 1, 0, bob, signature);
    }

    function test_switch_refusesAnotherContractsSignature() public {
        bytes memory signature = signed(ALICE, domainOn(home, address(0xBEEF)), switchOf(COIN, 1, 0, bob));
        expectRefused(ICoinTypes.Outcome.NotOwner);
        this.bring(COIN, 1, 0, bob, signature);
    }

    function testFuzz_switch_refusesAnyHighS(uint256 s, bool parity) public {
        s = bound(s, ORDER / 2 + 1, (1 << 255) - 1);
        bytes memory signature = abi.encodePacked(bytes32(uint256(1)), bytes32(s | (parity ? 1 << 255 : 0)));
        expectRefused(ICoinTypes.Outcome.SignatureHighS);
        this.bring(COIN, 1, 0, bob, signature);
    }

    /// @dev The recovery precompile answers nothing: nobody owns a coin, so nobody's signature opens none.
    function test_switch_refusesASignatureOfNobody() public {
        expectRefused(ICoinTypes.Outcome.NotOwner);
        this.bring(COIN, 1, 0, bob, abi.encodePacked(bytes32(0), bytes32(uint256(1))));
    }

    function test_switch_refusesNoOwnerAndHopsAboveTheLimit() public {
        expectRefused(ICoinTypes.Outcome.OwnerZero);
        this.switchBy(ALICE, COIN, 1, 0, address(0));
        expectRefused(ICoinTypes.Outcome.HopsAboveLimit);
        this.switchBy(ALICE, COIN, 1, uint8(BLOCK_HOPS + 1), bob);
        switchBy(ALICE, COIN, 1, uint8(BLOCK_HOPS), bob);
    }

    function test_switch_refusesACoinThatIsNot() public {
        expectRefused(COIN + 5, ICoinTypes.Outcome.NotInState);
        this.switchBy(ALICE, COIN + 5, 0, 0, bob);
    }

    /// @dev Put there by hand: nobody switches sixteen million times.
    function test_switch_usesNoNumberTwice() public {
        bytes32 slot = slotOf(COIN);
        vm.store(address(register), slot, vm.load(address(register), slot) | bytes32(uint256(0xffffff) << 232));
        expectRefused(ICoinTypes.Outcome.SequenceExhausted);
        this.switchBy(ALICE, COIN, 0xffffff, 0, bob);
        register.redeem(headOf(COIN, 0xffffff, 0, bob), by(ALICE, redeemOf(COIN, 0xffffff, bob)));
        assertEq(token.balanceOf(bob), AMOUNT, "it can still be redeemed");
        vm.prank(ISSUER);
        expectRefused(ICoinTypes.Outcome.SequenceExhausted);
        register.issueTo(headOf(COIN, 0xffffff, 0, alice), AMOUNT);
    }

    function testFuzz_freeze_aFrozenCoinStays(uint8 verb) public {
        vm.prank(FREEZER);
        register.setFrozen(COIN, true);
        expectRefused(ICoinTypes.Outcome.Frozen);
        if (verb % 4 == 0) this.switchBy(ALICE, COIN, 1, 0, bob);
        else if (verb % 4 == 1) register.redeem(headOf(COIN, 1, 0, bob), by(ALICE, redeemOf(COIN, 1, bob)));
        else if (verb % 4 == 2) this.splitBy(COIN, 1, COIN + 1, 0, 1);
        else register.lock(headOf(COIN, 1, 0, bob), 2e9, by(ALICE, lockOf(COIN, 1, bob, 2e9)));
    }

    function test_freeze_thawedItMovesWithTheSameSignature() public {
        vm.startPrank(FREEZER);
        register.setFrozen(COIN, true);
        register.setFrozen(COIN, false);
        vm.stopPrank();
        switchBy(ALICE, COIN, 1, 0, bob);
    }

    /// @dev A stranger to a role can do none of these.
    function testFuzz_roles_areNeeded(address stranger) public {
        vm.assume(stranger != COIN_ADMIN && stranger != ISSUER && stranger != FREEZER && stranger != COIN_PAUSER);
        vm.startPrank(stranger);
        vm.expectRevert();
        register.issueTo(headOf(1, 0, 0, stranger), 1);
        vm.expectRevert();
        register.setFrozen(COIN, true);
        vm.expectRevert();
        register.setPaused(true);
        vm.expectRevert();
        register.withdrawSurplus(stranger, 1);
        vm.stopPrank();
    }

    function testFuzz_batch_skipsTheBadAndNamesIt(uint8 which) public {
        uint256 count = 5;
        uint256 bad = which % count;
        bytes memory records;
        for (uint256 index = 0; index < count; ++index) {
            uint256 coin = COIN + 1 + index;
            issued(coin, alice);
            bytes memory signature = by(index == bad ? BOB : ALICE, switchOf(coin, 1, 0, bob));
            records = abi.encodePacked(records, uint40(coin), uint24(1), uint8(0), bob, signature);
        }
        bytes memory outcomes = register.switchBatch(records);
        for (uint256 index = 0; index < count; ++index) {
            bool isBad = index == bad;
            assertEq(uint8(outcomes[index]), isBad ? uint8(ICoinTypes.Outcome.NotOwner) : 0, "outcome");
            assertEq(register.coins(COIN + 1 + index).owner, isBad ? alice : bob, "owner");
        }
        outcomes = register.switchBatch(records);
        for (uint256 index = 0; index < count; ++index) {
            ICoinTypes.Outcome again = index == bad ? ICoinTypes.Outcome.NotOwner : ICoinTypes.Outcome.AlreadyDone;
            assertEq(uint8(outcomes[index]), uint8(again), "again");
        }
    }

    function test_batch_registersAChainOfHops() public {
        bytes memory first = by(ALICE, switchOf(COIN, 1, 1, bob));
        bytes memory second = by(BOB, switchOf(COIN, 2, 2, alice));
        bytes memory outcomes = register.switchBatch(
            abi.encodePacked(
                abi.encodePacked(uint40(COIN), uint24(1), uint8(1), bob, first),
                abi.encodePacked(uint40(COIN), uint24(2), uint8(2), alice, second)
            )
        );
        assertEq(outcomes.length, 0, "all are executed");
        assertEq(register.coins(COIN).sequence, 3, "both");
    }

    function testFuzz_batch_refusesPartsOfRecords(uint16 length) public {
        vm.assume(length % 93 != 0 || length == 0);
        vm.expectPartialRevert(ICoinTypes.RecordsMalformed.selector);
        register.switchBatch(new bytes(length));
    }

    function testFuzz_move_takesTheOwnersCoinsAndSkipsOthers(uint8 which) public {
        uint256 foreign = which % 6;
        bytes memory moves;
        for (uint256 index = 0; index < 6; ++index) {
            issued(COIN + 1 + index, index == foreign ? bob : alice);
            moves = abi.encodePacked(moves, uint40(COIN + 1 + index), uint24(1));
        }
        address owner = address(0xCAFE);
        (bytes32 r, bytes32 vs) = halves(by(ALICE, moveOf(owner, moves)));
        bytes memory outcomes = register.moveCoins(owner, r, vs, moves);
        for (uint256 index = 0; index < 6; ++index) {
            bool isForeign = index == foreign;
            ICoinTypes.Coin memory now_ = register.coins(COIN + 1 + index);
            assertEq(uint8(outcomes[index]), isForeign ? uint8(ICoinTypes.Outcome.NotOwner) : 0, "outcome");
            assertEq(now_.owner, isForeign ? bob : owner, "owner");
            assertEq(now_.amount, AMOUNT, "amount");
            assertEq(now_.sequence, isForeign ? 1 : 2, "sequence");
        }
    }

    function test_move_takesACoinOnce() public {
        bytes memory moves = abi.encodePacked(uint40(COIN), uint24(1), uint40(COIN), uint24(1));
        (bytes32 r, bytes32 vs) = halves(by(ALICE, moveOf(bob, moves)));
        bytes memory outcomes = register.moveCoins(bob, r, vs, moves);
        assertEq(uint8(outcomes[1]), uint8(ICoinTypes.Outcome.AlreadyDone), "the second is done");
        assertEq(register.coins(COIN).sequence, 2, "once");
    }

    function testFuzz_issue_neverAboveTheReserve(uint256 above) public {
        above = bound(above, 1, AMOUNT);
        uint256 free = 1e15 - AMOUNT;
        vm.startPrank(COIN_ADMIN);
        register.withdrawSurplus(COIN_ADMIN, free - AMOUNT + above);
        vm.stopPrank();
        vm.prank(ISSUER);
        vm.expectPartialRevert(ICoinTypes.ReserveInsufficient.selector);
        register.issueTo(headOf(1, 0, 0, alice), AMOUNT);
        if (above == AMOUNT) return;
        vm.prank(ISSUER);
        register.issueTo(headOf(1, 0, 0, alice), AMOUNT - above);
    }

    function test_issue_refusesByName() public {
        vm.startPrank(ISSUER);
        expectRefused(1, ICoinTypes.Outcome.AmountZero);
        register.issueTo(headOf(1, 0, 0, alice), 0);
        expectRefused(1, ICoinTypes.Outcome.AmountAboveMaximum);
        register.issueTo(headOf(1, 0, 0, alice), COIN_MAXIMUM + 1);
        expectRefused(1, ICoinTypes.Outcome.OwnerZero);
        register.issueTo(headOf(1, 0, 0, address(0)), 1);
        expectRefused(ICoinTypes.Outcome.NotInState);
        register.issueTo(headOf(COIN, 1, 0, alice), 1);
        expectRefused(ICoinTypes.Outcome.SequenceStale);
        register.issueTo(headOf(COIN, 0, 0, bob), AMOUNT);
        register.issueTo(headOf(COIN, 0, 0, alice), AMOUNT);
        vm.stopPrank();
        assertEq(register.supply().outstanding, AMOUNT, "again is done already");
        vm.prank(COIN_PAUSER);
        register.setPaused(true);
        vm.prank(ISSUER);
        vm.expectPartialRevert(ICoinTypes.Paused.selector);
        register.issueTo(headOf(1, 0, 0, alice), 1);
    }

    function testFuzz_split_keepsTheSum(uint256 amount) public {
        amount = bound(amount, 1, AMOUNT - 1);
        splitBy(COIN, 1, COIN + 1, 0, amount);
        splitBy(COIN, 1, COIN + 1, 0, amount);
        assertEq(register.coins(COIN).amount, AMOUNT - amount, "rest");
        assertEq(register.coins(COIN + 1).amount, amount, "part");
        assertEq(register.supply().outstanding, AMOUNT, "outstanding");
    }

    function test_split_refusesByName() public {
        expectRefused(ICoinTypes.Outcome.DuplicateCoin);
        this.splitBy(COIN, 1, COIN, 1, 1);
        expectRefused(ICoinTypes.Outcome.AmountZero);
        this.splitBy(COIN, 1, COIN + 1, 0, 0);
        expectRefused(ICoinTypes.Outcome.AmountAboveCoin);
        this.splitBy(COIN, 1, COIN + 1, 0, AMOUNT);
        issued(COIN + 2, bob);
        expectRefused(COIN + 2, ICoinTypes.Outcome.SlotTaken);
        this.splitBy(COIN, 1, COIN + 2, 1, 1);
    }

    function test_merge_addsUpAndFreesTheOther() public {
        issued(COIN + 1, alice);
        mergeBy(ALICE, COIN, 1, COIN + 1, 1);
        mergeBy(ALICE, COIN, 1, COIN + 1, 1);
        assertEq(register.coins(COIN).amount, 2 * AMOUNT, "sum");
        assertTrue(register.coins(COIN + 1).state == ICoinTypes.State.Free, "free");
    }

    function test_merge_refusesByName() public {
        expectRefused(ICoinTypes.Outcome.DuplicateCoin);
        this.mergeBy(ALICE, COIN, 1, COIN, 1);
        issued(COIN + 1, bob);
        expectRefused(COIN + 1, ICoinTypes.Outcome.NotOwner);
        this.mergeBy(ALICE, COIN, 1, COIN + 1, 1);
        vm.prank(ISSUER);
        register.issueTo(headOf(COIN + 2, 0, 0, alice), COIN_MAXIMUM);
        expectRefused(ICoinTypes.Outcome.AmountAboveMaximum);
        this.mergeBy(ALICE, COIN, 1, COIN + 2, 1);
    }

    function testFuzz_redeem_paysAnyAddressOnce(address recipient) public {
        vm.assume(recipient != address(0) && recipient != address(register));
        uint256 before = token.balanceOf(recipient);
        bytes memory signature = by(ALICE, redeemOf(COIN, 1, recipient));
        register.redeem(headOf(COIN, 1, 0, recipient), signature);
        register.redeem(headOf(COIN, 1, 0, recipient), signature);
        assertEq(token.balanceOf(recipient), before + AMOUNT, "paid once");
        assertEq(register.supply().outstanding, 0, "nothing is out");
    }

    /// @dev A token that calls back while it moves finds the register shut.
    function test_redeem_countsNothingWhileTheTokenMoves() public {
        token.setHook(address(register), abi.encodeCall(ICoinRegister.countReserve, ()));
        register.redeem(headOf(COIN, 1, 0, bob), by(ALICE, redeemOf(COIN, 1, bob)));
        assertTrue(!token.hookSucceeded(), "the count in between is refused");
        assertEq(register.supply().reserve, token.balanceOf(address(register)), "the reserve is what is here");
    }

    function test_signature_refusesAnyOtherLength() public {
        for (uint256 length = 0; length < 130; ++length) {
            if (length == 64 || length == 128) continue;
            expectRefused(ICoinTypes.Outcome.SignatureMalformed);
            register.redeem(headOf(COIN, 1, 0, bob), new bytes(length));
        }
    }

    function testFuzz_lock_payeeBeforeTheDeadlineOwnerAfter(uint256 wait) public {
        uint256 deadline = 1_793_620_900;
        wait = bound(wait, 0, 200);
        bytes memory signature = by(ALICE, lockOf(COIN, 1, bob, deadline));
        register.lock(headOf(COIN, 1, 0, bob), deadline, signature);
        register.lock(headOf(COIN, 1, 0, bob), deadline, signature);
        expectRefused(ICoinTypes.Outcome.NotInState);
        this.switchBy(ALICE, COIN, 2, 0, bob);
        vm.warp(1_793_620_800 + wait);
        bytes memory claimed = by(BOB, claimOf(COIN, 2, bob));
        bytes memory reclaimed = by(ALICE, reclaimOf(COIN, 2, alice));
        if (wait >= 100) {
            expectRefused(ICoinTypes.Outcome.TooLate);
            register.claim(headOf(COIN, 2, 0, bob), claimed);
            register.reclaim(headOf(COIN, 2, 0, alice), reclaimed);
            assertEq(register.coins(COIN).owner, alice, "back");
        } else {
            expectRefused(ICoinTypes.Outcome.TooEarly);
            register.reclaim(headOf(COIN, 2, 0, alice), reclaimed);
            expectRefused(ICoinTypes.Outcome.NotOwner);
            register.claim(headOf(COIN, 2, 0, bob), by(ALICE, claimOf(COIN, 2, bob)));
            register.claim(headOf(COIN, 2, 0, bob), claimed);
            register.claim(headOf(COIN, 2, 0, bob), claimed);
            assertEq(register.coins(COIN).owner, bob, "claimed");
        }
    }

    function switchBy(uint256 key, uint256 coin, uint256 sequence, uint8 hops, address owner) public {
        bring(coin, sequence, hops, owner, by(key, switchOf(coin, sequence, hops, owner)));
    }

    function bring(uint256 coin, uint256 sequence, uint8 hops, address owner, bytes memory signature) public {
        (bytes32 r, bytes32 vs) = halves(signature);
        register.switchCoin(headOf(coin, sequence, hops, owner), r, vs);
    }

    function splitBy(uint256 coin, uint256 sequence, uint256 part, uint256 partSequence, uint256 amount) public {
        bytes memory signature = by(ALICE, splitOf(coin, sequence, alice, part, partSequence, amount, bob));
        register.split(headOf(coin, sequence, 0, alice), headOf(part, partSequence, 0, bob), amount, signature);
    }

    function mergeBy(uint256 key, uint256 coin, uint256 sequence, uint256 other, uint256 otherSequence) public {
        bytes memory signature = by(key, mergeOf(coin, sequence, other, otherSequence, bob));
        CoinHead otherHead = headOf(other, otherSequence, 0, address(0));
        register.combine(headOf(coin, sequence, 0, bob), otherHead, signature);
    }

    function issued(uint256 coin, address owner) private {
        vm.prank(ISSUER);
        register.issueTo(headOf(coin, 0, 0, owner), AMOUNT);
    }

    function by(uint256 key, bytes memory text) private view returns (bytes memory) {
        return signed(key, domainOn(home, address(register)), text);
    }

    function expectRefused(ICoinTypes.Outcome outcome) private {
        expectRefused(COIN, outcome);
    }

    function expectRefused(uint256 coin, ICoinTypes.Outcome outcome) private {
        vm.expectRevert(abi.encodeWithSelector(ICoinTypes.Refused.selector, coin, outcome));
    }

    function slotOf(uint256 coin) private view returns (bytes32) {
        bytes32 word = bytes32(uint256(uint160(alice)) | (AMOUNT << 160) | (1 << 228) | (1 << 232));
        for (uint256 base = 0; base < 16; ++base) {
            if (vm.load(address(register), bytes32(base + coin)) == word) return bytes32(base + coin);
        }
        revert NotTrue("the coin is in its slot");
    }
}
