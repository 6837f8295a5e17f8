// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { ICoinRegister } from "../interfaces/ICoinRegister.sol";
import { CoinHead, CoinWord, CoinWords } from "../libraries/CoinWord.sol";
import { CoinSignatures } from "../libraries/CoinSignatures.sol";
import { CoinReserve } from "./CoinReserve.sol";
import { P256Fallback } from "./P256Fallback.sol";

/// @title CoinSlots
/// @notice The words of coins that have a slot each, who may change them, and how they change hands.
abstract contract CoinSlots is CoinReserve, EIP712 {
    bytes32 private constant SWITCH_TYPEHASH = keccak256(
        "Switch(uint256 coin,uint256 sequence,address newOwner,uint256 hops)"
    );
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
    uint256 private constant FRAME = 0x80;
    uint256 private constant FRAME_END = 0x200;
    uint256 private constant SECP256K1_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant LAST_SEQUENCE_AT_TOP = 0xffffff0000000000000000000000000000000000000000000000000000000000;

    P256Fallback public immutable p256Fallback = new P256Fallback();
    /// @dev One slot for each of the identifiers there can be, so that a coin's slot is found without a hash.
    CoinWord[1 << 40] private _coins;

    constructor() EIP712("Specie CoinRegister", "1") {}

    /// @inheritdoc ICoinRegister
    function switchCoin(CoinHead head, bytes32 r, bytes32 yParityAndS) external override {
        _openFrame();
        // From the head's 29 bytes on, the call's data is one record of a batch.
        (uint256 cursor, ) = _switchWhileInOrder(0x07, 0x64, FRAME);
        if (cursor == 0x64) emit Switched(head);
        else _emitOrRefuse(head, _switch(head, r, yParityAndS));
    }

    /// @inheritdoc ICoinRegister
    function switchCoinByP256(CoinHead head, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external override {
        _openFrame();
        _emitOrRefuse(head, _switchByP256(head, r, s, x, y));
    }

    /// @inheritdoc ICoinRegister
    function switchBatch(bytes calldata records) external override returns (bytes memory outcomes) {
        uint256 count = _countRecords(records, RECORD_SIZE);
        _openFrame();
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
        _openFrame();
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
        return _move(newOwner, CoinSignatures.recover(_moveDigest(newOwner, moves), r, yParityAndS), moves, count);
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
        bool isSigned = _isSignedP256(_moveDigest(newOwner, moves), r, s, x, y);
        return _move(newOwner, isSigned ? CoinSignatures.referenceP256(x, y) : address(0), moves, count);
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

    /// @dev `coin` has 40 bits wherever it comes from a head or a move.
    function _load(uint256 coin) internal view returns (CoinWord word) {
        assembly ("memory-safe") {
            word := sload(add(_coins.slot, coin))
        }
    }

    function _store(uint256 coin, CoinWord word) internal {
        assembly ("memory-safe") {
            sstore(add(_coins.slot, coin), word)
        }
    }

    /// @dev What hinders an operation on a coin that must be in `state`, before anybody's signature is looked at.
    function _hindrance(
        CoinWord word,
        uint256 sequence,
        address newOwner,
        uint256 state
    ) internal pure virtual returns (Outcome) {
        if (word.isFrozen()) return Outcome.Frozen;
        if (word.sequence() > sequence) return Outcome.SequenceStale;
        if (word.sequence() < sequence) return Outcome.SequenceAhead;
        if (word.state() != state) return Outcome.NotInState;
        return newOwner == address(0) ? Outcome.OwnerZero : Outcome.Executed;
    }

    /// @dev True when the coin is as `head` would leave it.
    function _isHandedOver(CoinWord word, CoinHead head) internal pure returns (bool) {
        return word.isAt(head.sequence() + 1, CoinWords.ACTIVE) && word.owner() == head.owner();
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
        if (CoinSignatures.recover(_switchDigest(head), r, yParityAndS) != word.owner()) return Outcome.NotOwner;
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
        if (!_isSignedP256(_switchDigest(head), r, s, x, y)) return Outcome.NotOwner;
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

    function _whyNotSwitched(CoinWord word, CoinHead head) private view returns (Outcome) {
        if (_isHandedOver(word, head) && word.hops() == head.hops()) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head.sequence(), head.owner(), CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) return outcome;
        if (head.sequence() == CoinWords.LAST_SEQUENCE) return Outcome.SequenceExhausted;
        return head.hops() > blockHops ? Outcome.HopsAboveLimit : Outcome.Executed;
    }

    function _isSignedP256(bytes32 digest, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (bool) {
        if (CoinSignatures.isSignedP256(digest, r, s, x, y)) return true;
        return p256Fallback.isSigned(digest, r, s, x, y);
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

    function _whyNotMoved(bytes calldata moves, uint256 index, address newOwner) private view returns (Outcome) {
        bytes32 coinAndSequence = bytes8(moves[index * MOVE_SIZE:]);
        CoinHead head = CoinHead.wrap((coinAndSequence >> 24) | bytes32(uint256(uint160(newOwner))));
        CoinWord word = _load(head.coin());
        if (_isHandedOver(word, head)) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head.sequence(), head.owner(), CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) return outcome;
        return head.sequence() == CoinWords.LAST_SEQUENCE ? Outcome.SequenceExhausted : Outcome.NotOwner;
    }

    function _moveDigest(address newOwner, bytes calldata moves) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(MOVE_TYPEHASH, newOwner, keccak256(moves))));
    }

    function _firstOf(bytes calldata moves) private pure returns (uint256) {
        return uint40(bytes5(moves));
    }

    function _countRecords(bytes calldata records, uint256 size) internal pure returns (uint256) {
        if (records.length == 0 || records.length % size != 0) revert RecordsMalformed(records.length);
        return records.length / size;
    }

    /// @dev The first memory of a call, where its digests are made: what is the same in all of them is written once. From
    /// 0x80: type 32, coin 32, sequence 32, owner 32, hops 32, EIP-712's prefix 32, domain 32, hash of the struct 32, and
    /// what the recovery is asked, 128.
    function _openFrame() internal view {
        bool isFirst;
        assembly ("memory-safe") {
            isFirst := eq(mload(0x40), FRAME)
            mstore(0x40, FRAME_END)
        }
        // Holds of every call or of none: it is the compiler who sees to it.
        assert(isFirst);
        // After the frame is taken, because after a fork of the chain the domain is made anew, in memory of its own.
        bytes32 domain = _domainSeparatorV4();
        bytes32 typeHash = SWITCH_TYPEHASH;
        assembly ("memory-safe") {
            mstore(FRAME, typeHash)
            mstore(0x120, 0x1901)
            mstore(0x140, domain)
        }
    }

    /// @dev EIP-712's digest of Switch; tests hold it to the plain form.
    function _switchDigest(CoinHead head) internal pure returns (bytes32 digest) {
        uint256 coin = head.coin();
        uint256 sequence = head.sequence();
        address newOwner = head.owner();
        uint256 hops = head.hops();
        assembly ("memory-safe") {
            mstore(0xa0, coin)
            mstore(0xc0, sequence)
            mstore(0xe0, newOwner)
            mstore(0x100, hops)
            mstore(0x160, keccak256(FRAME, 0xa0))
            digest := keccak256(0x13e, 0x42)
        }
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

    /// @dev Outcomes come to be with the first one that is worth a word.
    function _noted(
        bytes memory outcomes,
        uint256 count,
        uint256 index,
        Outcome outcome
    ) internal pure virtual returns (bytes memory) {
        if (outcomes.length == 0) outcomes = new bytes(count);
        outcomes[index] = bytes1(uint8(outcome));
        return outcomes;
    }
}
