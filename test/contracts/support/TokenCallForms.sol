// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IReceiveWithAuthorization } from "../../../contracts/interfaces/IReceiveWithAuthorization.sol";
import { TokenCalls } from "../../../contracts/libraries/TokenCalls.sol";

/// @title A token that keeps the bytes of each call, and a caller in one form or the other.
abstract contract TokenCallForm {
    error Failed(bytes32 why);

    bool public fails;
    bytes32 public balanceCall;
    bytes32 public partsCall;
    bytes32 public bytesCall;

    function setFails(bool fails_) external {
        fails = fails_;
    }

    /// @dev As the token: the caller's own address is the only thing that differs between two forms, and is cut out.
    fallback() external {
        bytes32 kept = keccak256(abi.encodePacked(msg.data[:36], msg.data[68:]));
        if (fails) revert Failed(kept);
        if (msg.data.length == 292) partsCall = kept;
        else bytesCall = kept;
    }

    function balanceOf(address account) external view returns (uint256) {
        require(account == address(this) && msg.data.length == 36, "balanceOf is asked for the caller");
        return 12345;
    }

    function run(
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes calldata signature
    ) external returns (bool done, bytes memory answer) {
        balanceCall = bytes32(balance());
        (done, answer) = address(this).call(abi.encodeCall(this.callWithParts, (amount, validBefore, nonce, v, r)));
        if (!done) return (done, answer);
        return address(this).call(abi.encodeCall(this.callWithBytes, (amount, validBefore, nonce, signature)));
    }

    function balance() internal view virtual returns (uint256);

    function callWithParts(uint256 amount, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r) external virtual;

    function callWithBytes(
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external virtual;
}

/// @title The plain form: the oracle.
contract PlainTokenCalls is TokenCallForm {
    function balance() internal view override returns (uint256) {
        return IERC20(address(this)).balanceOf(address(this));
    }

    function callWithParts(uint256 amount, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r) external override {
        IReceiveWithAuthorization(address(this)).receiveWithAuthorization(
            address(0xA1),
            address(this),
            amount,
            0,
            validBefore,
            nonce,
            v,
            r,
            nonce
        );
    }

    function callWithBytes(
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external override {
        IReceiveWithAuthorization(address(this)).receiveWithAuthorization(
            address(0xA1),
            address(this),
            amount,
            0,
            validBefore,
            nonce,
            signature
        );
    }
}

/// @title The form written by hand, as the escrow uses it.
contract WrittenTokenCalls is TokenCallForm {
    using TokenCalls for IERC20;
    using TokenCalls for IReceiveWithAuthorization;

    function balance() internal view override returns (uint256) {
        return IERC20(address(this)).balance();
    }

    function callWithParts(uint256 amount, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r) external override {
        IReceiveWithAuthorization(address(this)).receiveWithAuthorization(
            address(0xA1),
            amount,
            validBefore,
            nonce,
            v,
            r,
            nonce
        );
    }

    function callWithBytes(
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external override {
        IReceiveWithAuthorization(address(this)).receiveWithAuthorization(
            address(0xA1),
            amount,
            validBefore,
            nonce,
            signature
        );
    }
}
