// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { ERC20TransferAuthorization } from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import { EIP712 } from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title OddToken
/// @notice A token with whatever habit a test asks for. Anyone may mint and burn, which is also how it rebases.
contract OddToken is ERC20TransferAuthorization {
    enum Answer {
        True,
        Nothing,
        False,
        Revert,
        BurnGas,
        Bomb
    }

    error Denied(address account);

    uint8 private immutable _decimals;
    uint256 public feeBasisPoints;
    Answer public answer;
    mapping(address account => bool denied) public isDenied;
    address public hookTarget;
    bytes public hookData;
    bool public hookSucceeded;
    bytes public hookAnswer;

    constructor(uint8 decimals_) ERC20("Odd Token", "ODD") EIP712("Odd Token", "1") {
        _decimals = decimals_;
    }

    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function burn(address account, uint256 amount) external {
        _burn(account, amount);
    }

    function setFee(uint256 feeBasisPoints_) external {
        feeBasisPoints = feeBasisPoints_;
    }

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    function setDenied(address account, bool denied) external {
        isDenied[account] = denied;
    }

    /// @notice On every movement the token makes this call, and keeps what came of it.
    function setHook(address target, bytes calldata data) external {
        hookTarget = target;
        hookData = data;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function transfer(address recipient, uint256 amount) public override returns (bool) {
        if (answer == Answer.False) return false;
        if (answer == Answer.Revert) revert Denied(recipient);
        if (answer == Answer.BurnGas) while (true) {}
        if (answer == Answer.Bomb) {
            assembly {
                revert(0, 100000)
            }
        }
        super.transfer(recipient, amount);
        if (answer == Answer.Nothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isDenied[from]) revert Denied(from);
        if (isDenied[to]) revert Denied(to);
        super._update(from, to, amount);
        if (feeBasisPoints != 0 && from != address(0) && to != address(0)) {
            super._update(to, address(0xFEE), (amount * feeBasisPoints) / 10_000);
        }
        if (hookTarget == address(0)) return;
        (hookSucceeded, hookAnswer) = hookTarget.call(hookData);
    }
}
