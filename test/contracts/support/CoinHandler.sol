// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../../contracts/doubles/OddToken.sol";
import { CoinRegister } from "../../../contracts/CoinRegister.sol";
import { ICoinRegister } from "../../../contracts/interfaces/ICoinRegister.sol";
import { CoinStage, FREEZER, headOf, ISSUER } from "./CoinStage.sol";

/// @title Four keys, eight slots and the roles, who do everything that the register lets them do, in any order.
/// @notice Who owns how much is told from what this contract has seen done, never from what the register says of it.
contract CoinHandler is CoinStage {
    uint256 private constant SLOTS = 8;
    uint256 private constant KEYS = 4;

    CoinRegister public immutable register;
    OddToken public immutable token;
    uint256 private immutable _home = block.chainid;
    uint256 private _issued;
    uint256 private _paid;
    uint256 public movedWhileFrozen;
    uint256 public lies;

    constructor(CoinRegister register_, OddToken token_) {
        (register, token) = (register_, token_);
        token.mint(address(register), 1e10);
        register.countReserve();
    }

    function issue(uint256 slot, uint256 amount, uint256 key) external {
        (uint256 coin, ICoinRegister.Coin memory now_) = coinAt(slot);
        amount = bound(amount, 0, 2e9);
        vm.prank(ISSUER);
        try register.issueTo(headOf(coin, now_.sequence, 0, ownerAt(key)), amount) {
            _issued += amount;
        } catch {}
    }

    function switchOne(uint256 slot, uint256 key, uint256 signer, uint256 flaw) external {
        (uint256 coin, ICoinRegister.Coin memory now_) = coinAt(slot);
        uint256 sequence = flaw % 8 == 1 ? now_.sequence + 1 : now_.sequence;
        bytes memory signature = signedBy(signerOf(now_.owner, signer), switchOf(coin, sequence, 0, ownerAt(key)));
        (bytes32 r, bytes32 vs) = halves(signature);
        try register.switchCoin(headOf(coin, sequence, 0, ownerAt(key)), r, vs) {} catch {}
        afterwards(coin, now_);
    }

    /// @notice Every outcome is held against what has become of the coin that it speaks of.
    function switchBatch(uint256 seed, uint256 count) external {
        count = bound(count, 1, 6);
        bytes memory records;
        ICoinRegister.Coin[] memory before = new ICoinRegister.Coin[](count);
        for (uint256 index = 0; index < count; ++index) {
            uint256 chance = uint256(keccak256(abi.encode(seed, index)));
            // Each in a slot of its own, so that what a coin was before is what it was before its operation.
            (uint256 coin, ICoinRegister.Coin memory now_) = coinAt((seed % SLOTS) + index);
            before[index] = now_;
            uint256 sequence = chance % 5 == 0 ? now_.sequence + 1 : now_.sequence;
            address owner = ownerAt(chance >> 8);
            bytes memory signature = signedBy(signerOf(now_.owner, chance >> 16), switchOf(coin, sequence, 0, owner));
            records = abi.encodePacked(records, uint40(coin), uint24(sequence), uint8(0), owner, signature);
        }
        bytes memory outcomes = register.switchBatch(records);
        for (uint256 index = 0; index < count; ++index) {
            (uint256 coin, ICoinRegister.Coin memory now_) = coinAt((seed % SLOTS) + index);
            bool saysDone = outcomes.length == 0 || uint8(outcomes[index]) == 0;
            if (saysDone != (now_.sequence == before[index].sequence + 1)) lies += 1;
            afterwards(coin, before[index]);
        }
    }

    function moveCoins(uint256 seed, uint256 count, uint256 key) external {
        count = bound(count, 1, 6);
        bytes memory moves;
        ICoinRegister.Coin[] memory before = new ICoinRegister.Coin[](count);
        for (uint256 index = 0; index < count; ++index) {
            (uint256 coin, ICoinRegister.Coin memory now_) = coinAt((seed % SLOTS) + index);
            before[index] = now_;
            moves = abi.encodePacked(moves, uint40(coin), now_.sequence);
        }
        (bytes32 r, bytes32 vs) = halves(signedBy(signerOf(before[0].owner, seed), moveOf(ownerAt(key), moves)));
        bytes memory outcomes = register.moveCoins(ownerAt(key), r, vs, moves);
        for (uint256 index = 0; index < count; ++index) {
            (uint256 coin, ICoinRegister.Coin memory now_) = coinAt((seed % SLOTS) + index);
            bool saysDone = outcomes.length == 0 || uint8(outcomes[index]) == 0;
            if (saysDone != (now_.sequence == before[index].sequence + 1)) lies += 1;
            afterwards(coin, before[index]);
        }
    }

    function split(uint256 slot, uint256 partSlot, uint256 amount, uint256 key) external {
        (uint256 coin, ICoinRegister.Coin memory now_) = coinAt(slot);
        (uint256 part, ICoinRegister.Coin memory free) = coinAt(partSlot);
        amount = bound(amount, 0, now_.amount);
        address owner = ownerAt(key);
        bytes memory text = splitOf(coin, now_.sequence, now_.owner, part, free.sequence, amount, owner);
        try
            register.split(
                headOf(coin, now_.sequence, 0, now_.owner),
                headOf(part, free.sequence, 0, owner),
                amount,
                signedBy(signerOf(now_.owner, key), text)
            )
        {} catch {}
        afterwards(coin, now_);
    }

    function merge(uint256 slot, uint256 otherSlot, uint256 key) external {
        (uint256 coin, ICoinRegister.Coin memory now_) = coinAt(slot);
        (uint256 other, ICoinRegister.Coin memory gone) = coinAt(otherSlot);
        bytes memory text = mergeOf(coin, now_.sequence, other, gone.sequence, ownerAt(key));
        try
            register.combine(
                headOf(coin, now_.sequence, 0, ownerAt(key)),
                headOf(other, gone.sequence, 0, address(0)),
                signedBy(signerOf(now_.owner, 0), text)
            )
        {} catch {}
        afterwards(coin, now_);
        afterwards(other, gone);
    }

    function redeem(uint256 slot, uint256 signer, uint256 again) external {
        (uint256 coin, ICoinRegister.Coin memory now_) = coinAt(slot);
        address recipient = address(0xCA5);
        bytes memory signature = signedBy(signerOf(now_.owner, signer), redeemOf(coin, now_.sequence, recipient));
        for (uint256 time = 0; time < 1 + (again % 2); ++time) {
            try register.redeem(headOf(coin, now_.sequence, 0, recipient), signature) {
                if (time == 0) _paid += now_.amount;
            } catch {}
        }
        afterwards(coin, now_);
    }

    function lockAndSettle(uint256 slot, uint256 key, uint256 late) external {
        (uint256 coin, ICoinRegister.Coin memory now_) = coinAt(slot);
        uint256 deadline = block.timestamp + 100;
        address payee = ownerAt(key);
        bytes memory signature = signedBy(signerOf(now_.owner, 0), lockOf(coin, now_.sequence, payee, deadline));
        try register.lock(headOf(coin, now_.sequence, 0, payee), deadline, signature) {
            uint256 sequence = now_.sequence + 1;
            if (late % 2 == 0) {
                signature = signedBy(keyOf(payee), claimOf(coin, sequence, payee));
                register.claim(headOf(coin, sequence, 0, payee), signature);
            } else {
                vm.warp(deadline);
                signature = signedBy(keyOf(now_.owner), reclaimOf(coin, sequence, now_.owner));
                register.reclaim(headOf(coin, sequence, 0, now_.owner), signature);
            }
        } catch {}
        afterwards(coin, now_);
    }

    function freeze(uint256 slot, uint256 seed) external {
        (uint256 coin, ) = coinAt(slot);
        vm.prank(FREEZER);
        try register.setFrozen(coin, seed % 2 == 0) {} catch {}
    }

    function checkReserveCoversCoins() external view {
        uint256 sum = sumOfCoins();
        ICoinRegister.Supply memory supply = register.supply();
        assertEq(supply.outstanding, sum, "what is outstanding is the sum of coins");
        assertTrue(supply.reserve >= sum, "the reserve covers every coin");
        assertTrue(token.balanceOf(address(register)) >= supply.reserve, "the register holds its reserve");
    }

    function checkNoCoinFromNothing() external view {
        assertEq(sumOfCoins() + _paid, _issued, "what is out or paid was issued");
        assertEq(token.balanceOf(address(0xCA5)), _paid, "each coin is paid once");
    }

    function checkFrozenStays() external view {
        assertEq(movedWhileFrozen, 0, "no frozen coin moves");
    }

    function checkOutcomesTrue() external view {
        assertEq(lies, 0, "no outcome lies");
    }

    function afterwards(uint256 coin, ICoinRegister.Coin memory before) private {
        if (!before.isFrozen) return;
        ICoinRegister.Coin memory now_ = register.coins(coin);
        if (keccak256(abi.encode(now_)) != keccak256(abi.encode(before))) movedWhileFrozen += 1;
    }

    function sumOfCoins() private view returns (uint256 sum) {
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            ICoinRegister.Coin memory coin = register.coins(100 + slot);
            if (coin.state != ICoinRegister.State.Free) sum += coin.amount;
        }
    }

    function coinAt(uint256 slot) private view returns (uint256, ICoinRegister.Coin memory) {
        uint256 coin = 100 + (slot % SLOTS);
        return (coin, register.coins(coin));
    }

    /// @dev The owner's key, or seldom another's.
    function signerOf(address owner, uint256 seed) private pure returns (uint256) {
        return seed % 7 == 3 ? 0xA11CE + (seed % KEYS) : keyOf(owner);
    }

    function keyOf(address owner) private pure returns (uint256) {
        for (uint256 key = 0; key < KEYS; ++key) if (vm.addr(0xA11CE + key) == owner) return 0xA11CE + key;
        return 0xA11CE;
    }

    function ownerAt(uint256 key) private pure returns (address) {
        return vm.addr(0xA11CE + (key % KEYS));
    }

    function signedBy(uint256 key, bytes memory text) private view returns (bytes memory) {
        return signed(key, domainOn(_home, address(register)), text);
    }
}
