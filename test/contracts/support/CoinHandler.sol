// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../../contracts/doubles/OddToken.sol";
import { CoinRegister } from "../../../contracts/CoinRegister.sol";
import { ICoinTypes } from "../../../contracts/interfaces/ICoinTypes.sol";
import { ICoinPages } from "../../../contracts/interfaces/ICoinPages.sol";
import { CoinHead, CoinWords } from "../../../contracts/libraries/CoinWord.sol";
import { FREEZER, headOf, ISSUER } from "./CoinStage.sol";
import { PAGE, pageCoin, PageStage } from "./PageStage.sol";

/// @title Four keys, eight slots, four leaves of a page and the roles, who do everything that the register lets them do, in any order.
/// @notice Who owns how much is told from what this contract has seen done, never from what the register says of it.
contract CoinHandler is PageStage {
    uint256 private constant SLOTS = 8;
    uint256 private constant LEAVES = 4;
    uint256 private constant KEYS = 4;

    CoinRegister public immutable register;
    OddToken public immutable token;
    uint256 private immutable _home = block.chainid;
    ICoinPages private immutable _pages;
    /// @dev The page's words, as far as its root has shown them.
    uint256[256] private _words;
    uint256 private _issued;
    uint256 private _paid;
    uint256 public movedWhileFrozen;
    uint256 public lies;

    constructor(CoinRegister register_, OddToken token_) {
        (register, token, _pages) = (register_, token_, ICoinPages(address(register_)));
        token.mint(address(register), 1e10);
        register.countReserve();
    }

    function issue(uint256 slot, uint256 amount, uint256 key) external {
        (uint256 coin, ICoinTypes.Coin memory now_) = coinAt(slot);
        amount = bound(amount, 0, 2e9);
        vm.prank(ISSUER);
        try register.issueTo(headOf(coin, now_.sequence, 0, ownerAt(key)), amount) {
            _issued += amount;
        } catch {}
    }

    function switchOne(uint256 slot, uint256 key, uint256 signer, uint256 flaw) external {
        (uint256 coin, ICoinTypes.Coin memory now_) = coinAt(slot);
        uint256 sequence = flaw % 8 == 1 ? now_.sequence + 1 : now_.sequence;
        bytes memory signature = signedBy(signerOf(now_.owner, signer), switchOf(coin, sequence, 0, ownerAt(key)));
        (bytes32 r, bytes32 vs) = halves(signature);
        try register.switchCoin(headOf(coin, sequence, 0, ownerAt(key)), r, vs) {} catch {}
        afterwards(coin, now_);
    }

    /// @notice Every outcome is held against what has become of the coin that it speaks of.
    function switchBatch(uint256 seed, uint256 count) external {
        count = bound(count, 1, 6);
        bytes memory records;
        ICoinTypes.Coin[] memory before = new ICoinTypes.Coin[](count);
        for (uint256 index = 0; index < count; ++index) {
            uint256 chance = uint256(keccak256(abi.encode(seed, index)));
            // Each in a slot of its own, so that what a coin was before is what it was before its operation.
            (uint256 coin, ICoinTypes.Coin memory now_) = coinAt((seed % SLOTS) + index);
            before[index] = now_;
            uint256 sequence = chance % 5 == 0 ? now_.sequence + 1 : now_.sequence;
            address owner = ownerAt(chance >> 8);
            bytes memory signature = signedBy(signerOf(now_.owner, chance >> 16), switchOf(coin, sequence, 0, owner));
            records = abi.encodePacked(records, uint40(coin), uint24(sequence), uint8(0), owner, signature);
        }
        bytes memory outcomes = register.switchBatch(records);
        for (uint256 index = 0; index < count; ++index) {
            (uint256 coin, ICoinTypes.Coin memory now_) = coinAt((seed % SLOTS) + index);
            bool saysDone = outcomes.length == 0 || uint8(outcomes[index]) == 0;
            if (saysDone != (now_.sequence == before[index].sequence + 1)) lies += 1;
            afterwards(coin, before[index]);
        }
    }

    function moveCoins(uint256 seed, uint256 count, uint256 key) external {
        count = bound(count, 1, 6);
        bytes memory moves;
        ICoinTypes.Coin[] memory before = new ICoinTypes.Coin[](count);
        for (uint256 index = 0; index < count; ++index) {
            (uint256 coin, ICoinTypes.Coin memory now_) = coinAt((seed % SLOTS) + index);
            before[index] = now_;
            moves = abi.encodePacked(moves, uint40(coin), now_.sequence);
        }
        (bytes32 r, bytes32 vs) = halves(signedBy(signerOf(before[0].owner, seed), moveOf(ownerAt(key), moves)));
        bytes memory outcomes = register.moveCoins(ownerAt(key), r, vs, moves);
        for (uint256 index = 0; index < count; ++index) {
            (uint256 coin, ICoinTypes.Coin memory now_) = coinAt((seed % SLOTS) + index);
            bool saysDone = outcomes.length == 0 || uint8(outcomes[index]) == 0;
            if (saysDone != (now_.sequence == before[index].sequence + 1)) lies += 1;
            afterwards(coin, before[index]);
        }
    }

    function split(uint256 place, uint256 partPlace, uint256 amount, uint256 key) external {
        (uint256 coin, ICoinTypes.Coin memory now_) = placeAt(place);
        (uint256 part, ICoinTypes.Coin memory free) = placeAt(partPlace);
        amount = bound(amount, 0, now_.amount);
        address owner = ownerAt(key);
        bytes memory text = splitOf(coin, now_.sequence, now_.owner, part, free.sequence, amount, owner);
        bytes memory signature = signedBy(signerOf(now_.owner, key), text);
        uint256 rest = activeWord(now_.sequence + 1, now_.hops, now_.amount - amount, now_.owner);
        CoinHead head = headOf(coin, now_.sequence, 0, now_.owner);
        CoinHead partHead = headOf(part, free.sequence, 0, owner);
        if (isInPage(coin) || isInPage(part)) {
            bytes memory proofs = proofsOf(coin, rest, part);
            try _pages.splitInPages(head, partHead, amount, signature, proofs) {
                learn(coin, rest, part, activeWord(free.sequence + 1, now_.hops, amount, owner));
            } catch {}
        } else {
            try register.split(head, partHead, amount, signature) {} catch {}
        }
        afterwards(coin, now_);
        afterwards(part, free);
    }

    function merge(uint256 place, uint256 otherPlace, uint256 key) external {
        (uint256 coin, ICoinTypes.Coin memory now_) = placeAt(place);
        (uint256 other, ICoinTypes.Coin memory gone) = placeAt(otherPlace);
        bytes memory text = mergeOf(coin, now_.sequence, other, gone.sequence, ownerAt(key));
        bytes memory signature = signedBy(signerOf(now_.owner, 0), text);
        uint256 hops = now_.hops > gone.hops ? now_.hops : gone.hops;
        uint256 sum = activeWord(now_.sequence + 1, hops, uint256(now_.amount) + gone.amount, ownerAt(key));
        CoinHead head = headOf(coin, now_.sequence, 0, ownerAt(key));
        CoinHead otherHead = headOf(other, gone.sequence, 0, address(0));
        if (isInPage(coin) || isInPage(other)) {
            bytes memory proofs = proofsOf(coin, sum, other);
            try _pages.combineInPages(head, otherHead, signature, proofs) {
                learn(coin, sum, other, freeWord(gone.sequence + 1, gone.owner));
            } catch {}
        } else {
            try register.combine(head, otherHead, signature) {} catch {}
        }
        afterwards(coin, now_);
        afterwards(other, gone);
    }

    function redeem(uint256 place, uint256 signer, uint256 again, uint256 flaw) external {
        (uint256 coin, ICoinTypes.Coin memory now_) = placeAt(place);
        address recipient = address(0xCA5);
        bytes memory signature = signedBy(signerOf(now_.owner, signer), redeemOf(coin, now_.sequence, recipient));
        CoinHead head = headOf(coin, now_.sequence, 0, recipient);
        for (uint256 time = 0; time < 1 + (again % 2); ++time) {
            if (isInPage(coin)) redeemFromPage(head, now_, signature);
            else {
                try register.redeem(head, signature) {
                    if (time == 0) _paid += now_.amount;
                } catch {}
            }
        }
        if (flaw % 2 == 1 && isInPage(coin)) redeemWhatIsNot(coin, now_.sequence);
        afterwards(coin, now_);
    }

    function redeemFromPage(CoinHead head, ICoinTypes.Coin memory now_, bytes memory signature) private {
        uint256 leaf = head.coin() & 0xff;
        uint256 before = token.balanceOf(address(0xCA5));
        try _pages.redeemFromPage(head, signature, proofOf(_words, leaf, _words[leaf])) {
            if (token.balanceOf(address(0xCA5)) == before) return;
            _paid += now_.amount;
            learn(pageCoin(leaf), freeWord(now_.sequence + 1, address(0xCA5)), 0, 0);
        } catch {}
    }

    /// @dev Somebody says that a coin of theirs is in a page where it is not.
    function redeemWhatIsNot(uint256 coin, uint256 sequence) private {
        address recipient = address(0xCA5);
        bytes memory signature = signedBy(0xA11CE, redeemOf(coin, sequence, recipient));
        bytes memory proof = proofOf(_words, coin & 0xff, activeWord(sequence, 0, 777, ownerAt(0)));
        uint256 before = token.balanceOf(recipient);
        try _pages.redeemFromPage(headOf(coin, sequence, 0, recipient), signature, proof) {
            _paid += token.balanceOf(recipient) - before;
        } catch {}
    }

    function lockAndSettle(uint256 slot, uint256 key, uint256 late) external {
        (uint256 coin, ICoinTypes.Coin memory now_) = coinAt(slot);
        uint256 deadline = block.timestamp + 100;
        address payee = ownerAt(key);
        bytes memory signature = signedBy(signerOf(now_.owner, 0), lockOf(coin, now_.sequence, payee, deadline));
        try register.lock(headOf(coin, now_.sequence, 0, payee), deadline, signature) {
            uint256 sequence = now_.sequence + 1;
            if (late % 2 == 0) {
                signature = signedBy(keyOf(payee), claimOf(coin, sequence, payee));
                register.claim(headOf(coin, sequence, 0, payee), signature);
            } else {
                vm.warp(deadline);
                signature = signedBy(keyOf(now_.owner), reclaimOf(coin, sequence, now_.owner));
                register.reclaim(headOf(coin, sequence, 0, now_.owner), signature);
            }
        } catch {}
        afterwards(coin, now_);
    }

    function freeze(uint256 place, uint256 seed) external {
        (uint256 coin, ) = placeAt(place);
        bool isFrozen = seed % 2 == 0;
        vm.prank(FREEZER);
        if (!isInPage(coin)) {
            try register.setFrozen(coin, isFrozen) {} catch {}
            return;
        }
        uint256 word = _words[coin & 0xff];
        uint256 thawed = word & ~CoinWords.FROZEN_BIT;
        try _pages.setFrozenInPage(coin, isFrozen, proofOf(_words, coin & 0xff, word)) {
            learn(coin, isFrozen ? thawed | CoinWords.FROZEN_BIT : thawed, 0, 0);
        } catch {}
    }

    function issuePage(uint256 seed, uint256 amount, uint256 key) external {
        uint256[256] memory words = _words;
        bytes[256] memory asked;
        uint256 total;
        for (uint256 index = 0; index < LEAVES; ++index) {
            uint256 leaf = leafAt(index);
            ICoinTypes.Coin memory now_ = unpacked(words[leaf]);
            if (now_.state != ICoinTypes.State.Free || (seed >> index) % 2 == 0) continue;
            uint256 part = bound(amount >> index, 1, 2e9);
            asked[leaf] = abi.encodePacked(
                wholeOf(words[leaf], now_.sequence),
                uint64(part),
                ownerAt((key % KEYS) + index)
            );
            words[leaf] = activeWord(now_.sequence + 1, 0, part, ownerAt((key % KEYS) + index));
            total += part;
        }
        vm.prank(ISSUER);
        try _pages.issuePage(PAGE, itemsOf(_words, asked)) {
            _issued += total;
            adopt(words);
        } catch {}
    }

    function switchPage(uint256 seed) external {
        uint256[256] memory words = _words;
        bytes[256] memory asked;
        uint256[256] memory changed;
        for (uint256 index = 0; index < LEAVES; ++index) {
            uint256 chance = uint256(keccak256(abi.encode(seed, index)));
            uint256 leaf = leafAt(index);
            ICoinTypes.Coin memory now_ = unpacked(words[leaf]);
            uint256 sequence = chance % 5 == 0 ? now_.sequence + 1 : now_.sequence;
            address owner = ownerAt(chance >> 8);
            uint256 signer = signerOf(now_.owner, chance >> 16);
            bytes memory signature = signedBy(signer, switchOf(pageCoin(leaf), sequence, 0, owner));
            bool isInOrder = now_.state == ICoinTypes.State.Active && !now_.isFrozen && sequence == now_.sequence;
            bool isBrief = isInOrder && vm.addr(signer) == now_.owner && chance % 2 == 0;
            bytes memory told = isBrief ? briefOf(words[leaf]) : wholeOf(words[leaf], sequence);
            asked[leaf] = abi.encodePacked(told, uint8(0), owner, signature);
            changed[leaf] = activeWord(now_.sequence + 1, 0, now_.amount, owner);
        }
        adoptExecuted(_pages.switchPage(PAGE, itemsOf(words, asked)), changed);
    }

    function movePage(uint256 seed, uint256 key) external {
        uint256[256] memory words = _words;
        bytes[256] memory asked;
        uint256[256] memory changed;
        bytes memory moves;
        address owner = unpacked(words[0]).owner;
        for (uint256 index = 0; index < LEAVES; ++index) {
            uint256 leaf = leafAt(index);
            ICoinTypes.Coin memory now_ = unpacked(words[leaf]);
            bool isBrief = now_.state == ICoinTypes.State.Active && !now_.isFrozen && now_.owner == owner;
            bool isShort = isBrief && (seed >> index) % 2 == 0;
            asked[leaf] = isShort ? briefOf(words[leaf]) : wholeOf(words[leaf], now_.sequence);
            changed[leaf] = activeWord(now_.sequence + 1, 0, now_.amount, ownerAt(key));
            moves = abi.encodePacked(moves, uint8(leaf), now_.sequence);
        }
        bytes memory signature = signedBy(signerOf(owner, seed), moveInPageOf(ownerAt(key), moves));
        try _pages.movePage(PAGE, owner, ownerAt(key), signature, itemsOf(words, asked)) returns (
            bytes memory outcomes
        ) {
            adoptExecuted(outcomes, changed);
        } catch {}
    }

    function checkReserveCoversCoins() external view {
        uint256 sum = sumOfCoins();
        ICoinTypes.Supply memory supply = register.supply();
        assertEq(supply.outstanding, sum, "what is outstanding is the sum of coins");
        assertTrue(supply.reserve >= sum, "the reserve covers every coin");
        assertTrue(token.balanceOf(address(register)) >= supply.reserve, "the register holds its reserve");
    }

    function checkNoCoinFromNothing() external view {
        assertEq(sumOfCoins() + _paid, _issued, "what is out or paid was issued");
        assertEq(token.balanceOf(address(0xCA5)), _paid, "each coin is paid once");
    }

    function checkFrozenStays() external view {
        assertEq(movedWhileFrozen, 0, "no frozen coin moves");
    }

    function checkOutcomesTrue() external view {
        assertEq(lies, 0, "no outcome lies");
    }

    function afterwards(uint256 coin, ICoinTypes.Coin memory before) private {
        if (!before.isFrozen) return;
        ICoinTypes.Coin memory now_ = isInPage(coin) ? unpacked(_words[coin & 0xff]) : register.coins(coin);
        if (keccak256(abi.encode(now_)) != keccak256(abi.encode(before))) movedWhileFrozen += 1;
    }

    function sumOfCoins() private view returns (uint256 sum) {
        for (uint256 place = 0; place < SLOTS + LEAVES; ++place) {
            (, ICoinTypes.Coin memory coin) = placeAt(place);
            if (coin.state != ICoinTypes.State.Free) sum += coin.amount;
        }
    }

    /// @dev What an outcome says of a leaf is held against the root that the register has afterwards.
    function adoptExecuted(bytes memory outcomes, uint256[256] memory changed) private {
        uint256[256] memory words = _words;
        for (uint256 index = 0; index < LEAVES; ++index) {
            uint256 leaf = leafAt(index);
            if (outcomes.length != 0 && uint8(outcomes[index]) != 0) continue;
            if (words[leaf] & CoinWords.FROZEN_BIT != 0 && rootOf(words) != _pages.rootOf(PAGE)) movedWhileFrozen += 1;
            words[leaf] = changed[leaf];
        }
        adopt(words);
    }

    function adopt(uint256[256] memory words) private {
        if (rootOf(words) == _pages.rootOf(PAGE)) _words = words;
        else lies += 1;
    }

    /// @dev After an operation on one coin or two, of which those in the page are as asked, or as they were.
    function learn(uint256 coin, uint256 word, uint256 other, uint256 otherWord) private {
        uint256[256] memory words = _words;
        bytes32 root = _pages.rootOf(PAGE);
        for (uint256 combination = 4; combination-- > 0;) {
            uint256[256] memory guess = words;
            (uint256 leaf, uint256 otherLeaf) = (coin & 0xff, other & 0xff);
            (uint256 before, uint256 otherBefore) = (words[leaf], words[otherLeaf]);
            if (isInPage(coin) && combination & 1 != 0) guess[leaf] = word;
            if (isInPage(other) && combination & 2 != 0) guess[otherLeaf] = otherWord;
            if (rootOf(guess) == root) {
                _words = guess;
                return;
            }
            (words[leaf], words[otherLeaf]) = (before, otherBefore);
        }
        lies += 1;
    }

    function proofsOf(uint256 coin, uint256 changed, uint256 other) private view returns (bytes memory proofs) {
        uint256[256] memory words = _words;
        if (isInPage(coin)) {
            proofs = proofOf(words, coin & 0xff, words[coin & 0xff]);
            words[coin & 0xff] = changed;
        }
        if (isInPage(other)) proofs = bytes.concat(proofs, proofOf(words, other & 0xff, words[other & 0xff]));
    }

    function isInPage(uint256 coin) private pure returns (bool) {
        return coin >> 40 != 0;
    }

    /// @dev Two in one group, one in the next, and the last of all.
    function leafAt(uint256 index) private pure returns (uint256) {
        return [uint256(0), 1, 17, 255][index];
    }

    function placeAt(uint256 seed) private view returns (uint256, ICoinTypes.Coin memory) {
        uint256 place = seed % (SLOTS + LEAVES);
        if (place < SLOTS) return coinAt(place);
        uint256 leaf = leafAt(place - SLOTS);
        return (pageCoin(leaf), unpacked(_words[leaf]));
    }

    function coinAt(uint256 slot) private view returns (uint256, ICoinTypes.Coin memory) {
        uint256 coin = 100 + (slot % SLOTS);
        return (coin, register.coins(coin));
    }

    /// @dev The owner's key, or seldom another's.
    function signerOf(address owner, uint256 seed) private pure returns (uint256) {
        return seed % 7 == 3 ? 0xA11CE + (seed % KEYS) : keyOf(owner);
    }

    function keyOf(address owner) private pure returns (uint256) {
        for (uint256 key = 0; key < KEYS; ++key) if (vm.addr(0xA11CE + key) == owner) return 0xA11CE + key;
        return 0xA11CE;
    }

    function ownerAt(uint256 key) private pure returns (address) {
        return vm.addr(0xA11CE + (key % KEYS));
    }

    function signedBy(uint256 key, bytes memory text) private view returns (bytes memory) {
        return signed(key, domainOn(_home, address(register)), text);
    }
}
