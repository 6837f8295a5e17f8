// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { CoinHead } from "../libraries/CoinWord.sol";
import { ICoinTypes } from "./ICoinTypes.sol";

/// @title Keeps who owns which electronic coin, and the tokens that every coin stands for.
/// @notice An owner is a reference of 20 bytes: the address of a secp256k1 key, or the last 20 bytes of keccak256 over
/// 0x04, x and y of a P-256 key. Owners sign EIP-712 structures in the domain «Specie CoinRegister», version 1; anyone
/// may bring what they signed. A signature of 64 bytes is r and s with the parity in its highest bit (EIP-2098), one of
/// 128 bytes is r, s, x, y of P-256. In both, s is in the lower half.
interface ICoinRegister is ICoinTypes {
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

    /// @notice The same of coins whose slots lie in a row, all of them or none: `row` has the first coin 5 bytes, 3 unused,
    /// how many 1, new owner 20. Signed is what `moveCoins` asks for, with the sequences that the coins have; so where one
    /// of them has moved on meanwhile, that verb takes the others.
    function passAdjacent(CoinHead row, bytes32 r, bytes32 yParityAndS) external;

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

    function coins(uint256 coin) external view returns (Coin memory);

    function lockOf(uint256 coin) external view returns (address payee, uint256 deadline);

    /// @notice Counts the tokens that are here into the reserve; anyone may ask. Tokens are sent beforehand.
    function countReserve() external;

    /// @notice What the reserve has above all coins goes back. Admin only.
    function withdrawSurplus(address recipient, uint256 amount) external;

    /// @notice What is here and what coins stand for, those of slots and those of pages together.
    function supply() external view returns (Supply memory);
}
