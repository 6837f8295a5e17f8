// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { CoinHead } from "../libraries/CoinWord.sol";

/// @title Keeps who owns which electronic coin, and the tokens that every coin stands for.
/// @notice An owner is a reference of 20 bytes: the address of a secp256k1 key, or the last 20 bytes of keccak256 over
/// 0x04, x and y of a P-256 key. Owners sign EIP-712 structures in the domain «Specie CoinRegister», version 1; anyone
/// may bring what they signed. A signature of 64 bytes is r and s with the parity in its highest bit (EIP-2098), one of
/// 128 bytes is r, s, x, y of P-256. In both, s is in the lower half.
interface ICoinRegister {
    /// @notice What became of one operation. Every one but the first two has changed nothing.
    enum Outcome {
        /// It was done now.
        Executed,
        /// It had been done before; the state is the one that it asks for.
        AlreadyDone,
        /// There is no such coin, or it is locked where an unlocked one is meant, or the other way round.
        NotInState,
        Frozen,
        /// The coin has moved on since this was signed.
        SequenceStale,
        /// An earlier operation on this coin is missing.
        SequenceAhead,
        /// The coin has used up its numbers; it can still be redeemed.
        SequenceExhausted,
        OwnerZero,
        HopsAboveLimit,
        SignatureMalformed,
        SignatureHighS,
        /// Whoever signed this, on this chain and for this contract, is not the owner.
        NotOwner,
        AmountZero,
        AmountAboveCoin,
        AmountAboveMaximum,
        /// The same coin stands in two places of one operation.
        DuplicateCoin,
        /// The slot that a coin shall go to is taken.
        SlotTaken,
        TooEarly,
        TooLate,
        /// The page is another than the proof says.
        ProofStale
    }

    enum State {
        Free,
        Active,
        Locked
    }

    struct Coin {
        State state;
        bool isFrozen;
        uint24 sequence;
        /// As reported by the last switch, for audit.
        uint8 hops;
        uint64 amount;
        address owner;
    }

    /// @notice Token units that the register holds and that coins stand for.
    struct Supply {
        uint96 reserve;
        uint96 outstanding;
        bool paused;
    }

    /// @notice `head`: coin 5 bytes, sequence before the switch 3, hops 1, new owner 20.
    event Switched(CoinHead head);
    /// @notice `heads` has 29 bytes of each switch that was executed, in order. `outcomes` is empty when all were;
    /// otherwise it has one byte, an `Outcome`, for each that was asked for.
    event SwitchedBatch(bytes heads, bytes outcomes);
    /// @notice `moves` has coin 5 bytes and sequence before the move 3 of all that were asked for; `outcomes` follows as
    /// in a batch, in an event of its own.
    event Moved(address newOwner, bytes moves);
    event MovesRefused(bytes outcomes);
    event HopsWarning(uint256 coin, uint256 hops);
    event Issued(CoinHead head, uint256 amount);
    event Split(CoinHead rest, CoinHead part, uint256 partAmount);
    event Merged(CoinHead head, CoinHead other);
    event Redeemed(CoinHead head, uint256 amount);
    event Locked(CoinHead head, uint256 deadline);
    event Claimed(CoinHead head);
    event Reclaimed(CoinHead head);
    event FreezeChanged(uint256 coin, bool frozen);
    event ReserveCounted(uint256 reserve);
    event SurplusWithdrawn(address recipient, uint256 amount);
    event PauseChanged(bool paused);

    /// @notice A single operation that cannot be done; nothing has changed.
    error Refused(uint256 coin, Outcome outcome);
    error RecordsMalformed(uint256 length);
    error LimitsMalformed(uint256 maximumAmount, uint256 warnHops, uint256 blockHops);
    error Paused();
    /// @notice Coins would stand for more than the register holds.
    error ReserveInsufficient(uint256 free, uint256 requested);

    /// @notice The owner hands the coin to a new key. Signed: Switch(coin, sequence, newOwner, hops).
    function switchCoin(CoinHead head, bytes32 r, bytes32 yParityAndS) external;

    /// @notice The same by a P-256 key.
    function switchCoinByP256(CoinHead head, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external;

    /// @notice Records of 93 bytes: 29 of head, r, s with parity. One that cannot be done is skipped.
    function switchBatch(bytes calldata records) external returns (bytes memory outcomes);

    /// @notice Records of 157 bytes: 29 of head, r, s, x, y.
    function switchBatchByP256(bytes calldata records) external returns (bytes memory outcomes);

    /// @notice One owner hands many coins to one new key by one signature. Moves of 8 bytes: coin 5, sequence 3.
    /// Signed: Move(newOwner, moves). A coin that cannot be moved is skipped.
    function moveCoins(
        address newOwner,
        bytes32 r,
        bytes32 yParityAndS,
        bytes calldata moves
    ) external returns (bytes memory outcomes);

    function moveCoinsByP256(
        address newOwner,
        bytes32 r,
        bytes32 s,
        bytes32 x,
        bytes32 y,
        bytes calldata moves
    ) external returns (bytes memory outcomes);

    /// @notice A new coin in a free slot, covered by what the reserve has above all coins. Issuer only.
    function issueTo(CoinHead head, uint256 amount) external;

    /// @notice Records of 37 bytes: 29 of head, amount 8. All or none, but for those that are done already.
    function issueBatch(bytes calldata records) external;

    /// @notice Takes `partAmount` out of a coin into a free slot. Signed: Split(coin, sequence, owner, part,
    /// partSequence, partAmount, partOwner).
    function split(CoinHead rest, CoinHead part, uint256 partAmount, bytes calldata signature) external;

    /// @notice Two coins of one owner become one; the slot of the other is free. The higher hop count stays. Signed:
    /// Merge(coin, sequence, other, otherSequence, newOwner).
    function combine(CoinHead head, CoinHead other, bytes calldata signature) external;

    /// @notice Pays the coin's tokens to the address in `head`: any, the intermediary wallet's among them. Signed:
    /// Redeem(coin, sequence, recipient).
    function redeem(CoinHead head, bytes calldata signature) external;

    /// @notice The payee in `head` can claim before `deadline` (the second itself is late), the owner from then on
    /// reclaim. Signed: Lock(coin, sequence, payee, deadline).
    function lock(CoinHead head, uint256 deadline, bytes calldata signature) external;

    /// @notice Signed by the payee: Claim(coin, sequence, newOwner).
    function claim(CoinHead head, bytes calldata signature) external;

    /// @notice Signed by the owner: Reclaim(coin, sequence, newOwner).
    function reclaim(CoinHead head, bytes calldata signature) external;

    /// @notice A frozen coin stays where it is. Freezer only.
    function setFrozen(uint256 coin, bool frozen) external;

    /// @notice Counts the tokens that are here into the reserve; anyone may ask. Tokens are sent beforehand.
    function countReserve() external;

    /// @notice What the reserve has above all coins goes back. Admin only.
    function withdrawSurplus(address recipient, uint256 amount) external;

    function coins(uint256 coin) external view returns (Coin memory);

    function lockOf(uint256 coin) external view returns (address payee, uint256 deadline);

    function supply() external view returns (Supply memory);
}
