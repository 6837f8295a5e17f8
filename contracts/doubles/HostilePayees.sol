// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title GasBurner
/// @notice Uses up whatever gas it is given.
contract GasBurner {
    receive() external payable {
        while (true) {}
    }
}

/// @title ReturnBomb
/// @notice Answers with 100,000 bytes, which are dear for a caller who copies them.
contract ReturnBomb {
    receive() external payable {
        assembly {
            revert(0, 100000)
        }
    }
}

/// @title Refuser
/// @notice Takes no coins until it is told to, and can be made to call anything.
contract Refuser {
    bool public takes;

    function setTakes(bool takes_) external {
        takes = takes_;
    }

    function act(address target, bytes calldata data) external returns (bytes memory answer) {
        bool done;
        (done, answer) = target.call(data);
        if (!done) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    receive() external payable {
        require(takes, "refused");
    }
}

/// @title Reentrant
/// @notice When it is paid or asked for a signature it makes a call of its own, and keeps what came of it.
contract Reentrant {
    address public target;
    bytes public data;
    bool public wasCalled;
    bool public succeeded;
    bytes public answer;

    function prepare(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function act(address callee, uint256 value, bytes calldata call) external payable {
        (bool done, bytes memory why) = callee.call{ value: value }(call);
        if (!done) {
            assembly {
                revert(add(why, 32), mload(why))
            }
        }
    }

    receive() external payable {
        if (target == address(0)) return;
        wasCalled = true;
        (succeeded, answer) = target.call(data);
    }

    /// @dev Says yes to everything, but only if its own call went through.
    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool done, ) = target.call(data);
        return done ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}
