// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { CoinHead } from "../libraries/CoinWord.sol";
import { ICoinTypes } from "./ICoinTypes.sol";

/// @title Verbs of coins that share a slot, 256 to a page; the register answers them at its own address.
/// @notice The coin at `leaf` of `page` has the identifier 2^40 + 256 × page + leaf. A page is kept as one root: keccak256
/// over sixteen groups, each keccak256 over sixteen words, which are those of coins in slots; a page that was never used
/// has 256 zeros. Owners sign what they sign for a coin in a slot, with this identifier, and no root: whatever happens to
/// its neighbours, what the owner of a coin has signed stays good. Whoever brings it proves how the page stands, from its
/// events.
///
/// `items` go through a page once, from its first leaf to its last. Each begins with a byte that says what it is. 0x00:
/// operations in their short form on leaves that follow each other, after one byte with their number less one. 0x01,
/// 0x02: one operation, told whole. 0x10: a word that stays, 32 bytes; 0x11: a group that stays. `outcomes` have one byte
/// for each operation, or none at all when all were executed. Where a page stands otherwise than its items say, every
/// operation is `ProofStale`; where it stands as they would leave it, those that would be executed are `AlreadyDone`.
///
/// `proofs` have 992 bytes for each coin that is in a page, in the order of the call: its word, its fifteen brothers in
/// the group, and the group's fifteen in the page. The proof of a second coin of the same page shows it after the first
/// one's change.
interface ICoinPages is ICoinTypes {
    /// @notice `leaves` has leaf 1, amount 8, owner 20 of each coin that came to be, one number further.
    event PageIssued(uint256 page, bytes leaves);
    /// @notice `changes` has, of leaves that follow each other, the first 1, how many less one 1, and of each hops 1, new
    /// owner 20; only what was executed is there, each one number further.
    event PageSwitched(uint256 page, bytes changes, bytes outcomes);
    /// @notice `leaves` has one byte for each coin that was moved, one number further, its hops at zero.
    event PageMoved(uint256 page, address newOwner, bytes leaves, bytes outcomes);
    /// @notice As the events of slots, with identifiers of 41 bits.
    event SplitInPages(CoinHead rest, CoinHead part, uint256 partAmount);
    event MergedInPages(CoinHead head, CoinHead other);
    event RedeemedFromPage(CoinHead head, uint256 amount);

    /// @notice Items do not go through the page once, in order, to their end; or proofs are not as many as coins in pages.
    error PageMalformed(uint256 page);

    /// @notice New coins in free leaves, covered by the reserve. All or none, but for those that are done already. Issuer
    /// only. 0x00: amount 8, owner 20, into leaves never used. 0x01: word 32, sequence 3, amount 8, owner 20.
    function issuePage(uint256 page, bytes calldata items) external;

    /// @notice Owners hand their coins to new keys. Signed, each: Switch(coin, sequence, newOwner, hops).
    /// 0x00: the first 12 bytes of the word, hops 1, new owner 20, r 32, s with parity 32. The owner is whoever signed, so
    /// a wrong signature shows as a stale page. 0x01: word 32, sequence 3, hops 1, new owner 20, r, s with parity: what is
    /// wrong with it is named. 0x02: the same with r, s, x, y of P-256.
    function switchPage(uint256 page, bytes calldata items) external returns (bytes memory outcomes);

    /// @notice One owner hands many coins of a page to one new key by one signature. Signed: MoveInPage(page, newOwner,
    /// moves), where moves have leaf 1, sequence 3 of all that are asked for. 0x00: the first 12 bytes of the word, whose
    /// sequence is the one that is signed. 0x01: word 32, sequence 3: what is wrong with it is named.
    function movePage(
        uint256 page,
        address owner,
        address newOwner,
        bytes calldata signature,
        bytes calldata items
    ) external returns (bytes memory outcomes);

    /// @notice As `split`, of coins in slots or pages.
    function splitInPages(
        CoinHead rest,
        CoinHead part,
        uint256 partAmount,
        bytes calldata signature,
        bytes calldata proofs
    ) external;

    /// @notice As `combine`, of coins in slots or pages.
    function combineInPages(CoinHead head, CoinHead other, bytes calldata signature, bytes calldata proofs) external;

    /// @notice As `redeem`.
    function redeemFromPage(CoinHead head, bytes calldata signature, bytes calldata proof) external;

    /// @notice As `setFrozen`.
    function setFrozenInPage(uint256 coin, bool frozen, bytes calldata proof) external;

    /// @notice The coin that the proof shows, if its page stands so.
    function coinInPage(uint256 coin, bytes calldata proof) external view returns (Coin memory);

    function rootOf(uint256 page) external view returns (bytes32);
}
