// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { AccessControlDefaultAdminRules } from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ICoinRegister } from "../interfaces/ICoinRegister.sol";
import { CoinStore } from "./CoinStore.sol";

/// @title CoinReserve
/// @notice The tokens that coins stand for, and who may do what.
/// @dev The store comes first, so that its storage lies where the code of the pages finds it.
abstract contract CoinReserve is CoinStore, AccessControlDefaultAdminRules, ICoinRegister {
    using SafeERC20 for IERC20;

    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    struct Roles {
        address admin;
        address issuer;
        address freezer;
        address pauser;
    }

    constructor(Roles memory roles) AccessControlDefaultAdminRules(1 days, roles.admin) {
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
}
