// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IAccessControl } from "@openzeppelin/contracts/access/IAccessControl.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ICoinPages } from "../interfaces/ICoinPages.sol";
import { CoinHead, CoinWord, CoinWords } from "../libraries/CoinWord.sol";
import { CoinSignatures } from "../libraries/CoinSignatures.sol";
import { CoinStore } from "./CoinStore.sol";
import { P256Fallback } from "./P256Fallback.sol";

/// @title CoinPages
/// @notice The verbs of coins in pages, as code that the register runs on its own storage.
contract CoinPages is CoinStore, ICoinPages {
    bytes32 private constant MOVE_TYPEHASH = keccak256("MoveInPage(uint256 page,address newOwner,bytes moves)");
    uint256 private constant FIRST_COIN = 1 << 40;
    uint256 private constant LEAVES = 256;
    uint256 private constant GROUP = 16;
    /// @dev Of 256 words of zero.
    bytes32 private constant UNUSED_ROOT = 0x9902971c143912351808253449a98264f268d8dbd413150f8a4829963cfed33f;
    uint256 private constant PROOF_SIZE = 992;

    // What an item begins with, and how long each is. One in the short form is many: how many comes next.
    uint256 private constant BRIEF = 0x00;
    uint256 private constant WHOLE = 0x01;
    uint256 private constant WHOLE_P256 = 0x02;
    uint256 private constant END = 0x100;
    uint256 private constant LEAF_NODE = 0x10;
    uint256 private constant GROUP_NODE = 0x11;
    uint256 private constant NODE_SIZE = 33;
    uint256 private constant SWITCH_SIZE = 97;
    uint256 private constant WHOLE_SWITCH_SIZE = 121;
    uint256 private constant WHOLE_SWITCH_SIZE_P256 = 185;
    uint256 private constant MOVE_SIZE = 12;
    uint256 private constant WHOLE_MOVE_SIZE = 36;
    uint256 private constant ISSUE_SIZE = 28;
    uint256 private constant WHOLE_ISSUE_SIZE = 64;

    /// @dev Sequence, hops and amount; sequence and amount; the state «active». Nothing is frozen in the short form.
    uint256 private constant STANDING_MASK = 0xffffff0fffffffffffffffff0000000000000000000000000000000000000000;
    uint256 private constant STANDING_BUT_HOPS_MASK =
        0xffffff000fffffffffffffff0000000000000000000000000000000000000000;
    uint256 private constant ACTIVE = 0x0000001000000000000000000000000000000000000000000000000000000000;
    uint256 private constant ACTIVE_AND_ONE_FURTHER =
        0x0000011000000000000000000000000000000000000000000000000000000000;
    /// @dev No word of a coin that has a number left is above it.
    uint256 private constant LAST_MOVABLE = 0xfffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;

    // After the frame of the digest: the words of a group as they were, the groups of the page as they were, and both
    // again as they would be.
    uint256 private constant WORDS = 0x200;
    uint256 private constant LAST_OF_WORDS = 0x3e0;
    uint256 private constant GROUPS = 0x400;
    uint256 private constant TO_AFTERWARDS = 0x400;
    uint256 private constant GROUP_SIZE = 0x200;
    uint256 private constant PAGE_FRAME_END = 0xa00;
    uint256 private constant CHANGES_HEAD_SIZE = 2;
    uint256 private constant SWITCH_CHANGE_SIZE = 21;
    uint256 private constant ISSUE_CHANGE_SIZE = 29;

    /// @dev How far a call has come. `left` items of a short form are still to come, then one with a byte before it.
    struct Walk {
        uint256 page;
        uint256 cursor;
        uint256 end;
        uint256 position;
        uint256 left;
        uint256 out;
        uint256 operations;
        bytes changes;
        bytes outcomes;
        bool isWarned;
        /// Of moves alone.
        address owner;
        address newOwner;
        bytes moves;
        uint256 movesEnd;
    }

    constructor(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) CoinStore(token, limits, p256Fallback_) {}

    /// @inheritdoc ICoinPages
    function issuePage(uint256 page, bytes calldata items) external override {
        _openFrame(PAGE_FRAME_END);
        _checkRole(ISSUER_ROLE);
        Walk memory walk = _begin(page, items, ISSUE_CHANGE_SIZE);
        uint256 total;
        for (uint256 kind = _next(walk); kind != END; kind = _next(walk)) {
            if (kind > WHOLE) _takeNode(walk, kind);
            else {
                unchecked {
                    // No amount has more than 60 bits, so no sum of 256 overflows.
                    total += _issueLeaf(walk, kind == WHOLE);
                }
            }
        }
        (bytes32 before, bytes32 afterwards) = _rootsOf(walk);
        bytes32 root = rootOf(page);
        if (root == afterwards) return;
        if (!_isRoot(root, before)) revert Refused(_coinOf(page, 0), Outcome.ProofStale);
        _roots[page] = afterwards;
        _addOutstanding(total);
        emit PageIssued(page, _closeChanges(walk));
    }

    /// @inheritdoc ICoinPages
    function switchPage(uint256 page, bytes calldata items) external override returns (bytes memory) {
        _openFrame(PAGE_FRAME_END);
        Walk memory walk = _begin(page, items, CHANGES_HEAD_SIZE + SWITCH_CHANGE_SIZE);
        for (uint256 kind = _next(walk); kind != END; kind = _next(walk)) {
            if (kind > WHOLE_P256) _takeNode(walk, kind);
            else if (kind != BRIEF) _switchWhole(walk, kind == WHOLE_P256);
            else {
                _switchWhileInOrder(walk);
                if (walk.left != 0) _switchBrief(walk);
            }
        }
        _settle(walk);
        _logSwitched(walk);
        if (walk.isWarned) _warn(walk);
        return walk.outcomes;
    }

    /// @inheritdoc ICoinPages
    function movePage(
        uint256 page,
        address owner,
        address newOwner,
        bytes calldata signature,
        bytes calldata items
    ) external override returns (bytes memory) {
        _openFrame(PAGE_FRAME_END);
        Walk memory walk = _begin(page, items, 1);
        if (newOwner == address(0)) revert Refused(_coinOf(page, 0), Outcome.OwnerZero);
        // A nobody's signature is not asked for: no coin of a page that can move has the owner zero.
        if (owner == address(0)) revert Refused(_coinOf(page, 0), Outcome.NotOwner);
        (walk.owner, walk.newOwner) = (owner, newOwner);
        (walk.moves, walk.movesEnd) = _openBytes(LEAVES * 4);
        for (uint256 kind = _next(walk); kind != END; kind = _next(walk)) {
            if (kind > WHOLE) _takeNode(walk, kind);
            else if (kind == WHOLE) _moveLeaf(walk, true);
            else {
                _moveWhileInOrder(walk);
                if (walk.left != 0) _moveLeaf(walk, false);
            }
        }
        _closeBytes(walk.moves, walk.movesEnd);
        bytes32 structHash = keccak256(abi.encode(MOVE_TYPEHASH, page, newOwner, keccak256(walk.moves)));
        _checkSigned(_coinOf(page, 0), owner, structHash, signature);
        _settle(walk);
        emit PageMoved(page, newOwner, walk.changes, walk.outcomes);
        return walk.outcomes;
    }

    /// @inheritdoc ICoinPages
    function splitInPages(
        CoinHead rest,
        CoinHead part,
        uint256 partAmount,
        bytes calldata signature,
        bytes calldata proofs
    ) external override {
        // check, of words as they are claimed: writing proves them
        (uint256 coin, uint256 partCoin) = _twoCoins(rest, part, proofs);
        bytes calldata partProof = _isInPage(coin) ? proofs[PROOF_SIZE:] : proofs;
        (CoinWord word, CoinWord partWord) = (_claimed(coin, proofs), _claimed(partCoin, partProof));
        if (_isHandedOver(word, rest) && _isHandedOver(partWord, part) && partWord.amount() == partAmount) {
            _prove(coin, word, proofs);
            _prove(partCoin, partWord, partProof);
            return;
        }
        _check(coin, word, rest, CoinWords.ACTIVE);
        if (coin == partCoin) revert Refused(coin, Outcome.DuplicateCoin);
        if (partAmount == 0) revert Refused(coin, Outcome.AmountZero);
        if (partAmount >= word.amount()) revert Refused(coin, Outcome.AmountAboveCoin);
        if (partWord.state() != CoinWords.FREE) revert Refused(partCoin, Outcome.SlotTaken);
        _check(partCoin, partWord, part, CoinWords.FREE);
        _checkSigned(coin, word.owner(), _splitHash(coin, rest, partCoin, part, partAmount), signature);
        // write; no new coin is above the maximum, as the old one was not
        unchecked {
            uint256 restAmount = word.amount() - partAmount;
            uint256 sequence = rest.sequence() + 1;
            CoinWord changed = CoinWords.pack(sequence, CoinWords.ACTIVE, word.hops(), restAmount, rest.owner());
            _replace(coin, word, changed, proofs);
            sequence = part.sequence() + 1;
            changed = CoinWords.pack(sequence, CoinWords.ACTIVE, word.hops(), partAmount, part.owner());
            _replace(partCoin, partWord, changed, partProof);
        }
        // emit
        emit SplitInPages(rest, part, partAmount);
    }

    /// @inheritdoc ICoinPages
    function combineInPages(
        CoinHead head,
        CoinHead other,
        bytes calldata signature,
        bytes calldata proofs
    ) external override {
        // check, of words as they are claimed: writing proves them
        (uint256 coin, uint256 otherCoin) = _twoCoins(head, other, proofs);
        bytes calldata otherProof = _isInPage(coin) ? proofs[PROOF_SIZE:] : proofs;
        (CoinWord word, CoinWord otherWord) = (_claimed(coin, proofs), _claimed(otherCoin, otherProof));
        if (coin == otherCoin) revert Refused(coin, Outcome.DuplicateCoin);
        if (_isHandedOver(word, head) && otherWord.isAt(other.sequence() + 1, CoinWords.FREE)) {
            _prove(coin, word, proofs);
            _prove(otherCoin, otherWord, otherProof);
            return;
        }
        _check(coin, word, head, CoinWords.ACTIVE);
        // The head of the coin that goes names no owner.
        _checkPlace(otherCoin, otherWord, other, head.owner(), CoinWords.ACTIVE);
        if (otherWord.owner() != word.owner()) revert Refused(otherCoin, Outcome.NotOwner);
        uint256 amount = word.amount() + otherWord.amount();
        if (amount > maximumAmount) revert Refused(coin, Outcome.AmountAboveMaximum);
        _checkSigned(coin, word.owner(), _mergeHash(coin, head, otherCoin, other), signature);
        // write
        uint256 hops = word.hops() > otherWord.hops() ? word.hops() : otherWord.hops();
        unchecked {
            CoinWord changed = CoinWords.pack(head.sequence() + 1, CoinWords.ACTIVE, hops, amount, head.owner());
            _replace(coin, word, changed, proofs);
            _replace(otherCoin, otherWord, _freed(otherWord, word.owner()), otherProof);
        }
        // emit
        emit MergedInPages(head, other);
    }

    /// @inheritdoc ICoinPages
    function redeemFromPage(
        CoinHead head,
        bytes calldata signature,
        bytes calldata proof
    ) external override nonReentrant {
        // check
        uint256 coin = _coinOf(head);
        _checkProofs(coin, proof, 1);
        CoinWord word = _claimed(coin, proof);
        address recipient = head.owner();
        if (word.isAt(head.sequence() + 1, CoinWords.FREE) && word.owner() == recipient) {
            return _prove(coin, word, proof);
        }
        Outcome outcome = _hindrance(word, head.sequence(), recipient, CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) revert Refused(coin, outcome);
        _checkSigned(coin, word.owner(), _headHash(REDEEM_TYPEHASH, coin, head), signature);
        // write
        uint256 amount = word.amount();
        _replace(coin, word, _freed(word, recipient), proof);
        // emit
        emit RedeemedFromPage(head, amount);
        // transfer
        _payOut(recipient, amount);
    }

    /// @inheritdoc ICoinPages
    function setFrozenInPage(uint256 coin, bool frozen, bytes calldata proof) external override {
        _checkRole(FREEZER_ROLE);
        _checkProofs(coin, proof, 1);
        CoinWord word = _claimed(coin, proof);
        if (word.state() == CoinWords.FREE) revert Refused(coin, Outcome.NotInState);
        uint256 thawed = CoinWord.unwrap(word) & ~CoinWords.FROZEN_BIT;
        _replace(coin, word, CoinWord.wrap(frozen ? thawed | CoinWords.FROZEN_BIT : thawed), proof);
        emit FreezeChanged(coin, frozen);
    }

    /// @inheritdoc ICoinPages
    function coinInPage(uint256 coin, bytes calldata proof) external view override returns (Coin memory) {
        _checkProofs(coin, proof, 1);
        CoinWord word = _claimed(coin, proof);
        _prove(coin, word, proof);
        return
            Coin({
                state: State(word.state()),
                isFrozen: word.isFrozen(),
                sequence: uint24(word.sequence()),
                hops: uint8(word.hops()),
                amount: uint64(word.amount()),
                owner: word.owner()
            });
    }

    /// @inheritdoc ICoinPages
    function rootOf(uint256 page) public view override returns (bytes32 root) {
        root = _roots[page];
        if (root == 0) root = UNUSED_ROOT;
    }

    /// @dev Roles are the register's, which is where this code runs.
    function _checkRole(bytes32 role) private view {
        if (IAccessControl(address(this)).hasRole(role, msg.sender)) return;
        revert IAccessControl.AccessControlUnauthorizedAccount(msg.sender, role);
    }

    function _isRoot(bytes32 root, bytes32 claimed) internal pure virtual returns (bool) {
        return root == claimed;
    }

    function _begin(uint256 page, bytes calldata items, uint256 changeSize) private pure returns (Walk memory walk) {
        if (page >> 32 != 0) revert PageMalformed(page);
        walk.page = page;
        uint256 start;
        assembly ("memory-safe") {
            start := items.offset
        }
        (walk.cursor, walk.end) = (start, start + items.length);
        (walk.changes, walk.out) = _openBytes(LEAVES * changeSize);
    }

    /// @dev What kind of item comes next, with the cursor where it begins.
    function _next(Walk memory walk) private pure returns (uint256 kind) {
        if (walk.left != 0) return BRIEF;
        if (walk.cursor >= walk.end) return END;
        kind = _fieldAt(walk.cursor, 1);
        if (kind != BRIEF) return kind;
        uint256 left = _fieldAt(walk.cursor + 1, 1) + 1;
        if (walk.position + left > LEAVES) revert PageMalformed(walk.page);
        walk.left = left;
        walk.cursor += 2;
    }

    /// @dev `size` bytes as the lowest of a word.
    function _fieldAt(uint256 cursor, uint256 size) private pure returns (uint256 field) {
        assembly ("memory-safe") {
            field := shr(sub(256, mul(8, size)), calldataload(cursor))
        }
    }

    /// @dev The next leaf, as it was and as it would be; with the last of a group, the group.
    function _pushLeaf(Walk memory walk, uint256 before, uint256 afterwards) private pure {
        uint256 position = walk.position;
        if (position >= LEAVES) revert PageMalformed(walk.page);
        unchecked {
            uint256 place = WORDS + 32 * (position % GROUP);
            assembly ("memory-safe") {
                mstore(place, before)
                mstore(add(place, TO_AFTERWARDS), afterwards)
            }
            walk.position = ++position;
            if (position % GROUP != 0) return;
            bytes32 groupBefore;
            bytes32 groupAfterwards;
            assembly ("memory-safe") {
                groupBefore := keccak256(WORDS, GROUP_SIZE)
                groupAfterwards := keccak256(add(WORDS, TO_AFTERWARDS), GROUP_SIZE)
            }
            _setGroup(position / GROUP - 1, groupBefore, groupAfterwards);
        }
    }

    function _setGroup(uint256 group, bytes32 before, bytes32 afterwards) private pure {
        assembly ("memory-safe") {
            let place := add(GROUPS, shl(5, group))
            mstore(place, before)
            mstore(add(place, TO_AFTERWARDS), afterwards)
        }
    }

    function _takeNode(Walk memory walk, uint256 kind) private pure {
        uint256 node = _fieldAt(walk.cursor + 1, 32);
        walk.cursor += NODE_SIZE;
        if (kind == LEAF_NODE) return _pushLeaf(walk, node, node);
        uint256 position = walk.position;
        if (kind != GROUP_NODE || position % GROUP != 0 || position >= LEAVES) revert PageMalformed(walk.page);
        _setGroup(position / GROUP, bytes32(node), bytes32(node));
        walk.position = position + GROUP;
    }

    /// @dev One operation on the next leaf; what is not executed leaves it as it is.
    function _operate(Walk memory walk, CoinWord word, CoinWord changed, Outcome outcome) private pure {
        bool isExecuted = outcome == Outcome.Executed;
        _pushLeaf(walk, CoinWord.unwrap(word), CoinWord.unwrap(isExecuted ? changed : word));
        if (!isExecuted) walk.outcomes = _noted(walk.outcomes, LEAVES, walk.operations, outcome);
        unchecked {
            ++walk.operations;
        }
    }

    /// @dev `size` bytes more of the changes, the highest of `change` that are not zero at the top. Up to 31 bytes too many
    /// are written, over which the next ones go.
    function _change(Walk memory walk, uint256 change, uint256 size) private pure {
        uint256 out = walk.out;
        assembly ("memory-safe") {
            mstore(out, shl(sub(256, mul(8, size)), change))
        }
        unchecked {
            walk.out = out + size;
        }
    }

    /// @dev Goes past an item, or past one of those in the short form.
    function _pass(Walk memory walk, uint256 size, bool isWhole) private pure {
        unchecked {
            walk.cursor += size;
            if (!isWhole) --walk.left;
        }
    }

    function _issueLeaf(Walk memory walk, bool isWhole) private view returns (uint256) {
        uint256 cursor = walk.cursor;
        (CoinWord word, uint256 sequence) = (CoinWord.wrap(0), 0);
        if (isWhole) {
            (word, sequence) = (CoinWord.wrap(_fieldAt(cursor + 1, 32)), _fieldAt(cursor + 33, 3));
            cursor += 36;
        }
        (uint256 amount, address owner) = (_fieldAt(cursor, 8), address(uint160(_fieldAt(cursor + 8, 20))));
        (uint256 leaf, uint256 coin) = (walk.position, _coinOf(walk.page, walk.position));
        _pass(walk, isWhole ? WHOLE_ISSUE_SIZE : ISSUE_SIZE, isWhole);
        CoinHead head = _headOf(coin, sequence, 0, owner);
        if (_isHandedOver(word, head) && word.amount() == amount) {
            _pushLeaf(walk, CoinWord.unwrap(word), CoinWord.unwrap(word));
            return 0;
        }
        if (amount == 0) revert Refused(coin, Outcome.AmountZero);
        if (amount > maximumAmount) revert Refused(coin, Outcome.AmountAboveMaximum);
        _check(coin, word, head, CoinWords.FREE);
        CoinWord changed = CoinWords.pack(sequence + 1, CoinWords.ACTIVE, 0, amount, owner);
        _pushLeaf(walk, CoinWord.unwrap(word), CoinWord.unwrap(changed));
        _change(walk, (leaf << 224) | (amount << 160) | uint160(owner), ISSUE_CHANGE_SIZE);
        return amount;
    }

    /// @dev Goes on as long as switches of the short form are in order and report few hops. Written by hand, as its brother
    /// for slots is: a page of 256 has no gas for the compiler's words. `_switchBrief` is the plain form.
    function _switchWhileInOrder(Walk memory walk) private view {
        uint256 mostHops = warnHops - 1;
        (uint256 cursor, uint256 out) = (walk.cursor, walk.out + CHANGES_HEAD_SIZE);
        uint256 end = cursor + walk.left * SWITCH_SIZE;
        uint256 coin = _coinOf(walk.page, walk.position);
        assembly ("memory-safe") {
            let place := add(WORDS, shl(5, and(coin, 15)))
            for {} lt(cursor, end) {} {
                // What the digest is made of lies in the frame and is read from there: the stack has no room for it.
                let record := calldataload(cursor)
                let change := calldataload(add(cursor, 12))
                let newOwner := shr(96, shl(8, change))
                let hops := byte(0, change)
                let yParityAndS := calldataload(add(cursor, 65))
                mstore(0x1e0, shr(1, shl(1, yParityAndS)))
                if or(
                    or(gt(record, LAST_MOVABLE), gt(mload(0x1e0), SECP256K1_HALF_ORDER)),
                    or(gt(hops, mostHops), iszero(newOwner))
                ) {
                    break
                }
                mstore(0xa0, coin)
                mstore(0xc0, shr(232, record))
                mstore(0xe0, newOwner)
                mstore(0x100, hops)
                mstore(0x160, keccak256(0x80, 0xa0))
                mstore(0x180, keccak256(0x13e, 0x42))
                mstore(0x1a0, add(shr(255, yParityAndS), 27))
                mstore(0x1c0, calldataload(add(cursor, 33)))
                // The answer goes over the digest. A bad signature gets none, and then the digest stays and makes a word that
                // no page has, with a chance of one in 2^160, like that of the address of any other key.
                pop(staticcall(gas(), 1, 0x180, 0x80, 0x180, 0x20))
                mstore(place, or(and(record, STANDING_MASK), or(mload(0x180), ACTIVE)))
                mstore(
                    add(place, TO_AFTERWARDS),
                    add(or(and(record, STANDING_BUT_HOPS_MASK), or(shl(220, hops), newOwner)), ACTIVE_AND_ONE_FURTHER)
                )
                // Hops and new owner, and what follows them, which is written over by the next.
                mstore(out, change)
                out := add(out, 21)
                cursor := add(cursor, 97)
                if eq(place, LAST_OF_WORDS) {
                    let group := add(GROUPS, shl(1, and(coin, 0xf0)))
                    mstore(group, keccak256(WORDS, GROUP_SIZE))
                    mstore(add(group, TO_AFTERWARDS), keccak256(add(WORDS, TO_AFTERWARDS), GROUP_SIZE))
                    place := sub(WORDS, 0x20)
                }
                place := add(place, 0x20)
                coin := add(coin, 1)
            }
        }
        uint256 count = _advance(walk, cursor, coin);
        if (count == 0) return;
        _headChanges(walk, count);
        walk.out = out;
    }

    function _switchBrief(Walk memory walk) private view {
        uint256 cursor = walk.cursor;
        uint256 coin = _coinOf(walk.page, walk.position);
        uint256 standing = (_fieldAt(cursor, 12) << 160) & STANDING_MASK;
        CoinHead head = _headOf(
            coin,
            CoinWord.wrap(standing).sequence(),
            _fieldAt(cursor + 12, 1),
            address(uint160(_fieldAt(cursor + 13, 20)))
        );
        bytes32 yParityAndS = bytes32(_fieldAt(cursor + 65, 32));
        // Also of a signature that is refused: how the leaf stands is told by it alone.
        bytes32 r = bytes32(_fieldAt(cursor + 33, 32));
        address owner = CoinSignatures.recover(_switchDigest(coin, head), r, yParityAndS);
        CoinWord word = CoinWord.wrap(standing | ACTIVE | uint160(owner));
        Outcome outcome = _whyNotSwitched(word, head);
        if (outcome == Outcome.Executed && CoinSignatures.isHighS(yParityAndS)) outcome = Outcome.SignatureHighS;
        _switchLeaf(walk, word, head, outcome);
        _pass(walk, SWITCH_SIZE, false);
    }

    function _switchWhole(Walk memory walk, bool isP256) private view {
        uint256 cursor = walk.cursor + 1;
        CoinWord word = CoinWord.wrap(_fieldAt(cursor, 32));
        uint256 coin = _coinOf(walk.page, walk.position);
        CoinHead head = _headOf(
            coin,
            _fieldAt(cursor + 32, 3),
            _fieldAt(cursor + 35, 1),
            address(uint160(_fieldAt(cursor + 36, 20)))
        );
        Outcome outcome = _whyNotSwitched(word, head);
        if (outcome == Outcome.Executed) {
            bytes calldata signature;
            assembly ("memory-safe") {
                signature.offset := add(cursor, 56)
                signature.length := shl(isP256, 64)
            }
            outcome = _signedBy(word.owner(), _switchDigest(coin, head), signature);
        }
        _switchLeaf(walk, word, head, outcome);
        _pass(walk, isP256 ? WHOLE_SWITCH_SIZE_P256 : WHOLE_SWITCH_SIZE, true);
    }

    function _switchLeaf(Walk memory walk, CoinWord word, CoinHead head, Outcome outcome) private view {
        _operate(walk, word, word.handedTo(head.owner(), head.hops()), outcome);
        if (outcome != Outcome.Executed) return;
        _headChanges(walk, 1);
        _change(walk, (head.hops() << 160) | uint160(head.owner()), SWITCH_CHANGE_SIZE);
        if (head.hops() >= warnHops) walk.isWarned = true;
    }

    /// @dev As for switches. `movesEnd` is where the next of the moves goes, over which the owner has signed.
    function _moveWhileInOrder(Walk memory walk) private pure {
        (address owner, address newOwner, uint256 movesEnd) = (walk.owner, walk.newOwner, walk.movesEnd);
        (uint256 cursor, uint256 out) = (walk.cursor, walk.out);
        uint256 end = cursor + walk.left * MOVE_SIZE;
        uint256 coin = _coinOf(walk.page, walk.position);
        assembly ("memory-safe") {
            let place := add(WORDS, shl(5, and(coin, 15)))
            for {} lt(cursor, end) {} {
                let record := calldataload(cursor)
                if gt(record, LAST_MOVABLE) {
                    break
                }
                mstore(place, or(and(record, STANDING_MASK), or(owner, ACTIVE)))
                mstore(
                    add(place, TO_AFTERWARDS),
                    add(or(and(record, STANDING_BUT_HOPS_MASK), newOwner), ACTIVE_AND_ONE_FURTHER)
                )
                // Leaf and sequence; what follows them is written over by the next.
                mstore8(movesEnd, coin)
                mstore(add(movesEnd, 1), record)
                movesEnd := add(movesEnd, 4)
                mstore8(out, coin)
                out := add(out, 1)
                cursor := add(cursor, 12)
                if eq(place, LAST_OF_WORDS) {
                    let group := add(GROUPS, shl(1, and(coin, 0xf0)))
                    mstore(group, keccak256(WORDS, GROUP_SIZE))
                    mstore(add(group, TO_AFTERWARDS), keccak256(add(WORDS, TO_AFTERWARDS), GROUP_SIZE))
                    place := sub(WORDS, 0x20)
                }
                place := add(place, 0x20)
                coin := add(coin, 1)
            }
        }
        _advance(walk, cursor, coin);
        (walk.out, walk.movesEnd) = (out, movesEnd);
    }

    /// @dev How many operations have been gone through up to `coin`, which is the next.
    function _advance(Walk memory walk, uint256 cursor, uint256 coin) private pure returns (uint256 count) {
        unchecked {
            count = coin - _coinOf(walk.page, walk.position);
            walk.position += count;
            walk.operations += count;
            walk.left -= count;
            walk.cursor = cursor;
        }
    }

    /// @dev Before changes of `count` leaves that follow each other up to this position: the first, and how many less one.
    /// Byte by byte, because the changes may be there already.
    function _headChanges(Walk memory walk, uint256 count) private pure {
        uint256 out = walk.out;
        unchecked {
            uint256 first = walk.position - count;
            assembly ("memory-safe") {
                mstore8(out, first)
                mstore8(add(out, 1), sub(count, 1))
            }
            walk.out = out + CHANGES_HEAD_SIZE;
        }
    }

    /// @dev The plain form, also for what cannot be moved.
    function _moveLeaf(Walk memory walk, bool isWhole) private pure {
        (uint256 cursor, uint256 leaf) = (walk.cursor, walk.position);
        uint256 sequence = _fieldAt(isWhole ? cursor + 33 : cursor, 3);
        CoinWord word = CoinWord.wrap(
            isWhole
                ? _fieldAt(cursor + 1, 32)
                : ((_fieldAt(cursor, 12) << 160) & STANDING_MASK) | ACTIVE | uint160(walk.owner)
        );
        Outcome outcome = _whyNotMoved(word, _headOf(_coinOf(walk.page, leaf), sequence, 0, walk.newOwner), walk.owner);
        if (outcome == Outcome.Executed) _change(walk, leaf, 1);
        _operate(walk, word, word.handedTo(walk.newOwner, 0), outcome);
        _pass(walk, isWhole ? WHOLE_MOVE_SIZE : MOVE_SIZE, isWhole);
        uint256 movesEnd = walk.movesEnd;
        assembly ("memory-safe") {
            mstore(movesEnd, shl(224, or(shl(24, leaf), sequence)))
        }
        walk.movesEnd = movesEnd + 4;
    }

    function _whyNotMoved(CoinWord word, CoinHead head, address owner) private pure returns (Outcome) {
        if (_isHandedOver(word, head)) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head.sequence(), head.owner(), CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) return outcome;
        if (head.sequence() == CoinWords.LAST_SEQUENCE) return Outcome.SequenceExhausted;
        return word.owner() == owner ? Outcome.Executed : Outcome.NotOwner;
    }

    /// @dev The root as the items say it was, and as they would leave it.
    function _rootsOf(Walk memory walk) private pure returns (bytes32 before, bytes32 afterwards) {
        if (walk.cursor != walk.end || walk.position != LEAVES) revert PageMalformed(walk.page);
        assembly ("memory-safe") {
            before := keccak256(GROUPS, GROUP_SIZE)
            afterwards := keccak256(add(GROUPS, TO_AFTERWARDS), GROUP_SIZE)
        }
    }

    /// @dev Writes the page, if it stands as the items say, and says of every operation what has become of it.
    function _settle(Walk memory walk) private {
        if (walk.operations == 0) revert PageMalformed(walk.page);
        (bytes32 before, bytes32 afterwards) = _rootsOf(walk);
        bytes32 root = rootOf(walk.page);
        if (_isRoot(root, before)) {
            if (before != afterwards) _roots[walk.page] = afterwards;
            _closeChanges(walk);
        } else {
            bool isDone = root == afterwards;
            for (uint256 index = 0; index < walk.operations; ++index) {
                bool isRefused = walk.outcomes.length != 0 && walk.outcomes[index] != 0;
                if (isDone && isRefused) continue;
                Outcome outcome = isDone ? Outcome.AlreadyDone : Outcome.ProofStale;
                walk.outcomes = _noted(walk.outcomes, LEAVES, index, outcome);
            }
            walk.isWarned = false;
            bytes memory changes = walk.changes;
            assembly ("memory-safe") {
                mstore(changes, 0)
            }
        }
        bytes memory outcomes = walk.outcomes;
        if (outcomes.length == 0) return;
        uint256 operations = walk.operations;
        assembly ("memory-safe") {
            mstore(outcomes, operations)
        }
    }

    /// @dev In place where all were executed: a copy of the changes would cost five gas for each of 256.
    function _logSwitched(Walk memory walk) private {
        (uint256 page, bytes memory changes) = (walk.page, walk.changes);
        if (walk.outcomes.length != 0) {
            emit PageSwitched(page, changes, walk.outcomes);
            return;
        }
        bytes32 topic = PageSwitched.selector;
        assembly ("memory-safe") {
            let size := and(add(mload(changes), 0x3f), not(0x1f))
            let data := sub(changes, 0x60)
            mstore(data, page)
            mstore(add(data, 0x20), 0x60)
            mstore(add(data, 0x40), add(0x60, size))
            mstore(add(changes, size), 0)
            log1(data, add(0x80, size), topic)
        }
    }

    /// @dev The short form is left for the plain one where hops warn, so each of those stands alone in the changes.
    function _warn(Walk memory walk) private {
        bytes memory changes = walk.changes;
        uint256 next;
        for (uint256 start = 0; start < changes.length; start = next) {
            uint256 count = uint256(uint8(changes[start + 1])) + 1;
            next = start + CHANGES_HEAD_SIZE + count * SWITCH_CHANGE_SIZE;
            uint256 hops = uint8(changes[start + CHANGES_HEAD_SIZE]);
            if (hops >= warnHops) emit HopsWarning(_coinOf(walk.page, uint8(changes[start])), hops);
        }
    }

    function _openBytes(uint256 size) private pure returns (bytes memory text, uint256 end) {
        assembly ("memory-safe") {
            // Three words before it and two behind are for an event around it, and for what is written too much.
            text := add(mload(0x40), 0x60)
            end := add(text, 0x20)
            mstore(0x40, add(end, and(add(size, 0x5f), not(0x1f))))
        }
    }

    function _closeBytes(bytes memory text, uint256 end) private pure {
        assembly ("memory-safe") {
            mstore(end, 0)
            mstore(text, sub(sub(end, text), 0x20))
        }
    }

    function _closeChanges(Walk memory walk) private pure returns (bytes memory changes) {
        changes = walk.changes;
        _closeBytes(changes, walk.out);
    }

    function _coinOf(uint256 page, uint256 leaf) private pure returns (uint256) {
        return FIRST_COIN | (page << 8) | leaf;
    }

    /// @dev Of a head as a word, which has room for more than a coin in a page needs.
    function _coinOf(CoinHead head) private pure returns (uint256) {
        return uint256(CoinHead.unwrap(head)) >> 192;
    }

    function _headOf(uint256 coin, uint256 sequence, uint256 hops, address owner) private pure returns (CoinHead) {
        return CoinHead.wrap(bytes32((coin << 192) | (sequence << 168) | (hops << 160) | uint160(owner)));
    }

    function _isInPage(uint256 coin) private pure returns (bool) {
        return coin >= FIRST_COIN;
    }

    function _twoCoins(CoinHead one, CoinHead other, bytes calldata proofs) private pure returns (uint256, uint256) {
        (uint256 coin, uint256 otherCoin) = (_coinOf(one), _coinOf(other));
        uint256 count = (_isInPage(coin) ? 1 : 0) + (_isInPage(otherCoin) ? 1 : 0);
        if (otherCoin >= 2 * FIRST_COIN) revert Refused(otherCoin, Outcome.NotInState);
        _checkProofs(coin, proofs, count);
        return (coin, otherCoin);
    }

    function _checkProofs(uint256 coin, bytes calldata proofs, uint256 count) private pure {
        if (coin >= 2 * FIRST_COIN) revert Refused(coin, Outcome.NotInState);
        if (proofs.length != count * PROOF_SIZE) revert PageMalformed(coin >> 8);
    }

    function _claimed(uint256 coin, bytes calldata proof) private view returns (CoinWord) {
        if (!_isInPage(coin)) return _load(coin);
        return CoinWord.wrap(uint256(bytes32(proof[:32])));
    }

    function _prove(uint256 coin, CoinWord word, bytes calldata proof) private view {
        if (!_isInPage(coin)) return;
        if (!_isRoot(rootOf(_pageOf(coin)), _rootAbove(coin, word, proof))) revert Refused(coin, Outcome.ProofStale);
    }

    /// @dev Puts one word for another that is shown to be there.
    function _replace(uint256 coin, CoinWord word, CoinWord changed, bytes calldata proof) private {
        if (!_isInPage(coin)) return _store(coin, changed);
        _prove(coin, word, proof);
        _roots[_pageOf(coin)] = _rootAbove(coin, changed, proof);
    }

    /// @dev The word and its fifteen brothers are a group, and that with its own fifteen is the page.
    function _rootAbove(uint256 coin, CoinWord word, bytes calldata proof) private pure returns (bytes32) {
        bytes32 group = _hashAmong(bytes32(CoinWord.unwrap(word)), coin % GROUP, proof[32:512]);
        return _hashAmong(group, (coin / GROUP) % GROUP, proof[512:PROOF_SIZE]);
    }

    function _hashAmong(bytes32 node, uint256 index, bytes calldata brothers) private pure returns (bytes32) {
        return keccak256(bytes.concat(brothers[:32 * index], node, brothers[32 * index:]));
    }

    function _pageOf(uint256 coin) private pure returns (uint256) {
        return (coin - FIRST_COIN) >> 8;
    }
}
