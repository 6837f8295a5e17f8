// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { CoinRegister } from "../CoinRegister.sol";
import { CoinWord } from "../libraries/CoinWord.sol";

/// @title UnbackedRegister
/// @notice Planted bug: it issues without asking whether the reserve covers it.
contract UnbackedRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _checkCovered(uint256, uint256) internal pure override {}
}

/// @title HoardingRegister
/// @notice Planted bug: it pays a coin out, or takes it into another, and leaves it as it was.
contract HoardingRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _free(uint256, CoinWord, address) internal override {}
}

/// @title ThawingRegister
/// @notice Planted bug: single operations do not ask whether a coin is frozen.
contract ThawingRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _hindrance(
        CoinWord word,
        uint256 sequence,
        address newOwner,
        uint256 state
    ) internal pure override returns (Outcome outcome) {
        outcome = super._hindrance(word, sequence, newOwner, state);
        if (outcome == Outcome.Frozen) outcome = Outcome.Executed;
    }
}

/// @title FlatteringRegister
/// @notice Planted bug: it says of what it skipped that it was done.
contract FlatteringRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _noted(bytes memory outcomes, uint256, uint256, Outcome) internal pure override returns (bytes memory) {
        return outcomes;
    }
}
