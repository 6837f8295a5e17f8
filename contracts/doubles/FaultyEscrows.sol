// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { PaymentEscrow } from "../PaymentEscrow.sol";
import { PaymentWord } from "../libraries/PaymentWord.sol";

/// @title ForgetfulEscrow
/// @notice Planted bug: it does not ask whether a movement has been done, like escrows without a sequence.
contract ForgetfulEscrow is PaymentEscrow {
    constructor(address admin, address operator, address pauser) PaymentEscrow(admin, operator, pauser) {}

    function _next(
        bytes32 paymentIdentifier,
        uint256 sequence
    ) internal view override returns (PaymentWord word, bool done) {
        (word, done) = super._next(paymentIdentifier, sequence);
        done = false;
    }
}

/// @title TrustingEscrow
/// @notice Planted bug: it believes a token without comparing its balance.
contract TrustingEscrow is PaymentEscrow {
    constructor(address admin, address operator, address pauser) PaymentEscrow(admin, operator, pauser) {}

    function _checkReceived(address, uint256, uint256) internal view override {}
}

/// @title HoardingEscrow
/// @notice Planted bug: a void or reclaim pays, and leaves what was held as it was.
contract HoardingEscrow is PaymentEscrow {
    constructor(address admin, address operator, address pauser) PaymentEscrow(admin, operator, pauser) {}

    function _empty(bytes32 paymentIdentifier, PaymentWord word) internal override {
        _write(paymentIdentifier, word.capturable(), word.refundable(), word.nextSequence());
    }
}

/// @title GenerousEscrow
/// @notice Planted bug: it keeps twice as much refundable as was captured.
contract GenerousEscrow is PaymentEscrow {
    constructor(address admin, address operator, address pauser) PaymentEscrow(admin, operator, pauser) {}

    function _write(
        bytes32 paymentIdentifier,
        uint256 capturable,
        uint256 refundable,
        uint256 sequence
    ) internal override {
        super._write(paymentIdentifier, capturable, refundable * 2, sequence);
    }
}

/// @title TrappingEscrow
/// @notice Planted bug: while it is paused nobody gets their money back.
contract TrappingEscrow is PaymentEscrow {
    constructor(address admin, address operator, address pauser) PaymentEscrow(admin, operator, pauser) {}

    function _empty(bytes32 paymentIdentifier, PaymentWord word) internal override {
        if (paused) revert Paused();
        super._empty(paymentIdentifier, word);
    }
}
