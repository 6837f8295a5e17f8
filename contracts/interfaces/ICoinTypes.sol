// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { CoinHead } from "../libraries/CoinWord.sol";

/// @title What every part of the register of coins speaks of.
interface ICoinTypes {
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
    /// @notice `row`: first coin 5 bytes, 3 of zero, how many 1, new owner 20. All were moved, their hops are zero.
    event PassedAdjacent(CoinHead row);
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
}
