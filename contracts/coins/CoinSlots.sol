// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ICoinRegister } from "../interfaces/ICoinRegister.sol";
import { CoinHead, CoinWord, CoinWords } from "../libraries/CoinWord.sol";
import { CoinSignatures } from "../libraries/CoinSignatures.sol";
import { CoinReserve } from "./CoinReserve.sol";

/// @title CoinSlots
/// @notice The words of coins that have a slot each, who may change them, and how they change hands.
abstract contract CoinSlots is CoinReserve {
    bytes32 private constant MOVE_TYPEHASH = keccak256("Move(address newOwner,bytes moves)");
    uint256 private constant HEAD_SIZE = 29;
    uint256 private constant RECORD_SIZE = HEAD_SIZE + 64;
    uint256 private constant RECORD_SIZE_P256 = HEAD_SIZE + 128;
    uint256 private constant MOVE_SIZE = 8;
    /// @dev Everything of a word but hops and amount.
    uint256 private constant STANDING_MASK = 0xfffffff00000000000000000ffffffffffffffffffffffffffffffffffffffff;
    /// @dev Everything but hops.
    uint256 private constant KEPT_MASK = 0xfffffff00fffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant PLACE_AND_AMOUNT_MASK = 0xfffffff00fffffffffffffff0000000000000000000000000000000000000000;
    uint256 private constant ONE_FURTHER = 0x0000010000000000000000000000000000000000000000000000000000000000;
    /// @dev State, freeze and owner.
    uint256 private constant STATE_AND_OWNER_MASK = 0x000000f00000000000000000ffffffffffffffffffffffffffffffffffffffff;
    /// @dev No word of a coin that has a number left is above it.
    uint256 private constant LAST_MOVABLE = 0xfffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant ONE_COIN_FURTHER = 0x0000000001000000000000000000000000000000000000000000000000000000;
    /// @dev Of a row: coin, how many, owner.
    bytes32 private constant ROW_MASK = 0x000000ffffffffff000000ffffffffffffffffffffffffffffffffffffffffff;
    uint256 private constant LAST_SEQUENCE_AT_TOP = 0xffffff0000000000000000000000000000000000000000000000000000000000;

    /// @inheritdoc ICoinRegister
    function switchCoin(CoinHead head, bytes32 r, bytes32 yParityAndS) external override {
        _openFrame(FRAME_END);
        // From the head's 29 bytes on, the call's data is one record of a batch.
        (uint256 cursor, ) = _switchWhileInOrder(0x07, 0x64, FRAME);
        if (cursor == 0x64) emit Switched(head);
        else _emitOrRefuse(head, _switch(head, r, yParityAndS));
    }

    /// @inheritdoc ICoinRegister
    function switchCoinByP256(CoinHead head, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external override {
        _openFrame(FRAME_END);
        _emitOrRefuse(head, _switchByP256(head, r, s, x, y));
    }

    /// @inheritdoc ICoinRegister
    function switchBatch(bytes calldata records) external override returns (bytes memory outcomes) {
        uint256 count = _countRecords(records, RECORD_SIZE);
        _openFrame(FRAME_END);
        (bytes memory heads, uint256 out) = _openHeads(count);
        uint256 start;
        assembly ("memory-safe") {
            start := records.offset
        }
        unchecked {
            uint256 end = start + records.length;
            for (uint256 cursor = start; ; cursor += RECORD_SIZE) {
                (cursor, out) = _switchWhileInOrder(cursor, end, out);
                if (cursor == end) break;
                (CoinHead head, bytes32 r, bytes32 yParityAndS) = _recordAt(cursor);
                Outcome outcome = _switch(head, r, yParityAndS);
                if (outcome == Outcome.Executed) out = _appendHead(out, head);
                else outcomes = _noted(outcomes, count, (cursor - start) / RECORD_SIZE, outcome);
            }
        }
        _closeHeads(heads, out);
        emit SwitchedBatch(heads, outcomes);
    }

    /// @inheritdoc ICoinRegister
    function switchBatchByP256(bytes calldata records) external override returns (bytes memory outcomes) {
        uint256 count = _countRecords(records, RECORD_SIZE_P256);
        _openFrame(FRAME_END);
        (bytes memory heads, uint256 end) = _openHeads(count);
        unchecked {
            for (uint256 index = 0; index < count; ++index) {
                CoinHead head;
                bytes32 r;
                bytes32 s;
                bytes32 x;
                bytes32 y;
                assembly ("memory-safe") {
                    let record := add(records.offset, mul(index, 157))
                    head := shr(24, calldataload(record))
                    r := calldataload(add(record, 29))
                    s := calldataload(add(record, 61))
                    x := calldataload(add(record, 93))
                    y := calldataload(add(record, 125))
                }
                Outcome outcome = _switchByP256(head, r, s, x, y);
                if (outcome == Outcome.Executed) end = _appendHead(end, head);
                else outcomes = _noted(outcomes, count, index, outcome);
            }
        }
        _closeHeads(heads, end);
        emit SwitchedBatch(heads, outcomes);
    }

    /// @inheritdoc ICoinRegister
    function moveCoins(
        address newOwner,
        bytes32 r,
        bytes32 yParityAndS,
        bytes calldata moves
    ) external override returns (bytes memory) {
        uint256 count = _countRecords(moves, MOVE_SIZE);
        if (CoinSignatures.isHighS(yParityAndS)) revert Refused(_firstOf(moves), Outcome.SignatureHighS);
        return
            _move(
                newOwner,
                CoinSignatures.recover(_moveDigest(newOwner, keccak256(moves)), r, yParityAndS),
                moves,
                count
            );
    }

    /// @inheritdoc ICoinRegister
    function moveCoinsByP256(
        address newOwner,
        bytes32 r,
        bytes32 s,
        bytes32 x,
        bytes32 y,
        bytes calldata moves
    ) external override returns (bytes memory) {
        uint256 count = _countRecords(moves, MOVE_SIZE);
        if (CoinSignatures.isHighSP256(s)) revert Refused(_firstOf(moves), Outcome.SignatureHighS);
        bool isSigned = _isSignedP256(_moveDigest(newOwner, keccak256(moves)), r, s, x, y);
        return _move(newOwner, isSigned ? CoinSignatures.referenceP256(x, y) : address(0), moves, count);
    }

    /// @inheritdoc ICoinRegister
    function passAdjacent(CoinHead row, bytes32 r, bytes32 yParityAndS) external override {
        (uint256 coin, uint256 count, address newOwner) = (row.coin(), row.hops(), row.owner());
        if (count == 0 || coin + count > 1 << 40) revert RecordsMalformed(count);
        if (newOwner == address(0)) revert Refused(coin, Outcome.OwnerZero);
        if (CoinSignatures.isHighS(yParityAndS)) revert Refused(coin, Outcome.SignatureHighS);
        _openFrame(FRAME_END);
        address owner = _load(coin).owner();
        // Only where the coins may be there already is it worth a second look at every one.
        if (owner == newOwner && _isAdjacentPassed(coin, count, newOwner, r, yParityAndS)) return;
        // What has been written when it turns out that the owner has not signed this is as if it had not been.
        if (!_passWhileInOrder(row, owner, r, yParityAndS)) revert Refused(coin, Outcome.NotOwner);
        emit PassedAdjacent(CoinHead.wrap(CoinHead.unwrap(row) & ROW_MASK));
    }

    /// @inheritdoc ICoinRegister
    function coins(uint256 coin) external view override returns (Coin memory) {
        CoinWord word = _coins[coin];
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

    /// @dev Goes through records from `cursor` in the call's data as long as they are in order and report few hops, and
    /// stops at `end` or at the first that is not. Heads of what was executed go to `out`. Written by hand: in the
    /// compiler's words a batch costs 700 gas more for each. `_switch` is the plain form, for whatever this leaves.
    function _switchWhileInOrder(uint256 cursor, uint256 end, uint256 out) private returns (uint256, uint256) {
        uint256 hopsWarning = warnHops;
        assembly ("memory-safe") {
            for {} iszero(eq(cursor, end)) {} {
                // What the digest is made of lies in the frame and is read from there: the stack has no room for it.
                mstore(0xa0, shr(216, calldataload(cursor)))
                mstore(0xc0, and(shr(192, calldataload(cursor)), 0xffffff))
                mstore(0xe0, shr(96, calldataload(add(cursor, 9))))
                mstore(0x100, byte(8, calldataload(cursor)))
                let yParityAndS := calldataload(add(cursor, 61))
                mstore(0x1e0, shr(1, shl(1, yParityAndS)))
                let word := sload(add(_coins.slot, mload(0xa0)))
                if or(
                    or(xor(shr(228, word), or(shl(4, mload(0xc0)), 1)), gt(mload(0xc0), 0xfffffe)),
                    or(
                        gt(mload(0x1e0), SECP256K1_HALF_ORDER),
                        or(iszero(lt(mload(0x100), hopsWarning)), iszero(mload(0xe0)))
                    )
                ) {
                    break
                }
                mstore(0x160, keccak256(0x80, 0xa0))
                mstore(0x180, keccak256(0x13e, 0x42))
                mstore(0x1a0, add(shr(255, yParityAndS), 27))
                mstore(0x1c0, calldataload(add(cursor, 29)))
                // The answer goes over the digest. A bad signature gets none, and then the digest stays: it is the owner's
                // reference with a chance of one in 2^160, like the address of any other key.
                pop(staticcall(gas(), 1, 0x180, 0x80, 0x180, 0x20))
                if shl(96, xor(mload(0x180), word)) {
                    break
                }
                sstore(
                    add(_coins.slot, mload(0xa0)),
                    add(or(and(word, PLACE_AND_AMOUNT_MASK), or(shl(220, mload(0x100)), mload(0xe0))), ONE_FURTHER)
                )
                // Three bytes too many, over which the next head is written.
                mstore(out, calldataload(cursor))
                out := add(out, 29)
                cursor := add(cursor, 93)
            }
        }
        return (cursor, out);
    }

    function _recordAt(uint256 cursor) private pure returns (CoinHead head, bytes32 r, bytes32 yParityAndS) {
        assembly ("memory-safe") {
            head := shr(24, calldataload(cursor))
            r := calldataload(add(cursor, 29))
            yParityAndS := calldataload(add(cursor, 61))
        }
    }

    function _switch(CoinHead head, bytes32 r, bytes32 yParityAndS) private returns (Outcome) {
        CoinWord word = _load(head.coin());
        Outcome outcome = _whyNotSwitched(word, head);
        if (outcome != Outcome.Executed) return outcome;
        if (CoinSignatures.isHighS(yParityAndS)) return Outcome.SignatureHighS;
        if (CoinSignatures.recover(_switchDigest(head.coin(), head), r, yParityAndS) != word.owner())
            return Outcome.NotOwner;
        _handOver(word, head);
        return Outcome.Executed;
    }

    function _emitOrRefuse(CoinHead head, Outcome outcome) private {
        if (outcome == Outcome.Executed) emit Switched(head);
        else if (outcome != Outcome.AlreadyDone) revert Refused(head.coin(), outcome);
    }

    function _switchByP256(CoinHead head, bytes32 r, bytes32 s, bytes32 x, bytes32 y) private returns (Outcome) {
        CoinWord word = _load(head.coin());
        if (!_maySwitch(word, head)) return _whyNotSwitched(word, head);
        if (CoinSignatures.isHighSP256(s)) return Outcome.SignatureHighS;
        if (CoinSignatures.referenceP256(x, y) != word.owner()) return Outcome.NotOwner;
        if (!_isSignedP256(_switchDigest(head.coin(), head), r, s, x, y)) return Outcome.NotOwner;
        _handOver(word, head);
        return Outcome.Executed;
    }

    function _handOver(CoinWord word, CoinHead head) private {
        uint256 hops = head.hops();
        _store(head.coin(), word.handedTo(head.owner(), hops));
        if (hops >= warnHops) emit HopsWarning(head.coin(), hops);
    }

    function _maySwitch(CoinWord word, CoinHead head) private view returns (bool) {
        uint256 sequence = head.sequence();
        return
            word.isAt(sequence, CoinWords.ACTIVE) &&
            sequence != CoinWords.LAST_SEQUENCE &&
            head.owner() != address(0) &&
            head.hops() <= blockHops;
    }

    function _move(
        address newOwner,
        address owner,
        bytes calldata moves,
        uint256 count
    ) private returns (bytes memory outcomes) {
        if (newOwner == address(0)) revert Refused(_firstOf(moves), Outcome.OwnerZero);
        unchecked {
            // A nobody's signature meets no coin: none that is active has the owner zero.
            uint256 standing = (CoinWords.ACTIVE << 228) | uint160(owner);
            // One addition counts the sequence up and puts one owner for the other; the hop count is taken out before.
            uint256 step = (uint256(1) << 232) + uint160(newOwner) - uint160(owner);
            uint256 start;
            assembly ("memory-safe") {
                start := moves.offset
            }
            uint256 end = start + moves.length;
            for (uint256 cursor = start; ; cursor += MOVE_SIZE) {
                assembly ("memory-safe") {
                    for {} iszero(eq(cursor, end)) {} {
                        let record := shr(192, calldataload(cursor))
                        let slot := add(_coins.slot, shr(24, record))
                        let word := sload(slot)
                        let sequence := shl(232, record)
                        if or(
                            xor(and(word, STANDING_MASK), or(sequence, standing)),
                            eq(sequence, LAST_SEQUENCE_AT_TOP)
                        ) {
                            break
                        }
                        sstore(slot, add(and(word, KEPT_MASK), step))
                        cursor := add(cursor, 8)
                    }
                }
                if (cursor == end) break;
                uint256 index = (cursor - start) / MOVE_SIZE;
                outcomes = _noted(outcomes, count, index, _whyNotMoved(moves, index, newOwner));
            }
        }
        emit Moved(newOwner, moves);
        if (outcomes.length != 0) emit MovesRefused(outcomes);
    }

    /// @dev Hands the coins on, and says whether all of them could be and their owner has signed for it. Written by hand: of
    /// 6,500 gas for each of 20 a slot takes 5,000 and the call itself 1,350. `_isAdjacentPassed` has the plain form of what is
    /// signed, `_whyNotMoved` that of what is asked of each coin.
    function _passWhileInOrder(
        CoinHead row,
        address owner,
        bytes32 r,
        bytes32 yParityAndS
    ) private returns (bool isSigned) {
        address newOwner = row.owner();
        bytes32 typeHash = MOVE_TYPEHASH;
        assembly ("memory-safe") {
            // What is not needed for each coin waits in the frame: the struct of Move but for the hash of its moves, and
            // what the recovery is asked but for the digest.
            mstore(FRAME, typeHash)
            mstore(0xa0, newOwner)
            mstore(0x1a0, add(shr(255, yParityAndS), 27))
            mstore(0x1c0, r)
            mstore(0x1e0, shr(1, shl(1, yParityAndS)))
        }
        uint256 coin = row.coin();
        uint256 count = row.hops();
        unchecked {
            uint256 standing = (CoinWords.ACTIVE << 228) | uint160(owner);
            // One addition counts the sequence up and puts one owner for the other; the hop count is taken out before.
            uint256 step = (uint256(1) << 232) + uint160(newOwner) - uint160(owner);
            assembly ("memory-safe") {
                let moves := mload(0x40)
                let out := moves
                let place := shl(216, coin)
                let slot := add(_coins.slot, coin)
                let end := add(slot, count)
                let flaws := 0
                for {} lt(slot, end) {} {
                    let word := sload(slot)
                    flaws := or(flaws, or(xor(and(word, STATE_AND_OWNER_MASK), standing), gt(word, LAST_MOVABLE)))
                    sstore(slot, add(and(word, KEPT_MASK), step))
                    // Coin and sequence; what follows them is written over by the next.
                    mstore(out, or(place, shr(40, word)))
                    out := add(out, 8)
                    place := add(place, ONE_COIN_FURTHER)
                    slot := add(slot, 1)
                }
                mstore(0xc0, keccak256(moves, sub(out, moves)))
                mstore(0x160, keccak256(FRAME, 0x60))
                mstore(0x180, keccak256(0x13e, 0x42))
                // The answer goes over the digest, as in a switch. No coin that is active has the owner zero.
                pop(staticcall(gas(), 1, 0x180, 0x80, 0x180, 0x20))
                isSigned := iszero(or(flaws, xor(mload(0x180), and(standing, sub(shl(160, 1), 1)))))
            }
        }
    }

    /// @dev True when every coin of the row is where it shall go, and none of them by a signature that has yet to move it.
    function _isAdjacentPassed(
        uint256 coin,
        uint256 count,
        address newOwner,
        bytes32 r,
        bytes32 yParityAndS
    ) private view returns (bool) {
        bytes memory moves;
        for (uint256 index = 0; index < count; ++index) {
            CoinWord word = _load(coin + index);
            if (!word.isAt(word.sequence(), CoinWords.ACTIVE) || word.owner() != newOwner) return false;
            moves = abi.encodePacked(moves, uint40(coin + index), uint24(word.sequence()));
        }
        return CoinSignatures.recover(_moveDigest(newOwner, keccak256(moves)), r, yParityAndS) != newOwner;
    }

    function _whyNotMoved(bytes calldata moves, uint256 index, address newOwner) private view returns (Outcome) {
        bytes32 coinAndSequence = bytes8(moves[index * MOVE_SIZE:]);
        CoinHead head = CoinHead.wrap((coinAndSequence >> 24) | bytes32(uint256(uint160(newOwner))));
        CoinWord word = _load(head.coin());
        if (_isHandedOver(word, head)) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head.sequence(), head.owner(), CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) return outcome;
        return head.sequence() == CoinWords.LAST_SEQUENCE ? Outcome.SequenceExhausted : Outcome.NotOwner;
    }

    function _moveDigest(address newOwner, bytes32 movesHash) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(MOVE_TYPEHASH, newOwner, movesHash)));
    }

    function _firstOf(bytes calldata moves) private pure returns (uint256) {
        return uint40(bytes5(moves));
    }

    /// @dev Room for `count` heads one after the other, and where the first one goes.
    function _openHeads(uint256 count) private pure returns (bytes memory heads, uint256 end) {
        heads = new bytes(count * HEAD_SIZE + 32);
        assembly ("memory-safe") {
            end := add(heads, 0x20)
        }
    }

    /// @dev Writes three bytes too many, over which the next one is written.
    function _appendHead(uint256 end, CoinHead head) private pure returns (uint256) {
        assembly ("memory-safe") {
            mstore(end, shl(24, head))
        }
        unchecked {
            return end + HEAD_SIZE;
        }
    }

    function _closeHeads(bytes memory heads, uint256 end) private pure {
        assembly ("memory-safe") {
            mstore(end, 0)
            mstore(heads, sub(sub(end, heads), 0x20))
        }
    }
}
