// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { CoinRegister } from "../CoinRegister.sol";
import { CoinPages } from "../coins/CoinPages.sol";
import { P256Fallback } from "../coins/P256Fallback.sol";
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

    function _freed(CoinWord word, address) internal pure override returns (CoinWord) {
        return word;
    }
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

contract UnbackedPages is CoinPages {
    constructor(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) CoinPages(token, limits, p256Fallback_) {}

    function _checkCovered(uint256, uint256) internal pure override {}
}

/// @title UnbackedPagesRegister
/// @notice Planted bug: it issues pages without asking whether the reserve covers them.
contract UnbackedPagesRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _openPages(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) internal override returns (CoinPages) {
        return new UnbackedPages(token, limits, p256Fallback_);
    }
}

contract HoardingPages is CoinPages {
    constructor(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) CoinPages(token, limits, p256Fallback_) {}

    function _freed(CoinWord word, address) internal pure override returns (CoinWord) {
        return word;
    }
}

/// @title HoardingPagesRegister
/// @notice Planted bug: it pays a coin of a page out, or takes it into another, and leaves it as it was.
contract HoardingPagesRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _openPages(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) internal override returns (CoinPages) {
        return new HoardingPages(token, limits, p256Fallback_);
    }
}

contract ThawingPages is CoinPages {
    constructor(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) CoinPages(token, limits, p256Fallback_) {}

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

/// @title ThawingPagesRegister
/// @notice Planted bug: it does not ask whether a coin of a page is frozen.
contract ThawingPagesRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _openPages(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) internal override returns (CoinPages) {
        return new ThawingPages(token, limits, p256Fallback_);
    }
}

contract FlatteringPages is CoinPages {
    constructor(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) CoinPages(token, limits, p256Fallback_) {}

    function _noted(bytes memory outcomes, uint256, uint256, Outcome) internal pure override returns (bytes memory) {
        return outcomes;
    }
}

/// @title FlatteringPagesRegister
/// @notice Planted bug: it says of what it skipped in a page that it was done.
contract FlatteringPagesRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _openPages(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) internal override returns (CoinPages) {
        return new FlatteringPages(token, limits, p256Fallback_);
    }
}

contract CredulousPages is CoinPages {
    constructor(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) CoinPages(token, limits, p256Fallback_) {}

    function _isRoot(bytes32, bytes32) internal pure override returns (bool) {
        return true;
    }
}

/// @title CredulousPagesRegister
/// @notice Planted bug: it takes every page for what it is said to be.
contract CredulousPagesRegister is CoinRegister {
    constructor(IERC20 token, Roles memory roles, Limits memory limits) CoinRegister(token, roles, limits) {}

    function _openPages(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) internal override returns (CoinPages) {
        return new CredulousPages(token, limits, p256Fallback_);
    }
}
