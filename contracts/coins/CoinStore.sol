// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import { ICoinTypes } from "../interfaces/ICoinTypes.sol";
import { CoinHead, CoinWord, CoinWords } from "../libraries/CoinWord.sol";
import { CoinSignatures } from "../libraries/CoinSignatures.sol";
import { P256Fallback } from "./P256Fallback.sol";

/// @title CoinStore
/// @notice Where coins are kept, in slots and in pages, what they may be, and what every operation on one is held against.
/// @dev The register and its pages are two contracts with this storage, in this order: neither declares any before it.
abstract contract CoinStore is ICoinTypes, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER_ROLE");
    bytes32 public constant FREEZER_ROLE = keccak256("FREEZER_ROLE");
    bytes32 internal constant SWITCH_TYPEHASH = keccak256(
        "Switch(uint256 coin,uint256 sequence,address newOwner,uint256 hops)"
    );
    bytes32 internal constant SPLIT_TYPEHASH = keccak256(
        "Split(uint256 coin,uint256 sequence,address owner,uint256 part,uint256 partSequence,uint256 partAmount,address partOwner)"
    );
    bytes32 internal constant MERGE_TYPEHASH = keccak256(
        "Merge(uint256 coin,uint256 sequence,uint256 other,uint256 otherSequence,address newOwner)"
    );
    bytes32 internal constant REDEEM_TYPEHASH = keccak256("Redeem(uint256 coin,uint256 sequence,address recipient)");
    uint256 internal constant FRAME = 0x80;
    uint256 internal constant FRAME_END = 0x200;
    uint256 internal constant SECP256K1_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    uint256 internal constant OUTSTANDING_SHIFT = 96;
    uint256 internal constant PAUSED_BIT = 1 << 192;

    IERC20 public immutable token;
    /// @dev Limits are code, not storage: a switch reads them for nothing, and nobody changes them under a coin's owner.
    uint256 public immutable maximumAmount;
    uint256 public immutable warnHops;
    uint256 public immutable blockHops;
    P256Fallback public immutable p256Fallback;
    /// @dev In one word, from the bottom: reserve 96, outstanding 96, paused 1.
    uint256 internal _supply;
    /// @dev One slot for each of the identifiers there can be, so that a coin's slot is found without a hash.
    CoinWord[1 << 40] internal _coins;
    /// @dev The root over the words of 256 coins; zero is a page that was never used, whose words are all zero.
    bytes32[1 << 32] internal _roots;

    struct Limits {
        uint256 maximumAmount;
        uint256 warnHops;
        uint256 blockHops;
    }

    constructor(IERC20 token_, Limits memory limits, P256Fallback p256Fallback_) EIP712("Specie CoinRegister", "1") {
        bool isMalformed =
            limits.maximumAmount == 0 ||
                limits.maximumAmount > CoinWords.LARGEST_AMOUNT ||
                limits.warnHops == 0 ||
                limits.warnHops > limits.blockHops ||
                limits.blockHops > type(uint8).max;
        if (isMalformed) revert LimitsMalformed(limits.maximumAmount, limits.warnHops, limits.blockHops);
        token = token_;
        maximumAmount = limits.maximumAmount;
        warnHops = limits.warnHops;
        blockHops = limits.blockHops;
        p256Fallback = p256Fallback_;
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

    function _whyNotSwitched(CoinWord word, CoinHead head) internal view returns (Outcome) {
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

    function _countRecords(bytes calldata records, uint256 size) internal pure returns (uint256) {
        if (records.length == 0 || records.length % size != 0) revert RecordsMalformed(records.length);
        return records.length / size;
    }

    /// @dev The first memory of a call, where its digests are made: what is the same in all of them is written once. From
    /// 0x80: type 32, coin 32, sequence 32, owner 32, hops 32, EIP-712's prefix 32, domain 32, hash of the struct 32, and
    /// what the recovery is asked, 128. Whatever else a call keeps there follows, up to `frameEnd`.
    function _openFrame(uint256 frameEnd) internal view {
        bool isFirst;
        assembly ("memory-safe") {
            isFirst := eq(mload(0x40), FRAME)
            mstore(0x40, frameEnd)
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
    function _switchDigest(uint256 coin, CoinHead head) internal pure returns (bytes32 digest) {
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

    function _check(uint256 coin, CoinWord word, CoinHead head, uint256 state) internal pure {
        _checkPlace(coin, word, head, head.owner(), state);
    }

    function _checkPlace(uint256 coin, CoinWord word, CoinHead head, address newOwner, uint256 state) internal pure {
        uint256 sequence = head.sequence();
        bool isLast = sequence == CoinWords.LAST_SEQUENCE;
        if (word.isAt(sequence, state) && !isLast && newOwner != address(0)) return;
        Outcome outcome = _hindrance(word, sequence, newOwner, state);
        if (outcome != Outcome.Executed) revert Refused(coin, outcome);
        if (isLast) revert Refused(coin, Outcome.SequenceExhausted);
    }

    function _checkSigned(
        uint256 coin,
        address owner,
        bytes32 structHash,
        bytes calldata signature
    ) internal view virtual {
        Outcome outcome = _signedBy(owner, _hashTypedDataV4(structHash), signature);
        if (outcome != Outcome.Executed) revert Refused(coin, outcome);
    }

    function _signedBy(address owner, bytes32 digest, bytes calldata signature) internal view returns (Outcome) {
        bytes32 r;
        bytes32 s;
        assembly ("memory-safe") {
            r := calldataload(signature.offset)
            s := calldataload(add(signature.offset, 0x20))
        }
        if (signature.length == 64) {
            if (CoinSignatures.isHighS(s)) return Outcome.SignatureHighS;
            return CoinSignatures.recover(digest, r, s) == owner ? Outcome.Executed : Outcome.NotOwner;
        }
        if (signature.length != 128) return Outcome.SignatureMalformed;
        (bytes32 x, bytes32 y) = (bytes32(signature[64:96]), bytes32(signature[96:128]));
        if (CoinSignatures.isHighSP256(s)) return Outcome.SignatureHighS;
        if (CoinSignatures.referenceP256(x, y) != owner) return Outcome.NotOwner;
        return _isSignedP256(digest, r, s, x, y) ? Outcome.Executed : Outcome.NotOwner;
    }

    function _headHash(bytes32 typeHash, uint256 coin, CoinHead head) internal pure returns (bytes32) {
        return keccak256(abi.encode(typeHash, coin, head.sequence(), head.owner()));
    }

    function _splitHash(
        uint256 coin,
        CoinHead rest,
        uint256 partCoin,
        CoinHead part,
        uint256 partAmount
    ) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    SPLIT_TYPEHASH,
                    coin,
                    rest.sequence(),
                    rest.owner(),
                    partCoin,
                    part.sequence(),
                    partAmount,
                    part.owner()
                )
            );
    }

    function _mergeHash(
        uint256 coin,
        CoinHead head,
        uint256 otherCoin,
        CoinHead other
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(MERGE_TYPEHASH, coin, head.sequence(), otherCoin, other.sequence(), head.owner()));
    }

    /// @dev What a coin's place holds once it is gone. Whoever had it stays readable, for whoever asks again. The last
    /// number stays the last: the place is used up.
    function _freed(CoinWord word, address owner) internal pure virtual returns (CoinWord) {
        uint256 sequence = word.sequence();
        unchecked {
            if (sequence != CoinWords.LAST_SEQUENCE) ++sequence;
        }
        return CoinWords.pack(sequence, CoinWords.FREE, 0, 0, owner);
    }

    /// @dev Coins for `amount` come to be.
    function _addOutstanding(uint256 amount) internal virtual {
        uint256 word = _supply;
        if (word & PAUSED_BIT != 0) revert Paused();
        _checkCovered(word, amount);
        unchecked {
            _supply = word + (amount << OUTSTANDING_SHIFT);
        }
    }

    /// @dev Coins for `amount` have ceased to be, and their tokens go to `recipient`. Nothing is written after the call;
    /// callers are guarded against coming back, because a count in the middle of a transfer would count too much.
    function _payOut(address recipient, uint256 amount) internal virtual {
        uint256 word = _supply;
        // A reserve that a token has shrunk pays as long as it lasts.
        if (amount > uint96(word)) revert ReserveInsufficient(uint96(word), amount);
        unchecked {
            _supply = word - amount - (amount << OUTSTANDING_SHIFT);
        }
        token.safeTransfer(recipient, amount);
    }

    function _checkCovered(uint256 word, uint256 amount) internal pure virtual {
        (uint256 reserve, uint256 outstanding) = (uint96(word), uint96(word >> OUTSTANDING_SHIFT));
        uint256 free = reserve > outstanding ? reserve - outstanding : 0;
        if (amount > free) revert ReserveInsufficient(free, amount);
    }
}
