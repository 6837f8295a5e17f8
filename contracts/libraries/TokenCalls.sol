// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { IReceiveWithAuthorization } from "../interfaces/IReceiveWithAuthorization.sol";

/// @title The calls to a token that every authorization makes, written out.
/// @dev Encoded by hand they save about 630 gas with v, r, s and 800 with bytes in every authorize and charge, without
/// which `charge with fee (bytes signature)` stands at its limit in snapshots/gas.json. `PlainTokenCalls` among the test
/// supports is the same in plain Solidity, and the oracle.
library TokenCalls {
    error BalanceUnknown(address token);

    bytes4 private constant WITH_PARTS = bytes4(
        keccak256("receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)")
    );
    bytes4 private constant WITH_BYTES = bytes4(
        keccak256("receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)")
    );

    /// @dev What this contract holds. A token without code, or one that returns less than a word, reverts.
    function balance(IERC20 token) internal view returns (uint256 amount) {
        bytes4 selector = IERC20.balanceOf.selector;
        bool answered;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, address())
            answered := staticcall(gas(), token, 0x00, 0x24, 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            amount := mload(0x00)
        }
        if (!answered) revert BalanceUnknown(address(token));
    }

    /// @dev The token must have been asked for its balance before: that shows that it has code.
    function receiveWithAuthorization(
        IReceiveWithAuthorization token,
        address from,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) internal {
        bytes4 selector = WITH_PARTS;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), from)
            mstore(add(data, 0x24), address())
            mstore(add(data, 0x44), amount)
            mstore(add(data, 0x64), 0)
            mstore(add(data, 0x84), validBefore)
            mstore(add(data, 0xa4), nonce)
            mstore(add(data, 0xc4), v)
            mstore(add(data, 0xe4), r)
            mstore(add(data, 0x104), s)
            if iszero(call(gas(), token, 0, data, 0x124, 0, 0)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
        }
    }

    function receiveWithAuthorization(
        IReceiveWithAuthorization token,
        address from,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) internal {
        bytes4 selector = WITH_BYTES;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), from)
            mstore(add(data, 0x24), address())
            mstore(add(data, 0x44), amount)
            mstore(add(data, 0x64), 0)
            mstore(add(data, 0x84), validBefore)
            mstore(add(data, 0xa4), nonce)
            mstore(add(data, 0xc4), 0xe0)
            mstore(add(data, 0xe4), signature.length)
            // Zeros after the last byte first: encoders pad to a whole word.
            mstore(add(add(data, 0x104), signature.length), 0)
            calldatacopy(add(data, 0x104), signature.offset, signature.length)
            let size := add(0x104, and(add(signature.length, 0x1f), not(0x1f)))
            if iszero(call(gas(), token, 0, data, size, 0, 0)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
        }
    }
}
