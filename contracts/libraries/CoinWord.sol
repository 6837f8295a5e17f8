// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev All that is kept of a coin, in one word, from the top: sequence 24 | frozen 1 | state 3 | hops 8 | amount 60 |
/// owner 160. A word is written over and used again, never zeroed: a first use of a slot costs 17,100 gas more.
type CoinWord is uint256;

/// @dev What an operation says of one coin, from the top: 24 unused | coin 40 | sequence 24 | hops 8 | owner to come 160.
type CoinHead is bytes32;

using CoinWords for CoinWord global;
using CoinHeads for CoinHead global;

/// @title Packs and unpacks the word of a coin. Callers hold every part within its bits.
library CoinWords {
    uint256 internal constant FREE = 0;
    uint256 internal constant ACTIVE = 1;
    uint256 internal constant LOCKED = 2;
    uint256 internal constant FROZEN_BIT = 1 << 231;
    uint256 internal constant LAST_SEQUENCE = type(uint24).max;
    uint256 internal constant LARGEST_AMOUNT = (1 << 60) - 1;

    function pack(
        uint256 sequence_,
        uint256 state_,
        uint256 hops_,
        uint256 amount_,
        address owner_
    ) internal pure returns (CoinWord) {
        return
            CoinWord.wrap(
                (sequence_ << 232) | (state_ << 228) | (hops_ << 220) | (amount_ << 160) | uint256(uint160(owner_))
            );
    }

    function sequence(CoinWord word) internal pure returns (uint256) {
        return CoinWord.unwrap(word) >> 232;
    }

    function state(CoinWord word) internal pure returns (uint256) {
        return (CoinWord.unwrap(word) >> 228) & 7;
    }

    function isFrozen(CoinWord word) internal pure returns (bool) {
        return CoinWord.unwrap(word) & FROZEN_BIT != 0;
    }

    function hops(CoinWord word) internal pure returns (uint256) {
        return (CoinWord.unwrap(word) >> 220) & 0xff;
    }

    function amount(CoinWord word) internal pure returns (uint256) {
        return (CoinWord.unwrap(word) >> 160) & LARGEST_AMOUNT;
    }

    function owner(CoinWord word) internal pure returns (address) {
        return address(uint160(CoinWord.unwrap(word)));
    }

    /// @dev Sequence, freeze and state compared at once.
    function isAt(CoinWord word, uint256 sequence_, uint256 state_) internal pure returns (bool) {
        return CoinWord.unwrap(word) >> 228 == (sequence_ << 4) | state_;
    }

    /// @dev The same coin with another owner, one number further.
    function handedTo(CoinWord word, address owner_, uint256 hops_) internal pure returns (CoinWord) {
        unchecked {
            return pack(word.sequence() + 1, ACTIVE, hops_, word.amount(), owner_);
        }
    }
}

/// @title Unpacks the head of an operation.
library CoinHeads {
    function coin(CoinHead head) internal pure returns (uint256) {
        return (uint256(CoinHead.unwrap(head)) >> 192) & 0xffffffffff;
    }

    function sequence(CoinHead head) internal pure returns (uint256) {
        return (uint256(CoinHead.unwrap(head)) >> 168) & 0xffffff;
    }

    function hops(CoinHead head) internal pure returns (uint256) {
        return (uint256(CoinHead.unwrap(head)) >> 160) & 0xff;
    }

    function owner(CoinHead head) internal pure returns (address) {
        return address(uint160(uint256(CoinHead.unwrap(head))));
    }
}
