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
    uint256 private constant HEIGHT = 8;
    /// @dev Of 256 words of zero.
    bytes32 private constant UNUSED_ROOT = 0x9867cc5f7f196b93bae1e27e6320742445d290f2263827498b54fec539f756af;
    uint256 private constant PROOF_SIZE = 288;

    // What an item begins with, and how long each is. Of a switch in its short form it is the parity of its signature.
    uint256 private constant BRIEF = 0x00;
    uint256 private constant BRIEF_ODD = 0x01;
    uint256 private constant WHOLE = 0x02;
    uint256 private constant WHOLE_P256 = 0x03;
    uint256 private constant NODE = 0x10;
    uint256 private constant NODE_SIZE = 33;
    uint256 private constant SWITCH_SIZE = 98;
    uint256 private constant WHOLE_SWITCH_SIZE = 121;
    uint256 private constant WHOLE_SWITCH_SIZE_P256 = 185;
    uint256 private constant MOVE_SIZE = 13;
    uint256 private constant WHOLE_MOVE_SIZE = 36;
    uint256 private constant ISSUE_SIZE = 29;
    uint256 private constant WHOLE_ISSUE_SIZE = 64;

    /// @dev What a word says but for the owner, and but for owner and hops.
    uint256 private constant STANDING_MASK = 0xffffffffffffffffffffffff0000000000000000000000000000000000000000;
    uint256 private constant STANDING_BUT_HOPS_MASK = 0xfffffff00fffffffffffffff0000000000000000000000000000000000000000;
    uint256 private constant STATE_MASK = 0x000000f000000000000000000000000000000000000000000000000000000000;
    uint256 private constant STATE_ACTIVE = 0x0000001000000000000000000000000000000000000000000000000000000000;
    /// @dev No word of a coin that has a number left is above it.
    uint256 private constant LAST_MOVABLE = 0xfffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant ONE_FURTHER = 0x0000010000000000000000000000000000000000000000000000000000000000;

    // After the frame of the digest: the page's first coin, then the way up to the root twice, before and afterwards. A
    // node is on top of its stack until its neighbour to the right is there too; no more than nine wait at a time.
    uint256 private constant PAGE_COIN = 0x200;
    uint256 private constant NODES = 0x220;
    uint256 private constant TO_NODES_AFTER = 0x140;
    uint256 private constant PAGE_FRAME_END = 0x4a0;
    uint256 private constant SWITCH_CHANGE_SIZE = 22;
    uint256 private constant ISSUE_CHANGE_SIZE = 29;

    /// @dev How far a call has come. `top` is the last node of the way before.
    struct Walk {
        uint256 page;
        uint256 cursor;
        uint256 end;
        uint256 position;
        uint256 top;
        uint256 out;
        uint256 operations;
        bytes changes;
        bytes outcomes;
        bool isWarned;
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
        unchecked {
            while (walk.cursor < walk.end) {
                uint256 kind = _kindAt(walk.cursor);
                // No amount has more than 60 bits, so no sum of 256 overflows.
                if (kind == BRIEF || kind == WHOLE) total += _issueLeaf(walk, kind == WHOLE);
                else _takeNode(walk, kind);
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
        Walk memory walk = _begin(page, items, SWITCH_CHANGE_SIZE);
        while (walk.cursor < walk.end) {
            _switchWhileBrief(walk);
            if (walk.cursor >= walk.end) break;
            uint256 kind = _kindAt(walk.cursor);
            if (kind <= BRIEF_ODD) _switchBrief(walk);
            else if (kind <= WHOLE_P256) _switchWhole(walk, kind == WHOLE_P256);
            else _takeNode(walk, kind);
        }
        _settle(walk);
        emit PageSwitched(page, walk.changes, walk.outcomes);
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
        (bytes memory moves, uint256 end) = _openBytes(LEAVES * 4);
        while (walk.cursor < walk.end) {
            end = _moveWhileBrief(walk, owner, newOwner, end);
            if (walk.cursor >= walk.end) break;
            uint256 kind = _kindAt(walk.cursor);
            if (kind == BRIEF || kind == WHOLE) end = _moveLeaf(walk, kind == WHOLE, owner, newOwner, end);
            else _takeNode(walk, kind);
        }
        _closeBytes(moves, end);
        bytes32 structHash = keccak256(abi.encode(MOVE_TYPEHASH, page, newOwner, keccak256(moves)));
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
        uint256 firstCoin = _coinOf(page, 0);
        assembly ("memory-safe") {
            start := items.offset
            mstore(PAGE_COIN, firstCoin)
        }
        (walk.cursor, walk.end) = (start, start + items.length);
        walk.top = NODES - 0x20;
        (walk.changes, walk.out) = _openBytes(LEAVES * changeSize);
    }

    function _kindAt(uint256 cursor) private pure returns (uint256 kind) {
        assembly ("memory-safe") {
            kind := byte(0, calldataload(cursor))
        }
    }

    /// @dev `size` bytes from one past the first on, as the lowest of a word.
    function _fieldAt(uint256 cursor, uint256 size) private pure returns (uint256 field) {
        assembly ("memory-safe") {
            field := shr(sub(256, mul(8, size)), calldataload(cursor))
        }
    }

    /// @dev A leaf, or a node above leaves that stay, with the two ways up as far as their neighbours are there.
    function _push(Walk memory walk, uint256 height, uint256 before, uint256 afterwards) private pure {
        uint256 position = walk.position;
        if (position & ((1 << height) - 1) != 0 || position >= LEAVES) revert PageMalformed(walk.page);
        unchecked {
            uint256 top = walk.top + 0x20;
            position += 1 << height;
            assembly ("memory-safe") {
                mstore(top, before)
                mstore(add(top, TO_NODES_AFTER), afterwards)
                for {
                    let way := shr(height, position)
                } iszero(and(way, 1)) {
                    way := shr(1, way)
                } {
                    top := sub(top, 0x20)
                    mstore(top, keccak256(top, 0x40))
                    mstore(add(top, TO_NODES_AFTER), keccak256(add(top, TO_NODES_AFTER), 0x40))
                }
            }
            (walk.position, walk.top) = (position, top);
        }
    }

    function _takeNode(Walk memory walk, uint256 kind) private pure {
        if (kind < NODE || kind > NODE + HEIGHT) revert PageMalformed(walk.page);
        uint256 node = _fieldAt(walk.cursor + 1, 32);
        _push(walk, kind - NODE, node, node);
        walk.cursor += NODE_SIZE;
    }

    /// @dev One operation on the next leaf; what is not executed leaves it as it is.
    function _operate(Walk memory walk, CoinWord word, CoinWord changed, Outcome outcome) private pure {
        bool isExecuted = outcome == Outcome.Executed;
        _push(walk, 0, CoinWord.unwrap(word), CoinWord.unwrap(isExecuted ? changed : word));
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

    function _issueLeaf(Walk memory walk, bool isWhole) private view returns (uint256) {
        uint256 cursor = walk.cursor + 1;
        (CoinWord word, uint256 sequence) = (CoinWord.wrap(0), 0);
        if (isWhole) {
            (word, sequence) = (CoinWord.wrap(_fieldAt(cursor, 32)), _fieldAt(cursor + 32, 3));
            cursor += 35;
        }
        (uint256 amount, address owner) = (_fieldAt(cursor, 8), address(uint160(_fieldAt(cursor + 8, 20))));
        (uint256 leaf, uint256 coin) = (walk.position, _coinOf(walk.page, walk.position));
        walk.cursor += isWhole ? WHOLE_ISSUE_SIZE : ISSUE_SIZE;
        CoinHead head = _headOf(coin, sequence, 0, owner);
        if (_isHandedOver(word, head) && word.amount() == amount) {
            _push(walk, 0, CoinWord.unwrap(word), CoinWord.unwrap(word));
            return 0;
        }
        if (amount == 0) revert Refused(coin, Outcome.AmountZero);
        if (amount > maximumAmount) revert Refused(coin, Outcome.AmountAboveMaximum);
        _check(coin, word, head, CoinWords.FREE);
        CoinWord changed = CoinWords.pack(sequence + 1, CoinWords.ACTIVE, 0, amount, owner);
        _push(walk, 0, CoinWord.unwrap(word), CoinWord.unwrap(changed));
        _change(walk, (leaf << 224) | (amount << 160) | uint160(owner), ISSUE_CHANGE_SIZE);
        return amount;
    }

    /// @dev Goes on as long as items are switches in their short form, in order, and report few hops. Written by hand, as
    /// its brother for slots is: a page of 256 has no gas for the compiler's words. `_switchBrief` is the plain form.
    function _switchWhileBrief(Walk memory walk) private view {
        uint256 mostHops = warnHops - 1;
        (uint256 cursor, uint256 position, uint256 top, uint256 out) = (walk.cursor, walk.position, walk.top, walk.out);
        uint256 end = _briefEnd(walk, SWITCH_SIZE);
        assembly ("memory-safe") {
            for {} lt(cursor, end) {} {
                // What the digest is made of lies in the frame and is read from there: the stack has no room for it.
                let record := calldataload(add(cursor, 1))
                mstore(0x1a0, add(byte(0, calldataload(cursor)), 27))
                calldatacopy(0x1c0, add(cursor, 34), 0x40)
                mstore(0xe0, shr(96, calldataload(add(cursor, 14))))
                mstore(0x100, byte(12, record))
                if or(
                    or(gt(mload(0x1a0), 28), gt(record, LAST_MOVABLE)),
                    or(
                        or(xor(and(record, STATE_MASK), STATE_ACTIVE), gt(mload(0x1e0), SECP256K1_HALF_ORDER)),
                        or(gt(mload(0x100), mostHops), iszero(mload(0xe0)))
                    )
                ) {
                    break
                }
                mstore(0xa0, or(mload(PAGE_COIN), position))
                mstore(0xc0, shr(232, record))
                mstore(0x160, keccak256(0x80, 0xa0))
                mstore(0x180, keccak256(0x13e, 0x42))
                // The answer goes over the digest. A bad signature gets none, and then the digest stays and makes a word that
                // no page has, with a chance of one in 2^160, like that of the address of any other key.
                pop(staticcall(gas(), 1, 0x180, 0x80, 0x180, 0x20))
                top := add(top, 0x20)
                mstore(top, or(and(record, STANDING_MASK), mload(0x180)))
                mstore(
                    add(top, TO_NODES_AFTER),
                    add(
                        or(and(record, STANDING_BUT_HOPS_MASK), or(shl(220, mload(0x100)), mload(0xe0))),
                        ONE_FURTHER
                    )
                )
                // Leaf, hops, new owner, and what follows them, which is written over by the next.
                mstore8(out, position)
                mstore(add(out, 1), calldataload(add(cursor, 13)))
                out := add(out, 22)
                cursor := add(cursor, 98)
                position := add(position, 1)
                for {
                    let way := position
                } iszero(and(way, 1)) {
                    way := shr(1, way)
                } {
                    top := sub(top, 0x20)
                    mstore(top, keccak256(top, 0x40))
                    let topAfter := add(top, TO_NODES_AFTER)
                    mstore(topAfter, keccak256(topAfter, 0x40))
                }
            }
        }
        unchecked {
            walk.operations += (cursor - walk.cursor) / SWITCH_SIZE;
        }
        (walk.cursor, walk.position, walk.top, walk.out) = (cursor, position, top, out);
    }

    function _switchBrief(Walk memory walk) private view {
        uint256 cursor = walk.cursor;
        uint256 coin = _coinOf(walk.page, walk.position);
        uint256 standing = _fieldAt(cursor + 1, 12) << 160;
        CoinHead head = _headOf(
            coin,
            CoinWord.wrap(standing).sequence(),
            _fieldAt(cursor + 13, 1),
            address(uint160(_fieldAt(cursor + 14, 20)))
        );
        uint256 s = _fieldAt(cursor + 66, 32);
        // Also of a signature that is refused: how the leaf stands is told by it alone.
        address owner = CoinSignatures.recoverWith(
            _switchDigest(coin, head),
            _kindAt(cursor),
            bytes32(_fieldAt(cursor + 34, 32)),
            s
        );
        CoinWord word = CoinWord.wrap(standing | uint160(owner));
        Outcome outcome = _whyNotSwitched(word, head);
        if (outcome == Outcome.Executed && s > SECP256K1_HALF_ORDER) outcome = Outcome.SignatureHighS;
        // Nobody owns nothing: a free leaf has an owner of zero, and is not active.
        _switchLeaf(walk, word, head, outcome);
        walk.cursor = cursor + SWITCH_SIZE;
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
        walk.cursor += isP256 ? WHOLE_SWITCH_SIZE_P256 : WHOLE_SWITCH_SIZE;
    }

    function _switchLeaf(Walk memory walk, CoinWord word, CoinHead head, Outcome outcome) private view {
        if (outcome == Outcome.Executed) {
            uint256 change = (walk.position << 168) | (head.hops() << 160) | uint160(head.owner());
            _change(walk, change, SWITCH_CHANGE_SIZE);
            if (head.hops() >= warnHops) walk.isWarned = true;
        }
        _operate(walk, word, word.handedTo(head.owner(), head.hops()), outcome);
    }

    /// @dev As for switches. `end` is where the next of the moves goes, over which the owner has signed.
    function _moveWhileBrief(
        Walk memory walk,
        address owner,
        address newOwner,
        uint256 movesEnd
    ) private pure returns (uint256) {
        (uint256 cursor, uint256 position, uint256 top, uint256 out) = (walk.cursor, walk.position, walk.top, walk.out);
        uint256 end = _briefEnd(walk, MOVE_SIZE);
        assembly ("memory-safe") {
            for {} lt(cursor, end) {} {
                let record := calldataload(add(cursor, 1))
                if or(
                    or(byte(0, calldataload(cursor)), gt(record, LAST_MOVABLE)),
                    xor(and(record, STATE_MASK), STATE_ACTIVE)
                ) {
                    break
                }
                top := add(top, 0x20)
                mstore(top, or(and(record, STANDING_MASK), owner))
                mstore(
                    add(top, TO_NODES_AFTER),
                    add(or(and(record, STANDING_BUT_HOPS_MASK), newOwner), ONE_FURTHER)
                )
                // Leaf and sequence; what follows them is written over by the next.
                mstore8(movesEnd, position)
                mstore(add(movesEnd, 1), record)
                movesEnd := add(movesEnd, 4)
                mstore8(out, position)
                out := add(out, 1)
                cursor := add(cursor, 13)
                position := add(position, 1)
                for {
                    let way := position
                } iszero(and(way, 1)) {
                    way := shr(1, way)
                } {
                    top := sub(top, 0x20)
                    mstore(top, keccak256(top, 0x40))
                    let topAfter := add(top, TO_NODES_AFTER)
                    mstore(topAfter, keccak256(topAfter, 0x40))
                }
            }
        }
        unchecked {
            walk.operations += (cursor - walk.cursor) / MOVE_SIZE;
        }
        (walk.cursor, walk.position, walk.top, walk.out) = (cursor, position, top, out);
        return movesEnd;
    }

    /// @dev The plain form, also for what cannot be moved.
    function _moveLeaf(
        Walk memory walk,
        bool isWhole,
        address owner,
        address newOwner,
        uint256 movesEnd
    ) private pure returns (uint256) {
        (uint256 cursor, uint256 leaf) = (walk.cursor + 1, walk.position);
        uint256 sequence = _fieldAt(isWhole ? cursor + 32 : cursor, 3);
        CoinWord word = CoinWord.wrap(
            isWhole ? _fieldAt(cursor, 32) : (_fieldAt(cursor, 12) << 160) | uint160(owner)
        );
        Outcome outcome = _whyNotMoved(word, _headOf(_coinOf(walk.page, leaf), sequence, 0, newOwner), owner);
        if (outcome == Outcome.Executed) _change(walk, leaf, 1);
        _operate(walk, word, word.handedTo(newOwner, 0), outcome);
        walk.cursor += isWhole ? WHOLE_MOVE_SIZE : MOVE_SIZE;
        assembly ("memory-safe") {
            mstore(movesEnd, shl(224, or(shl(24, leaf), sequence)))
        }
        return movesEnd + 4;
    }

    function _whyNotMoved(CoinWord word, CoinHead head, address owner) private pure returns (Outcome) {
        if (_isHandedOver(word, head)) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head.sequence(), head.owner(), CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) return outcome;
        if (head.sequence() == CoinWords.LAST_SEQUENCE) return Outcome.SequenceExhausted;
        return word.owner() == owner ? Outcome.Executed : Outcome.NotOwner;
    }

    /// @dev No item in its short form begins from here on: items are over, or the page is.
    function _briefEnd(Walk memory walk, uint256 size) private pure returns (uint256) {
        unchecked {
            uint256 last = walk.cursor + (LEAVES - walk.position) * size;
            return last < walk.end ? last : walk.end;
        }
    }

    /// @dev The root as the items say it was, and as they would leave it.
    function _rootsOf(Walk memory walk) private pure returns (bytes32 before, bytes32 afterwards) {
        if (walk.cursor != walk.end || walk.position != LEAVES) revert PageMalformed(walk.page);
        assembly ("memory-safe") {
            before := mload(NODES)
            afterwards := mload(add(NODES, TO_NODES_AFTER))
        }
    }

    /// @dev Writes the page, if it stands as the items say, and says of every operation what has become of it.
    function _settle(Walk memory walk) private {
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
            (walk.changes, walk.isWarned) = ("", false);
        }
        bytes memory outcomes = walk.outcomes;
        if (outcomes.length == 0) return;
        uint256 operations = walk.operations;
        assembly ("memory-safe") {
            mstore(outcomes, operations)
        }
    }

    function _warn(Walk memory walk) private {
        bytes memory changes = walk.changes;
        for (uint256 start = 0; start < changes.length; start += SWITCH_CHANGE_SIZE) {
            uint256 hops = uint8(changes[start + 1]);
            if (hops >= warnHops) emit HopsWarning(_coinOf(walk.page, uint8(changes[start])), hops);
        }
    }

    function _openBytes(uint256 size) private pure returns (bytes memory text, uint256 end) {
        assembly ("memory-safe") {
            text := mload(0x40)
            end := add(text, 0x20)
            // One word more, for what is written too much.
            mstore(0x40, add(end, and(add(size, 0x3f), not(0x1f))))
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

    function _rootAbove(uint256 coin, CoinWord word, bytes calldata proof) private pure returns (bytes32 node) {
        node = bytes32(CoinWord.unwrap(word));
        for (uint256 height = 0; height < HEIGHT; ++height) {
            bytes32 beside = bytes32(proof[32 + 32 * height:64 + 32 * height]);
            bool isRight = (coin >> height) & 1 == 1;
            node = isRight ? keccak256(abi.encode(beside, node)) : keccak256(abi.encode(node, beside));
        }
    }

    function _pageOf(uint256 coin) private pure returns (uint256) {
        return (coin - FIRST_COIN) >> 8;
    }
}
