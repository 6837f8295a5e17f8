// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { CoinRegister } from "../../contracts/CoinRegister.sol";
import { ICoinPages } from "../../contracts/interfaces/ICoinPages.sol";
import { ICoinTypes } from "../../contracts/interfaces/ICoinTypes.sol";
import { CoinWords } from "../../contracts/libraries/CoinWord.sol";
import { BLOCK_HOPS, coinLimits, coinRoles, FREEZER, headOf, ISSUER } from "./support/CoinStage.sol";
import { PAGE, pageCoin, PageStage } from "./support/PageStage.sol";

/// @title Each verb of coins in pages, and each thing that it refuses, by its name; and coins that are moved in a row.
contract CoinPagesTest is PageStage {
    uint256 private constant ALICE = 0xA11CE;
    uint256 private constant BOB = 0xB0B;
    uint256 private constant AMOUNT = 125e6;
    uint256 private constant LEAF = 18;

    CoinRegister private register;
    ICoinPages private pages;
    OddToken private token;
    address private alice = vm.addr(ALICE);
    address private bob = vm.addr(BOB);
    uint256 private home;
    uint256[256] private page;

    function setUp() public {
        home = block.chainid;
        vm.warp(1_793_620_800);
        token = new OddToken(6);
        register = new CoinRegister(token, coinRoles(), coinLimits());
        pages = ICoinPages(address(register));
        token.mint(address(register), 1e15);
        register.countReserve();
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) page[leaf] = activeWord(1, 0, AMOUNT, alice);
        bytes[256] memory asked;
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) {
            asked[leaf] = abi.encodePacked(uint16(0), uint64(AMOUNT), alice);
        }
        vm.prank(ISSUER);
        uint256[256] memory unused;
        pages.issuePage(PAGE, itemsOf(unused, asked));
    }

    function test_page_isWhatThePlainFormSays() public view {
        assertEq(pages.rootOf(PAGE), rootOf(page), "issued");
        uint256[256] memory unused;
        assertEq(pages.rootOf(PAGE + 1), rootOf(unused), "never used");
        assertEq(register.supply().outstanding, 4 * AMOUNT, "outstanding");
    }

    /// @dev What the register makes by hand is what EIP-712 and a tree in plain words say, for any leaf, hops and owner.
    function testFuzz_switch_takesTheOwnersSignatureForAnyOwner(
        uint8 place,
        uint8 hops,
        address owner,
        bool brief
    ) public {
        vm.assume(owner != address(0));
        uint256 leaf = LEAF + (place % 4);
        hops = uint8(bound(hops, 0, BLOCK_HOPS));
        bytes memory outcomes = switchBy(ALICE, leaf, 1, hops, owner, brief);
        assertEq(outcomes.length, 0, "executed");
        page[leaf] = activeWord(2, hops, AMOUNT, owner);
        assertEq(pages.rootOf(PAGE), rootOf(page), "this leaf, and no other");
    }

    /// @dev One bad switch is passed over and named, wherever it stands, and its neighbours are not held back.
    function testFuzz_switch_skipsTheBadAndNamesIt(uint8 place, uint8 flaw) public {
        uint256 bad = LEAF + (place % 4);
        (bytes memory items, ICoinTypes.Outcome named) = fourWithOneBad(bad, flaw % 7);
        bytes memory outcomes = pages.switchPage(PAGE, items);
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) {
            bool isBad = leaf == bad;
            assertEq(uint8(outcomes[leaf - LEAF]), isBad ? uint8(named) : 0, "outcome");
            if (!isBad) page[leaf] = activeWord(2, 0, AMOUNT, bob);
        }
        assertEq(pages.rootOf(PAGE), rootOf(page), "what was said is what was done");
        // The same call again finds the others done.
        outcomes = pages.switchPage(PAGE, items);
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) {
            ICoinTypes.Outcome again = leaf == bad ? named : ICoinTypes.Outcome.AlreadyDone;
            assertEq(uint8(outcomes[leaf - LEAF]), uint8(again), "again");
        }
        assertEq(pages.rootOf(PAGE), rootOf(page), "once");
    }

    /// @dev A signature outlives whatever happens to its neighbours; only the proof has to be made anew.
    function test_switch_noOtherSwitchStalesASignature() public {
        bytes memory signature = by(ALICE, switchOf(pageCoin(LEAF), 1, 0, bob));
        bytes memory before = itemFor(LEAF, abi.encodePacked(briefOf(page[LEAF]), uint8(0), bob, signature));
        switchBy(ALICE, LEAF + 1, 1, 0, bob, true);
        bytes memory outcomes = pages.switchPage(PAGE, before);
        assertEq(uint8(outcomes[0]), uint8(ICoinTypes.Outcome.ProofStale), "the proof is old");
        page[LEAF + 1] = activeWord(2, 0, AMOUNT, bob);
        outcomes = pages.switchPage(
            PAGE,
            itemFor(LEAF, abi.encodePacked(briefOf(page[LEAF]), uint8(0), bob, signature))
        );
        assertEq(outcomes.length, 0, "the signature is not");
    }

    /// @dev In the short form the owner is whoever signed, so nobody else's signature finds the page as it is.
    function testFuzz_switch_inShortRefusesWhoeverIsNotTheOwner(uint256 key) public {
        key = bound(key, 1, ORDER - 1);
        vm.assume(key != ALICE);
        bytes memory outcomes = switchBy(key, LEAF, 1, 0, bob, true);
        assertEq(uint8(outcomes[0]), uint8(ICoinTypes.Outcome.ProofStale), "stale");
        assertEq(pages.rootOf(PAGE), rootOf(page), "nothing has changed");
    }

    function test_switch_refusesAnotherChainsAndAnotherContractsSignature() public {
        bytes memory text = switchOf(pageCoin(LEAF), 1, 0, bob);
        bytes memory other = signed(ALICE, domainOn(home + 1, address(register)), text);
        refusesWhole(other, ICoinTypes.Outcome.NotOwner);
        refusesWhole(signed(ALICE, domainOn(home, address(register.pages())), text), ICoinTypes.Outcome.NotOwner);
        bytes memory own = by(ALICE, text);
        vm.chainId(home + 1);
        refusesWhole(own, ICoinTypes.Outcome.NotOwner);
    }

    function testFuzz_switch_refusesAnyHighS(uint256 s) public {
        s = bound(s, ORDER / 2 + 1, (1 << 255) - 1);
        refusesWhole(abi.encodePacked(bytes32(uint256(1)), bytes32(s)), ICoinTypes.Outcome.SignatureHighS);
    }

    /// @dev Any byte of the items changed, whatever it then means: every coin is where it was, or where its owner sent it.
    function testFuzz_switch_noByteOfItsItemsMovesACoinElsewhere(uint16 index, uint8 flip) public {
        vm.assume(flip != 0);
        bytes memory signature = by(ALICE, switchOf(pageCoin(LEAF), 1, 0, bob));
        bytes memory items = itemFor(LEAF, abi.encodePacked(briefOf(page[LEAF]), uint8(0), bob, signature));
        uint256 changed = index % items.length;
        items[changed] = bytes1(uint8(items[changed]) ^ flip);
        try pages.switchPage(PAGE, items) {} catch {}
        bytes32 root = pages.rootOf(PAGE);
        bytes32 before = rootOf(page);
        page[LEAF] = activeWord(2, 0, AMOUNT, bob);
        assertTrue(root == before || root == rootOf(page), "as it was, or as its owner wants it");
    }

    function testFuzz_items_refusesWhateverDoesNotGoThroughThePageOnce(bytes calldata items) public {
        // Chance makes no page of the right root, so what is not malformed is stale.
        try pages.switchPage(PAGE, items) {} catch {}
        assertEq(pages.rootOf(PAGE), rootOf(page), "nothing has changed");
    }

    function test_items_refusesTooFewAndTooMany() public {
        bytes memory items = itemFor(LEAF, wholeSwitch(LEAF, by(ALICE, switchOf(pageCoin(LEAF), 1, 0, bob))));
        vm.expectPartialRevert(ICoinPages.PageMalformed.selector);
        pages.switchPage(PAGE, bytes.concat(items, abi.encodePacked(uint8(0x10), bytes32(0))));
        bytes memory less = items;
        assembly ("memory-safe") {
            mstore(less, sub(mload(less), 33))
        }
        vm.expectPartialRevert(ICoinPages.PageMalformed.selector);
        pages.switchPage(PAGE, less);
        vm.expectPartialRevert(ICoinPages.PageMalformed.selector);
        pages.switchPage(1 << 32, less);
    }

    function testFuzz_freeze_aFrozenCoinStays(uint8 verb) public {
        freeze(LEAF);
        bytes memory proof = proofOf(page, LEAF, page[LEAF]);
        if (verb % 3 == 0) {
            refusesWhole(by(ALICE, switchOf(pageCoin(LEAF), 1, 0, bob)), ICoinTypes.Outcome.Frozen);
            return;
        }
        bytes memory signature = by(ALICE, redeemOf(pageCoin(LEAF), 1, bob));
        expectRefused(pageCoin(LEAF), ICoinTypes.Outcome.Frozen);
        if (verb % 3 == 1) pages.redeemFromPage(headOf(pageCoin(LEAF), 1, 0, bob), signature, proof);
        else pages.splitInPages(headOf(pageCoin(LEAF), 1, 0, alice), headOf(7, 0, 0, bob), 1, signature, proof);
    }

    /// @dev In the short form a coin is said to be neither frozen nor locked.
    function test_freeze_theShortFormDoesNotSeeOneThatIsFrozen() public {
        freeze(LEAF);
        bytes memory outcomes = switchBy(ALICE, LEAF, 1, 0, bob, true);
        assertEq(uint8(outcomes[0]), uint8(ICoinTypes.Outcome.ProofStale), "stale");
    }

    /// @dev From a page to a slot, from a slot to a page, within one page, and back together: the sum stays.
    function testFuzz_split_keepsTheSumAcrossSlotsAndPages(uint256 amount, bool toSlot) public {
        amount = bound(amount, 1, AMOUNT - 1);
        uint256 part = toSlot ? 7 : pageCoin(200);
        bytes memory text = splitOf(pageCoin(LEAF), 1, alice, part, 0, amount, alice);
        bytes memory proofs = proofOf(page, LEAF, page[LEAF]);
        page[LEAF] = activeWord(2, 0, AMOUNT - amount, alice);
        if (!toSlot) proofs = bytes.concat(proofs, proofOf(page, 200, 0));
        pages.splitInPages(
            headOf(pageCoin(LEAF), 1, 0, alice),
            headOf(part, 0, 0, alice),
            amount,
            by(ALICE, text),
            proofs
        );
        if (!toSlot) page[200] = activeWord(1, 0, amount, alice);
        assertEq(pages.rootOf(PAGE), rootOf(page), "both");
        assertEq(register.supply().outstanding, 4 * AMOUNT, "outstanding");
        text = mergeOf(part, 1, pageCoin(LEAF), 2, bob);
        bytes memory otherProof = "";
        if (!toSlot) {
            otherProof = proofOf(page, 200, page[200]);
            page[200] = activeWord(2, 0, AMOUNT, bob);
        }
        pages.combineInPages(
            headOf(part, 1, 0, bob),
            headOf(pageCoin(LEAF), 2, 0, address(0)),
            by(ALICE, text),
            bytes.concat(otherProof, proofOf(page, LEAF, page[LEAF]))
        );
        page[LEAF] = freeWord(3, alice);
        assertEq(pages.rootOf(PAGE), rootOf(page), "together again");
        if (toSlot) assertEq(register.coins(7).amount, AMOUNT, "in the slot");
    }

    function testFuzz_redeem_paysOnceAndOnlyWhatIsThere(uint256 amount) public {
        amount = bound(amount, 1, CoinWords.LARGEST_AMOUNT);
        bytes memory signature = by(ALICE, redeemOf(pageCoin(LEAF), 1, bob));
        if (amount != AMOUNT) {
            bytes memory forged = proofOf(page, LEAF, activeWord(1, 0, amount, alice));
            expectRefused(pageCoin(LEAF), ICoinTypes.Outcome.ProofStale);
            pages.redeemFromPage(headOf(pageCoin(LEAF), 1, 0, bob), signature, forged);
        }
        pages.redeemFromPage(headOf(pageCoin(LEAF), 1, 0, bob), signature, proofOf(page, LEAF, page[LEAF]));
        page[LEAF] = freeWord(2, bob);
        pages.redeemFromPage(headOf(pageCoin(LEAF), 1, 0, bob), signature, proofOf(page, LEAF, page[LEAF]));
        assertEq(token.balanceOf(bob), AMOUNT, "once");
        assertEq(register.supply().outstanding, 3 * AMOUNT, "outstanding");
    }

    function testFuzz_move_takesTheOwnersCoinsAndNamesTheOthers(uint8 place) public {
        uint256 foreign = LEAF + (place % 4);
        switchBy(ALICE, foreign, 1, 0, bob, true);
        page[foreign] = activeWord(2, 0, AMOUNT, bob);
        bytes memory moves;
        bytes[256] memory asked;
        address owner = address(0xCAFE);
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) {
            bool isForeign = leaf == foreign;
            asked[leaf] = isForeign ? wholeOf(page[leaf], 2) : briefOf(page[leaf]);
            moves = abi.encodePacked(moves, uint8(leaf), uint24(isForeign ? 2 : 1));
        }
        bytes memory items = itemsOf(page, asked);
        expectRefused(pageCoin(0), ICoinTypes.Outcome.NotOwner);
        pages.movePage(PAGE, alice, owner, by(BOB, moveInPageOf(owner, moves)), items);
        bytes memory outcomes = pages.movePage(PAGE, alice, owner, by(ALICE, moveInPageOf(owner, moves)), items);
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) {
            bool isForeign = leaf == foreign;
            assertEq(uint8(outcomes[leaf - LEAF]), isForeign ? uint8(ICoinTypes.Outcome.NotOwner) : 0, "outcome");
            if (!isForeign) page[leaf] = activeWord(2, 0, AMOUNT, owner);
        }
        assertEq(pages.rootOf(PAGE), rootOf(page), "what was said is what was done");
    }

    /// @dev A stranger to a role can do none of these.
    function testFuzz_roles_areNeeded(address stranger) public {
        vm.assume(stranger != ISSUER && stranger != FREEZER);
        bytes[256] memory asked;
        asked[0] = abi.encodePacked(uint16(0), uint64(1), stranger);
        bytes memory items = itemsOf(page, asked);
        bytes memory proof = proofOf(page, LEAF, page[LEAF]);
        vm.startPrank(stranger);
        vm.expectRevert();
        pages.issuePage(PAGE, items);
        vm.expectRevert();
        pages.setFrozenInPage(pageCoin(LEAF), true, proof);
        vm.stopPrank();
    }

    function testFuzz_issue_neverAboveTheReserve(uint256 above) public {
        above = bound(above, 1, 1e12 - 1);
        uint256 free = 1e15 - 4 * AMOUNT;
        vm.prank(coinRoles().admin);
        register.withdrawSurplus(address(1), free - 1e12 + above);
        bytes[256] memory asked;
        asked[0] = abi.encodePacked(uint16(0), uint64(1e12), alice);
        bytes memory items = itemsOf(page, asked);
        vm.prank(ISSUER);
        vm.expectPartialRevert(ICoinTypes.ReserveInsufficient.selector);
        pages.issuePage(PAGE, items);
        asked[0] = abi.encodePacked(uint16(0), uint64(1e12 - above), alice);
        items = itemsOf(page, asked);
        vm.startPrank(ISSUER);
        pages.issuePage(PAGE, items);
        pages.issuePage(PAGE, items);
        vm.stopPrank();
        assertEq(register.supply().outstanding, 4 * AMOUNT + 1e12 - above, "again is done already");
    }

    /// @dev Coins in adjacent slots: all of them, whatever hops they had, or none.
    function testFuzz_adjacent_takesAllOrNone(uint8 size, uint8 which, uint8 flaw) public {
        uint256 count = 1 + (size % 8);
        uint256 bad = which % count;
        flaw = flaw % 4;
        bytes memory moves;
        for (uint256 index = 0; index < count; ++index) {
            vm.prank(ISSUER);
            register.issueTo(headOf(90 + index, 0, 0, index == bad && flaw == 1 ? bob : alice), AMOUNT);
            moves = abi.encodePacked(moves, uint40(90 + index), uint24(index == bad && flaw == 2 ? 2 : 1));
        }
        if (flaw == 3) {
            vm.prank(FREEZER);
            register.setFrozen(90 + bad, true);
        }
        address owner = address(0xCAFE);
        (bytes32 r, bytes32 vs) = halves(by(ALICE, moveOf(owner, moves)));
        if (flaw != 0) expectRefused(90, ICoinTypes.Outcome.NotOwner);
        register.passAdjacent(headOf(90, 0, count, owner), r, vs);
        if (flaw == 0) register.passAdjacent(headOf(90, 0, count, owner), r, vs);
        for (uint256 index = 0; index < count; ++index) {
            ICoinTypes.Coin memory coin = register.coins(90 + index);
            assertEq(coin.sequence, flaw == 0 ? 2 : 1, "once");
            assertTrue((coin.owner == owner) == (flaw == 0), "owner");
            assertEq(coin.amount, AMOUNT, "amount");
        }
    }

    function test_adjacent_refusesByName() public {
        vm.expectPartialRevert(ICoinTypes.RecordsMalformed.selector);
        register.passAdjacent(headOf(90, 0, 0, bob), 0, 0);
        vm.expectPartialRevert(ICoinTypes.RecordsMalformed.selector);
        register.passAdjacent(headOf(type(uint40).max, 0, 2, bob), 0, 0);
        expectRefused(90, ICoinTypes.Outcome.OwnerZero);
        register.passAdjacent(headOf(90, 0, 1, address(0)), 0, 0);
        expectRefused(90, ICoinTypes.Outcome.SignatureHighS);
        register.passAdjacent(headOf(90, 0, 1, bob), 0, bytes32((uint256(1) << 255) - 1));
        expectRefused(90, ICoinTypes.Outcome.NotOwner);
        register.passAdjacent(headOf(90, 0, 1, bob), 0, bytes32(uint256(1)));
    }

    /// @dev Put there by hand: nobody switches sixteen million times.
    function test_adjacent_usesNoNumberTwice() public {
        vm.prank(ISSUER);
        register.issueTo(headOf(90, 0, 0, alice), AMOUNT);
        bytes32 slot = slotOf(90, bytes32(activeWord(1, 0, AMOUNT, alice)));
        vm.store(address(register), slot, bytes32(activeWord(0xffffff, 0, AMOUNT, alice)));
        (bytes32 r, bytes32 vs) = halves(by(ALICE, moveOf(bob, abi.encodePacked(uint40(90), uint24(0xffffff)))));
        expectRefused(90, ICoinTypes.Outcome.NotOwner);
        register.passAdjacent(headOf(90, 0, 1, bob), r, vs);
    }

    /// @dev Put there by hand: nobody switches sixteen million times.
    function test_switch_usesNoNumberTwice() public {
        bytes32 slot = bytes32((uint256(1) << 40) + PAGE);
        while (vm.load(address(register), slot) != rootOf(page)) slot = bytes32(uint256(slot) + 1);
        page[LEAF] = activeWord(0xffffff, 0, AMOUNT, alice);
        vm.store(address(register), slot, rootOf(page));
        bytes memory outcomes = switchBy(ALICE, LEAF, 0xffffff, 0, bob, true);
        assertEq(uint8(outcomes[0]), uint8(ICoinTypes.Outcome.SequenceExhausted), "in short");
        outcomes = switchBy(ALICE, LEAF, 0xffffff, 0, bob, false);
        assertEq(uint8(outcomes[0]), uint8(ICoinTypes.Outcome.SequenceExhausted), "whole");
        bytes memory moves = abi.encodePacked(uint8(LEAF), uint24(0xffffff));
        bytes memory signature = by(ALICE, moveInPageOf(bob, moves));
        outcomes = pages.movePage(PAGE, alice, bob, signature, itemFor(LEAF, briefOf(page[LEAF])));
        assertEq(uint8(outcomes[0]), uint8(ICoinTypes.Outcome.SequenceExhausted), "moved");
        bytes memory proof = proofOf(page, LEAF, page[LEAF]);
        signature = by(ALICE, redeemOf(pageCoin(LEAF), 0xffffff, bob));
        pages.redeemFromPage(headOf(pageCoin(LEAF), 0xffffff, 0, bob), signature, proof);
        assertEq(token.balanceOf(bob), AMOUNT, "it can still be redeemed");
    }

    function fourWithOneBad(
        uint256 bad,
        uint256 flaw
    ) private view returns (bytes memory items, ICoinTypes.Outcome named) {
        bytes[256] memory asked;
        for (uint256 leaf = LEAF; leaf < LEAF + 4; ++leaf) {
            bool isBad = leaf == bad;
            bytes memory signature = by(ALICE, switchOf(pageCoin(leaf), 1, 0, bob));
            asked[leaf] =
                isBad ? wholeSwitch(leaf, signature) : abi.encodePacked(briefOf(page[leaf]), uint8(0), bob, signature);
        }
        bytes memory own = by(ALICE, switchOf(pageCoin(bad), 1, 0, bob));
        if (flaw == 0) {
            asked[bad] = wholeSwitch(bad, by(BOB, switchOf(pageCoin(bad), 1, 0, bob)));
            named = ICoinTypes.Outcome.NotOwner;
        } else if (flaw == 1) {
            asked[bad] = abi.encodePacked(wholeOf(page[bad], 2), uint8(0), bob, own);
            named = ICoinTypes.Outcome.SequenceAhead;
        } else if (flaw == 2) {
            asked[bad] = abi.encodePacked(wholeOf(page[bad], 0), uint8(0), bob, own);
            named = ICoinTypes.Outcome.SequenceStale;
        } else if (flaw == 3) {
            own = by(ALICE, switchOf(pageCoin(bad), 1, 0, address(0)));
            asked[bad] = abi.encodePacked(briefOf(page[bad]), uint8(0), address(0), own);
            named = ICoinTypes.Outcome.OwnerZero;
        } else if (flaw == 4) {
            own = by(ALICE, switchOf(pageCoin(bad), 1, BLOCK_HOPS + 1, bob));
            asked[bad] = abi.encodePacked(briefOf(page[bad]), uint8(BLOCK_HOPS + 1), bob, own);
            named = ICoinTypes.Outcome.HopsAboveLimit;
        } else if (flaw == 5) {
            asked[bad] = wholeSwitch(bad, abi.encodePacked(bytes32(uint256(1)), bytes32((uint256(1) << 255) - 1)));
            named = ICoinTypes.Outcome.SignatureHighS;
        } else {
            // Of a coin in a slot with the number that this one has without its page.
            own = by(ALICE, switchOf(pageCoin(bad) & 0xffffffffff, 1, 0, bob));
            asked[bad] = wholeSwitch(bad, own);
            named = ICoinTypes.Outcome.NotOwner;
        }
        items = itemsOf(page, asked);
    }

    function switchBy(
        uint256 key,
        uint256 leaf,
        uint256 sequence,
        uint8 hops,
        address owner,
        bool brief
    ) private returns (bytes memory) {
        bytes memory signature = by(key, switchOf(pageCoin(leaf), sequence, hops, owner));
        bytes memory told = brief ? briefOf(page[leaf]) : wholeOf(page[leaf], sequence);
        return pages.switchPage(PAGE, itemFor(leaf, abi.encodePacked(told, hops, owner, signature)));
    }

    function refusesWhole(bytes memory signature, ICoinTypes.Outcome named) private {
        bytes memory outcomes = pages.switchPage(PAGE, itemFor(LEAF, wholeSwitch(LEAF, signature)));
        assertEq(uint8(outcomes[0]), uint8(named), "named");
        assertEq(pages.rootOf(PAGE), rootOf(page), "nothing has changed");
    }

    function wholeSwitch(uint256 leaf, bytes memory signature) private view returns (bytes memory) {
        return abi.encodePacked(wholeOf(page[leaf], 1), uint8(0), bob, signature);
    }

    function itemFor(uint256 leaf, bytes memory item) private view returns (bytes memory) {
        bytes[256] memory asked;
        asked[leaf] = item;
        return itemsOf(page, asked);
    }

    function freeze(uint256 leaf) private {
        bytes memory proof = proofOf(page, leaf, page[leaf]);
        vm.prank(FREEZER);
        pages.setFrozenInPage(pageCoin(leaf), true, proof);
        page[leaf] |= CoinWords.FROZEN_BIT;
    }

    function by(uint256 key, bytes memory text) private view returns (bytes memory) {
        return signed(key, domainOn(home, address(register)), text);
    }

    function expectRefused(uint256 coin, ICoinTypes.Outcome outcome) private {
        vm.expectRevert(abi.encodeWithSelector(ICoinTypes.Refused.selector, coin, outcome));
    }

    function slotOf(uint256 coin, bytes32 word) private view returns (bytes32) {
        for (uint256 base = 0; base < 16; ++base) {
            if (vm.load(address(register), bytes32(base + coin)) == word) return bytes32(base + coin);
        }
        revert NotTrue("the coin is in its slot");
    }
}
