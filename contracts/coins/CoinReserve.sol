// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { ICoinRegister } from "../interfaces/ICoinRegister.sol";
import { CoinWords } from "../libraries/CoinWord.sol";

/// @title CoinReserve
/// @notice The tokens that coins stand for, who may do what, and the limits of every coin.
abstract contract CoinReserve is ICoinRegister, AccessControlDefaultAdminRules, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 public constant ISSUER_ROLE = keccak256("ISSUER_ROLE");
    bytes32 public constant FREEZER_ROLE = keccak256("FREEZER_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    IERC20 public immutable token;
    /// @dev Limits are code, not storage: a switch reads them for nothing, and nobody changes them under a coin's owner.
    uint256 public immutable maximumAmount;
    uint256 public immutable warnHops;
    uint256 public immutable blockHops;

    /// @dev In one word, from the bottom: reserve 96, outstanding 96, paused 1.
    uint256 private _supply;
    uint256 private constant OUTSTANDING_SHIFT = 96;
    uint256 private constant PAUSED_BIT = 1 << 192;

    struct Roles {
        address admin;
        address issuer;
        address freezer;
        address pauser;
    }

    struct Limits {
        uint256 maximumAmount;
        uint256 warnHops;
        uint256 blockHops;
    }

    constructor(
        IERC20 token_,
        Roles memory roles,
        Limits memory limits
    ) AccessControlDefaultAdminRules(1 days, roles.admin) {
        bool isMalformed =
            limits.maximumAmount == 0 ||
                limits.maximumAmount > CoinWords.LARGEST_AMOUNT ||
                limits.warnHops == 0 ||
                limits.warnHops > limits.blockHops ||
                limits.blockHops > type(uint8).max;
        if (isMalformed) revert LimitsMalformed(limits.maximumAmount, limits.warnHops, limits.blockHops);
        token = token_;
        maximumAmount = limits.maximumAmount;
        warnHops = limits.warnHops;
        blockHops = limits.blockHops;
        _grantRole(ISSUER_ROLE, roles.issuer);
        _grantRole(FREEZER_ROLE, roles.freezer);
        _grantRole(PAUSER_ROLE, roles.pauser);
    }

    /// @notice Stops issue. Coins that are out go on: they are switched, split, merged, claimed and redeemed.
    function setPaused(bool paused_) external onlyRole(PAUSER_ROLE) {
        uint256 word = _supply & ~PAUSED_BIT;
        _supply = paused_ ? word | PAUSED_BIT : word;
        emit PauseChanged(paused_);
    }

    /// @inheritdoc ICoinRegister
    function countReserve() external override nonReentrant {
        uint256 balance = token.balanceOf(address(this));
        uint256 reserve = balance > type(uint96).max ? type(uint96).max : balance;
        _supply = (_supply & ~uint256(type(uint96).max)) | reserve;
        emit ReserveCounted(reserve);
    }

    /// @inheritdoc ICoinRegister
    function withdrawSurplus(
        address recipient,
        uint256 amount
    ) external override onlyRole(DEFAULT_ADMIN_ROLE) nonReentrant {
        uint256 word = _supply;
        _checkCovered(word, amount);
        unchecked {
            _supply = word - amount;
        }
        emit SurplusWithdrawn(recipient, amount);
        token.safeTransfer(recipient, amount);
    }

    /// @inheritdoc ICoinRegister
    function supply() external view override returns (Supply memory) {
        uint256 word = _supply;
        return Supply(uint96(word), uint96(word >> OUTSTANDING_SHIFT), word & PAUSED_BIT != 0);
    }

    /// @dev Coins for `amount` come to be.
    function _addOutstanding(uint256 amount) internal virtual {
        uint256 word = _supply;
        if (word & PAUSED_BIT != 0) revert Paused();
        _checkCovered(word, amount);
        unchecked {
            _supply = word + (amount << OUTSTANDING_SHIFT);
        }
    }

    /// @dev Coins for `amount` have ceased to be, and their tokens go to `recipient`. Nothing is written after the call;
    /// callers are guarded against coming back, because a count in the middle of a transfer would count too much.
    function _payOut(address recipient, uint256 amount) internal virtual {
        uint256 word = _supply;
        // A reserve that a token has shrunk pays as long as it lasts.
        if (amount > uint96(word)) revert ReserveInsufficient(uint96(word), amount);
        unchecked {
            _supply = word - amount - (amount << OUTSTANDING_SHIFT);
        }
        token.safeTransfer(recipient, amount);
    }

    function _checkCovered(uint256 word, uint256 amount) internal pure virtual {
        (uint256 reserve, uint256 outstanding) = (uint96(word), uint96(word >> OUTSTANDING_SHIFT));
        uint256 free = reserve > outstanding ? reserve - outstanding : 0;
        if (amount > free) revert ReserveInsufficient(free, amount);
    }
}
