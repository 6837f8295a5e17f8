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
    bytes32 private constant SWITCH_TYPEHASH =
        keccak256("Switch(uint256 coin,uint256 sequence,address newOwner,uint256 hops)");
    bytes32 private constant MOVE_TYPEHASH = keccak256("Move(address newOwner,bytes moves)");
    uint256 private constant HEAD_SIZE = 29;
    uint256 private constant RECORD_SIZE = HEAD_SIZE + 64;
    uint256 private constant RECORD_SIZE_P256 = HEAD_SIZE + 128;
    uint256 private constant MOVE_SIZE = 8;
    /// @dev Everything of a word but hops and amount.
    uint256 private constant STANDING_MASK = ~(((uint256(1) << 68) - 1) << 160);
    uint256 private constant HOPS_MASK = uint256(0xff) << 220;

    P256Fallback public immutable p256Fallback = new P256Fallback();
    /// @dev One slot for each of the identifiers there can be, so that a coin's slot is found without a hash.
    CoinWord[1 << 40] private _coins;

    constructor() EIP712("Specie CoinRegister", "1") {}

    /// @inheritdoc ICoinRegister
    function switchCoin(CoinHead head, bytes32 r, bytes32 yParityAndS) external override {
        Outcome outcome = _switch(_openFrame(), head, r, yParityAndS);
        if (outcome == Outcome.Executed) emit Switched(head);
        else if (outcome != Outcome.AlreadyDone) revert Refused(head.coin(), outcome);
    }

    /// @inheritdoc ICoinRegister
    function switchCoinP256(CoinHead head, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external override {
        Outcome outcome = _switchP256(_openFrame(), head, r, s, x, y);
        if (outcome == Outcome.Executed) emit Switched(head);
        else if (outcome != Outcome.AlreadyDone) revert Refused(head.coin(), outcome);
    }

    /// @inheritdoc ICoinRegister
    function switchBatch(bytes calldata records) external override returns (bytes memory outcomes) {
        uint256 count = _countRecords(records, RECORD_SIZE);
        uint256 frame = _openFrame();
        (bytes memory heads, uint256 end) = _openHeads(count);
        unchecked {
            for (uint256 index = 0; index < count; ++index) {
                CoinHead head;
                bytes32 r;
                bytes32 yParityAndS;
                assembly ("memory-safe") {
                    let record := add(records.offset, mul(index, 93))
                    head := calldataload(record)
                    r := calldataload(add(record, 29))
                    yParityAndS := calldataload(add(record, 61))
                }
                Outcome outcome = _switch(frame, head, r, yParityAndS);
                if (outcome == Outcome.Executed) end = _appendHead(end, head);
                else outcomes = _noted(outcomes, count, index, outcome);
            }
        }
        _closeHeads(heads, end);
        emit SwitchedBatch(heads, outcomes);
    }

    /// @inheritdoc ICoinRegister
    function switchBatchP256(bytes calldata records) external override returns (bytes memory outcomes) {
        uint256 count = _countRecords(records, RECORD_SIZE_P256);
        uint256 frame = _openFrame();
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
                    head := calldataload(record)
                    r := calldataload(add(record, 29))
                    s := calldataload(add(record, 61))
                    x := calldataload(add(record, 93))
                    y := calldataload(add(record, 125))
                }
                Outcome outcome = _switchP256(frame, head, r, s, x, y);
                if (outcome == Outcome.Executed) end = _appendHead(end, head);
                else outcomes = _noted(outcomes, count, index, outcome);
            }
        }
        _closeHeads(heads, end);
        emit SwitchedBatch(heads, outcomes);
    }

    /// @inheritdoc ICoinRegister
    function move(
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
    function moveP256(
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

    /// @dev What hinders `head` on a coin that must be in `state`, before anybody's signature is looked at.
    function _hindrance(CoinWord word, CoinHead head, uint256 state) internal pure returns (Outcome) {
        uint256 sequence = head.sequence();
        if (word.isFrozen()) return Outcome.Frozen;
        if (word.sequence() > sequence) return Outcome.SequenceStale;
        if (word.sequence() < sequence) return Outcome.SequenceAhead;
        if (word.state() != state) return Outcome.NotInState;
        if (head.owner() == address(0)) return Outcome.OwnerZero;
        return Outcome.Executed;
    }

    /// @dev True when the coin is as `head` would leave it.
    function _isHandedOver(CoinWord word, CoinHead head) internal pure returns (bool) {
        return word.isAt(head.sequence() + 1, CoinWords.ACTIVE) && word.owner() == head.owner();
    }

    function _switch(
        uint256 frame,
        CoinHead head,
        bytes32 r,
        bytes32 yParityAndS
    ) internal virtual returns (Outcome outcome) {
        CoinWord word = _load(head.coin());
        if (!_maySwitch(word, head)) return _whyNotSwitched(word, head);
        if (CoinSignatures.isHighS(yParityAndS)) return Outcome.SignatureHighS;
        if (CoinSignatures.recover(_switchDigest(frame, head), r, yParityAndS) != word.owner()) return Outcome.NotOwner;
        _handOver(word, head);
    }

    function _switchP256(
        uint256 frame,
        CoinHead head,
        bytes32 r,
        bytes32 s,
        bytes32 x,
        bytes32 y
    ) internal virtual returns (Outcome outcome) {
        CoinWord word = _load(head.coin());
        if (!_maySwitch(word, head)) return _whyNotSwitched(word, head);
        if (CoinSignatures.isHighSP256(s)) return Outcome.SignatureHighS;
        if (CoinSignatures.referenceP256(x, y) != word.owner()) return Outcome.NotOwner;
        if (!_isSignedP256(_switchDigest(frame, head), r, s, x, y)) return Outcome.NotOwner;
        _handOver(word, head);
    }

    function _isSignedP256(
        bytes32 digest,
        bytes32 r,
        bytes32 s,
        bytes32 x,
        bytes32 y
    ) internal view returns (bool) {
        if (CoinSignatures.isSignedP256(digest, r, s, x, y)) return true;
        return p256Fallback.isSigned(digest, r, s, x, y);
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

    function _whyNotSwitched(CoinWord word, CoinHead head) private pure returns (Outcome) {
        if (_isHandedOver(word, head) && word.hops() == head.hops()) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head, CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) return outcome;
        return head.sequence() == CoinWords.LAST_SEQUENCE ? Outcome.SequenceExhausted : Outcome.HopsAboveLimit;
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
            for (uint256 index = 0; index < count; ++index) {
                uint256 record;
                assembly ("memory-safe") {
                    record := shr(192, calldataload(add(moves.offset, shl(3, index))))
                }
                uint256 coin = record >> 24;
                uint256 sequence = record << 232;
                uint256 word = CoinWord.unwrap(_load(coin));
                if (word & STANDING_MASK == sequence | standing && sequence < CoinWords.LAST_SEQUENCE << 232) {
                    _store(coin, CoinWord.wrap((word & ~HOPS_MASK) + step));
                } else {
                    CoinHead head = CoinHead.wrap(bytes32((record << 192) | (uint256(uint160(newOwner)) << 24)));
                    outcomes = _noted(outcomes, count, index, _whyNotMoved(CoinWord.wrap(word), head));
                }
            }
        }
        emit Moved(newOwner, moves);
        if (outcomes.length != 0) emit MovesRefused(outcomes);
    }

    function _whyNotMoved(CoinWord word, CoinHead head) private pure returns (Outcome) {
        if (_isHandedOver(word, head)) return Outcome.AlreadyDone;
        Outcome outcome = _hindrance(word, head, CoinWords.ACTIVE);
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

    /// @dev Where the digests of one call are made: what is the same in all of them is written once.
    function _openFrame() internal view returns (uint256 frame) {
        bytes32 domain = _domainSeparatorV4();
        bytes32 typeHash = SWITCH_TYPEHASH;
        assembly ("memory-safe") {
            frame := mload(0x40)
            mstore(0x40, add(frame, 0x100))
            mstore(frame, typeHash)
            mstore(add(frame, 0xa0), 0x1901)
            mstore(add(frame, 0xc0), domain)
        }
    }

    /// @dev EIP-712's digest of Switch; tests hold it to the plain form.
    function _switchDigest(uint256 frame, CoinHead head) internal pure returns (bytes32 digest) {
        uint256 coin = head.coin();
        uint256 sequence = head.sequence();
        address owner = head.owner();
        uint256 hops = head.hops();
        assembly ("memory-safe") {
            mstore(add(frame, 0x20), coin)
            mstore(add(frame, 0x40), sequence)
            mstore(add(frame, 0x60), owner)
            mstore(add(frame, 0x80), hops)
            mstore(add(frame, 0xe0), keccak256(frame, 0xa0))
            digest := keccak256(add(frame, 0xbe), 0x42)
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
            mstore(end, head)
        }
        return end + HEAD_SIZE;
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
