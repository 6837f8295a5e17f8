// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { CoinPages } from "./coins/CoinPages.sol";
import { CoinReserve } from "./coins/CoinReserve.sol";
import { CoinSlots } from "./coins/CoinSlots.sol";
import { CoinStore } from "./coins/CoinStore.sol";
import { P256Fallback } from "./coins/P256Fallback.sol";
import { ICoinRegister } from "./interfaces/ICoinRegister.sol";
import { CoinHead, CoinHeads, CoinWord, CoinWords } from "./libraries/CoinWord.sol";

/// @title CoinRegister
/// @notice Keeps who owns which electronic coin; every coin stands for tokens that the register holds.
contract CoinRegister is CoinSlots {
    bytes32 private constant LOCK_TYPEHASH = keccak256(
        "Lock(uint256 coin,uint256 sequence,address payee,uint256 deadline)"
    );
    bytes32 private constant CLAIM_TYPEHASH = keccak256("Claim(uint256 coin,uint256 sequence,address newOwner)");
    bytes32 private constant RECLAIM_TYPEHASH = keccak256("Reclaim(uint256 coin,uint256 sequence,address newOwner)");
    uint256 private constant ISSUE_SIZE = 37;

    struct CoinLock {
        address payee;
        uint96 deadline;
    }

    mapping(uint256 coin => CoinLock coinLock) private _locks;

    /// @notice The code of the verbs of coins in pages, which has no room in this contract's own.
    CoinPages public immutable pages;

    constructor(
        IERC20 token,
        Roles memory roles,
        Limits memory limits
    ) CoinReserve(roles) CoinStore(token, limits, new P256Fallback()) {
        pages = _openPages(token, limits, p256Fallback);
    }

    /// @dev Whatever this contract has no verb for is done by the code of the pages, on this contract's storage.
    fallback() external {
        address code = address(pages);
        assembly ("memory-safe") {
            let data := mload(0x40)
            calldatacopy(data, 0, calldatasize())
            let isDone := delegatecall(gas(), code, data, calldatasize(), 0, 0)
            returndatacopy(data, 0, returndatasize())
            if iszero(isDone) {
                revert(data, returndatasize())
            }
            return(data, returndatasize())
        }
    }

    /// @inheritdoc ICoinRegister
    function issueTo(CoinHead head, uint256 amount) external override onlyRole(ISSUER_ROLE) {
        if (_issue(head, amount)) _addOutstanding(amount);
    }

    /// @inheritdoc ICoinRegister
    function issueBatch(bytes calldata records) external override onlyRole(ISSUER_ROLE) {
        uint256 count = _countRecords(records, ISSUE_SIZE);
        uint256 total;
        unchecked {
            for (uint256 index = 0; index < count; ++index) {
                CoinHead head;
                uint256 amount;
                assembly ("memory-safe") {
                    let record := add(records.offset, mul(index, 37))
                    head := shr(24, calldataload(record))
                    amount := shr(192, calldataload(add(record, 29)))
                }
                // No amount has more than 60 bits, so no sum that fits into a call overflows.
                if (_issue(head, amount)) total += amount;
            }
        }
        _addOutstanding(total);
    }

    /// @inheritdoc ICoinRegister
    function split(CoinHead rest, CoinHead part, uint256 partAmount, bytes calldata signature) external override {
        // check
        (uint256 coin, uint256 partCoin) = (rest.coin(), part.coin());
        (CoinWord word, CoinWord partWord) = (_load(coin), _load(partCoin));
        if (_isHandedOver(word, rest) && _isHandedOver(partWord, part) && partWord.amount() == partAmount) return;
        _check(coin, word, rest, CoinWords.ACTIVE);
        if (coin == partCoin) revert Refused(coin, Outcome.DuplicateCoin);
        if (partAmount == 0) revert Refused(coin, Outcome.AmountZero);
        if (partAmount >= word.amount()) revert Refused(coin, Outcome.AmountAboveCoin);
        if (partWord.state() != CoinWords.FREE) revert Refused(partCoin, Outcome.SlotTaken);
        _check(partCoin, partWord, part, CoinWords.FREE);
        _checkSigned(coin, word.owner(), _splitHash(coin, rest, partCoin, part, partAmount), signature);
        // write; no new coin is above the maximum, as the old one was not
        unchecked {
            uint256 restAmount = word.amount() - partAmount;
            uint256 sequence = rest.sequence() + 1;
            _store(coin, CoinWords.pack(sequence, CoinWords.ACTIVE, word.hops(), restAmount, rest.owner()));
            sequence = part.sequence() + 1;
            _store(partCoin, CoinWords.pack(sequence, CoinWords.ACTIVE, word.hops(), partAmount, part.owner()));
        }
        // emit
        emit Split(rest, part, partAmount);
    }

    /// @inheritdoc ICoinRegister
    function combine(CoinHead head, CoinHead other, bytes calldata signature) external override {
        // check
        (uint256 coin, uint256 otherCoin) = (head.coin(), other.coin());
        (CoinWord word, CoinWord otherWord) = (_load(coin), _load(otherCoin));
        if (coin == otherCoin) revert Refused(coin, Outcome.DuplicateCoin);
        if (_isHandedOver(word, head) && otherWord.isAt(other.sequence() + 1, CoinWords.FREE)) return;
        _check(coin, word, head, CoinWords.ACTIVE);
        // The head of the coin that goes names no owner.
        _checkPlace(otherCoin, otherWord, other, head.owner(), CoinWords.ACTIVE);
        if (otherWord.owner() != word.owner()) revert Refused(otherCoin, Outcome.NotOwner);
        uint256 amount;
        unchecked {
            // Neither has more than 60 bits.
            amount = word.amount() + otherWord.amount();
        }
        if (amount > maximumAmount) revert Refused(coin, Outcome.AmountAboveMaximum);
        _checkSigned(coin, word.owner(), _mergeHash(coin, head, otherCoin, other), signature);
        // write
        uint256 hops = word.hops() > otherWord.hops() ? word.hops() : otherWord.hops();
        unchecked {
            _store(coin, CoinWords.pack(head.sequence() + 1, CoinWords.ACTIVE, hops, amount, head.owner()));
            _free(otherCoin, otherWord, word.owner());
        }
        // emit
        emit Merged(head, other);
    }

    /// @inheritdoc ICoinRegister
    function redeem(CoinHead head, bytes calldata signature) external override nonReentrant {
        // check
        uint256 coin = head.coin();
        CoinWord word = _load(coin);
        address recipient = head.owner();
        if (word.isAt(head.sequence() + 1, CoinWords.FREE) && word.owner() == recipient) return;
        Outcome outcome = _hindrance(word, head.sequence(), recipient, CoinWords.ACTIVE);
        if (outcome != Outcome.Executed) revert Refused(coin, outcome);
        _checkSigned(coin, word.owner(), _headHash(REDEEM_TYPEHASH, coin, head), signature);
        // write
        uint256 amount = word.amount();
        _free(coin, word, recipient);
        // emit
        emit Redeemed(head, amount);
        // transfer
        _payOut(recipient, amount);
    }

    /// @inheritdoc ICoinRegister
    function lock(CoinHead head, uint256 deadline, bytes calldata signature) external override {
        uint256 coin = head.coin();
        CoinWord word = _load(coin);
        if (_isLockedAs(coin, word, head, deadline)) return;
        _check(coin, word, head, CoinWords.ACTIVE);
        if (deadline > type(uint48).max) revert Refused(coin, Outcome.TooEarly);
        if (deadline <= block.timestamp) revert Refused(coin, Outcome.TooLate);
        bytes32 hash = keccak256(abi.encode(LOCK_TYPEHASH, coin, head.sequence(), head.owner(), deadline));
        _checkSigned(coin, word.owner(), hash, signature);
        _store(coin, CoinWords.pack(head.sequence() + 1, CoinWords.LOCKED, word.hops(), word.amount(), word.owner()));
        _locks[coin] = CoinLock(head.owner(), uint96(deadline));
        emit Locked(head, deadline);
    }

    /// @inheritdoc ICoinRegister
    function claim(CoinHead head, bytes calldata signature) external override {
        uint256 coin = head.coin();
        CoinWord word = _load(coin);
        if (_isHandedOver(word, head)) return;
        _check(coin, word, head, CoinWords.LOCKED);
        CoinLock memory coinLock = _locks[coin];
        if (block.timestamp >= coinLock.deadline) revert Refused(coin, Outcome.TooLate);
        _checkSigned(coin, coinLock.payee, _headHash(CLAIM_TYPEHASH, coin, head), signature);
        _store(coin, word.handedTo(head.owner(), word.hops()));
        emit Claimed(head);
    }

    /// @inheritdoc ICoinRegister
    function reclaim(CoinHead head, bytes calldata signature) external override {
        uint256 coin = head.coin();
        CoinWord word = _load(coin);
        if (_isHandedOver(word, head)) return;
        _check(coin, word, head, CoinWords.LOCKED);
        if (block.timestamp < _locks[coin].deadline) revert Refused(coin, Outcome.TooEarly);
        _checkSigned(coin, word.owner(), _headHash(RECLAIM_TYPEHASH, coin, head), signature);
        _store(coin, word.handedTo(head.owner(), word.hops()));
        emit Reclaimed(head);
    }

    /// @inheritdoc ICoinRegister
    function setFrozen(uint256 coin, bool frozen) external override onlyRole(FREEZER_ROLE) {
        if (coin >> 40 != 0) revert Refused(coin, Outcome.NotInState);
        CoinWord word = _load(coin);
        if (word.state() == CoinWords.FREE) revert Refused(coin, Outcome.NotInState);
        uint256 thawed = CoinWord.unwrap(word) & ~CoinWords.FROZEN_BIT;
        _store(coin, CoinWord.wrap(frozen ? thawed | CoinWords.FROZEN_BIT : thawed));
        emit FreezeChanged(coin, frozen);
    }

    /// @inheritdoc ICoinRegister
    function lockOf(uint256 coin) external view override returns (address payee, uint256 deadline) {
        CoinLock memory coinLock = _locks[coin];
        return (coinLock.payee, coinLock.deadline);
    }

    function _openPages(
        IERC20 token,
        Limits memory limits,
        P256Fallback p256Fallback_
    ) internal virtual returns (CoinPages) {
        return new CoinPages(token, limits, p256Fallback_);
    }

    function _issue(CoinHead head, uint256 amount) private returns (bool isNew) {
        // check
        uint256 coin = head.coin();
        CoinWord word = _load(coin);
        if (_isHandedOver(word, head) && word.amount() == amount) return false;
        if (amount == 0) revert Refused(coin, Outcome.AmountZero);
        if (amount > maximumAmount) revert Refused(coin, Outcome.AmountAboveMaximum);
        _check(coin, word, head, CoinWords.FREE);
        // write
        unchecked {
            _store(coin, CoinWords.pack(head.sequence() + 1, CoinWords.ACTIVE, 0, amount, head.owner()));
        }
        // emit
        emit Issued(head, amount);
        return true;
    }

    function _free(uint256 coin, CoinWord word, address owner) private {
        _store(coin, _freed(word, owner));
    }

    function _isLockedAs(uint256 coin, CoinWord word, CoinHead head, uint256 deadline) private view returns (bool) {
        if (!word.isAt(head.sequence() + 1, CoinWords.LOCKED)) return false;
        CoinLock memory coinLock = _locks[coin];
        return coinLock.payee == head.owner() && coinLock.deadline == deadline;
    }
}
