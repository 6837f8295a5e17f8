// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev All that is kept of a payment, in one word: 120 bits capturable, 120 bits refundable, 16 bits next sequence.
type PaymentWord is uint256;

using PaymentWords for PaymentWord global;

/// @title Packs and unpacks the word of a payment. Callers hold every part within its bits.
library PaymentWords {
    uint256 private constant AMOUNT_MASK = type(uint120).max;
    uint256 internal constant LAST_SEQUENCE = type(uint16).max;

    function pack(uint256 capturable_, uint256 refundable_, uint256 sequence) internal pure returns (PaymentWord) {
        return PaymentWord.wrap(capturable_ | (refundable_ << 120) | (sequence << 240));
    }

    function capturable(PaymentWord word) internal pure returns (uint256) {
        return PaymentWord.unwrap(word) & AMOUNT_MASK;
    }

    function refundable(PaymentWord word) internal pure returns (uint256) {
        return (PaymentWord.unwrap(word) >> 120) & AMOUNT_MASK;
    }

    /// @dev Zero until the payment is authorized.
    function nextSequence(PaymentWord word) internal pure returns (uint256) {
        return PaymentWord.unwrap(word) >> 240;
    }

    /// @dev Nothing is held any more. The last number stays the last, so that money can always go home.
    function emptied(PaymentWord word) internal pure returns (PaymentWord) {
        uint256 sequence = word.nextSequence();
        unchecked {
            return pack(0, word.refundable(), sequence == LAST_SEQUENCE ? sequence : sequence + 1);
        }
    }
}
