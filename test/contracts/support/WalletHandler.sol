// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../../contracts/doubles/OddToken.sol";
import { IIntermediaryWallet } from "../../../contracts/interfaces/IIntermediaryWallet.sol";
import { IntermediaryWallet } from "../../../contracts/IntermediaryWallet.sol";
import { SpecieTest } from "./SpecieTest.sol";

/// @title Three payees, an operator and a treasurer who do everything that the wallet lets them do, in any order.
/// @notice What has left is told from the token's balances, and caps are those that this contract has seen come into force.
contract WalletHandler is SpecieTest {
    uint256 private constant START = 1_793_620_800;
    address private constant operator = address(0x090001);
    address private constant treasurer = address(0x73EA01);
    address private constant pauser = address(0x9A0001);
    address private constant cold = address(0xC01D);

    IntermediaryWallet public immutable wallet;
    OddToken public immutable token;
    uint256 private _now = START;
    uint256 private _identifiers;
    IIntermediaryWallet.Caps private _caps;
    IIntermediaryWallet.Caps private _proposed;
    uint256 private _proposedAt;
    mapping(uint256 hour => uint256 amount) private _inHour;
    mapping(uint256 day => uint256 amount) private _inDay;
    uint256 private _promised;
    uint256 private _settled;
    uint256 public aboveCaps;
    uint256 public paidTwice;

    constructor(IntermediaryWallet wallet_, OddToken token_) {
        (wallet, token) = (wallet_, token_);
        token.mint(address(wallet), 1e30);
        _caps = IIntermediaryWallet.Caps(1e9, 2e9, 5e9);
        vm.prank(treasurer);
        wallet.setCaps(address(token), _caps);
    }

    function payout(uint256 who, uint256 amount) external {
        amount = bound(amount, 1, 3e9);
        bytes32 identifier = bytes32(++_identifiers);
        uint256 before = paidTo(who);
        vm.prank(operator);
        try wallet.payout(identifier, address(token), payeeAt(who), amount) {
            left(amount, amount);
            settled(who, before);
        } catch {}
    }

    function payoutBatch(uint256 seed, uint256 count) external {
        count = bound(count, 1, 8);
        bytes memory items;
        uint256 total;
        for (uint256 index = 0; index < count; ++index) {
            uint256 amount = 1 + (uint256(keccak256(abi.encode(seed, index))) % 5e8);
            items = abi.encodePacked(items, payeeAt((seed % 3) + index), uint96(amount));
            total += amount;
        }
        uint256 before = paidToAll();
        vm.prank(operator);
        try wallet.payoutBatch(bytes32(++_identifiers), address(token), items) {
            left(total, total);
            _settled += paidToAll() - before;
        } catch {}
    }

    /// @notice Sends an identifier again that was used or tried before.
    function repeat(uint256 which, uint256 who, uint256 amount, bool batch) external {
        bytes32 identifier = bytes32(bound(which, 1, _identifiers + 1));
        if (!wallet.isDone(identifier)) return;
        uint256 before = paidToAll() + wallet.totalCredits(address(token));
        amount = bound(amount, 1, 1e8);
        vm.startPrank(operator);
        if (batch) {
            try
                wallet.payoutBatch(identifier, address(token), abi.encodePacked(payeeAt(who), uint96(amount)))
            {} catch {}
        } else {
            try wallet.payout(identifier, address(token), payeeAt(who), amount) {} catch {}
        }
        vm.stopPrank();
        if (paidToAll() + wallet.totalCredits(address(token)) != before) paidTwice += 1;
    }

    function claim(uint256 who) external {
        uint256 credit = wallet.credits(payeeAt(who), address(token));
        uint256 before = paidTo(who);
        vm.prank(payeeAt(who));
        try wallet.claim(address(token)) {
            if (paidTo(who) - before != credit) paidTwice += 1;
            settled(who, before);
        } catch {
            if (credit != 0 && !token.isDenied(payeeAt(who))) paidTwice += 1;
        }
    }

    function setDenied(uint256 who, uint256 seed) external {
        token.setDenied(payeeAt(who), seed % 2 == 0);
    }

    function setCaps(uint128 perCall, uint128 perHour, uint128 perDay) external {
        IIntermediaryWallet.Caps memory caps = IIntermediaryWallet.Caps(
            uint128(bound(perCall, 0, 3e9)),
            uint128(bound(perHour, 0, 6e9)),
            uint128(bound(perDay, 0, 12e9))
        );
        bool lower = caps.perCall <= _caps.perCall && caps.perHour <= _caps.perHour && caps.perDay <= _caps.perDay;
        vm.prank(treasurer);
        wallet.setCaps(address(token), caps);
        if (lower) (_caps, _proposedAt) = (caps, 0);
        else (_proposed, _proposedAt) = (caps, _now);
    }

    function applyCapsRaise() external {
        try wallet.applyCapsRaise(address(token)) {
            // What comes into force before its day is above the caps that hold.
            if (_proposedAt != 0 && _now >= _proposedAt + 1 days) _caps = _proposed;
            _proposedAt = 0;
        } catch {}
    }

    function sweepToCold(uint256 amount) external {
        vm.prank(treasurer);
        try wallet.sweepToCold(address(token), bound(amount, 1, 1e30)) {} catch {}
    }

    function fund(uint256 amount) external {
        token.mint(address(wallet), bound(amount, 1, 1e12));
    }

    function setPaused(uint256 seed) external {
        vm.prank(pauser);
        wallet.setPaused(seed % 4 == 0);
    }

    function wait(uint256 time) external {
        _now += bound(time, 1, 9 hours);
        vm.warp(_now);
    }

    function checkNeverAboveCaps() external view {
        assertEq(aboveCaps, 0, "nothing leaves above the caps");
    }

    function checkCreditsAreCovered() external view {
        uint256 credits;
        for (uint256 index = 0; index < 3; ++index) credits += wallet.credits(payeeAt(index), address(token));
        assertEq(wallet.totalCredits(address(token)), credits, "the sum of credits is kept");
        assertTrue(token.balanceOf(address(wallet)) >= credits, "every credit is covered");
    }

    function checkEveryPayoutOnce() external view {
        assertEq(paidTwice, 0, "nothing is paid twice");
        uint256 waiting;
        for (uint256 index = 0; index < 3; ++index) waiting += wallet.credits(payeeAt(index), address(token));
        assertEq(_settled + waiting, _promised, "paid or owed, each payout once");
    }

    function left(uint256 call, uint256 amount) private {
        _promised += amount;
        _inHour[_now / 1 hours] += amount;
        _inDay[_now / 1 days] += amount;
        bool above =
            call > _caps.perCall || _inHour[_now / 1 hours] > _caps.perHour || _inDay[_now / 1 days] > _caps.perDay;
        if (above) aboveCaps += 1;
    }

    function settled(uint256 who, uint256 before) private {
        _settled += paidTo(who) - before;
    }

    function paidTo(uint256 who) private view returns (uint256) {
        return token.balanceOf(payeeAt(who));
    }

    function paidToAll() private view returns (uint256) {
        return paidTo(0) + paidTo(1) + paidTo(2);
    }

    function payeeAt(uint256 who) private pure returns (address) {
        return address(uint160(0xFA7EE0 + (who % 3)));
    }
}
