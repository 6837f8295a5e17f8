// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IntermediaryWallet } from "../IntermediaryWallet.sol";

/// @title SpendthriftWallet
/// @notice Planted bug: it does not count what it pays.
contract SpendthriftWallet is IntermediaryWallet {
    constructor(
        address admin,
        address operator,
        address treasurer,
        address pauser
    ) IntermediaryWallet(admin, operator, treasurer, pauser) {}

    function _spend(address token, uint256 amount) internal view override {
        if (amount > capsOf[token].perCall) revert CapExceeded(token, capsOf[token].perCall, amount);
    }
}

/// @title CarelessWallet
/// @notice Planted bug: it owes credits that it keeps nothing back for.
contract CarelessWallet is IntermediaryWallet {
    constructor(
        address admin,
        address operator,
        address treasurer,
        address pauser
    ) IntermediaryWallet(admin, operator, treasurer, pauser) {}

    function _credit(
        bytes32 identifier,
        uint256 index,
        address token,
        address payee,
        uint256 amount
    ) internal override {
        super._credit(identifier, index, token, payee, amount);
        totalCredits[token] -= amount;
    }
}

/// @title DoublingWallet
/// @notice Planted bug: what a payee would not take it owes twice.
contract DoublingWallet is IntermediaryWallet {
    constructor(
        address admin,
        address operator,
        address treasurer,
        address pauser
    ) IntermediaryWallet(admin, operator, treasurer, pauser) {}

    function _credit(
        bytes32 identifier,
        uint256 index,
        address token,
        address payee,
        uint256 amount
    ) internal override {
        super._credit(identifier, index, token, payee, amount);
        super._credit(identifier, index, token, payee, amount);
    }
}
