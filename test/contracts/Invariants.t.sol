// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    ForgetfulEscrow,
    GenerousEscrow,
    HoardingEscrow,
    TrappingEscrow,
    TrustingEscrow
} from "../../contracts/doubles/FaultyEscrows.sol";
import { CarelessWallet, DoublingWallet, SpendthriftWallet } from "../../contracts/doubles/FaultyWallets.sol";
import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { IntermediaryWallet } from "../../contracts/IntermediaryWallet.sol";
import { PaymentEscrow } from "../../contracts/PaymentEscrow.sol";
import { Driver } from "./support/Driver.sol";
import { EscrowHandler } from "./support/EscrowHandler.sol";
import { SpecieTest } from "./support/SpecieTest.sol";
import { WalletHandler } from "./support/WalletHandler.sol";

address constant ADMIN = address(0xAD0001);
address constant OPERATOR = address(0x090001);
address constant TREASURER = address(0x73EA01);
address constant PAUSER = address(0x9A0001);

/// @dev The runner knows contracts of test files alone, so the handlers get names here.
contract EscrowTarget is EscrowHandler {
    constructor(PaymentEscrow escrow_, OddToken token_) EscrowHandler(escrow_, token_) {}
}

contract WalletTarget is WalletHandler {
    constructor(IntermediaryWallet wallet_, OddToken token_) WalletHandler(wallet_, token_) {}
}

/// @title What holds of the escrow whatever three payers, three receivers and the roles do.
contract EscrowInvariants is SpecieTest {
    EscrowHandler private handler;

    function setUp() public {
        vm.warp(1_793_620_800);
        handler = new EscrowTarget(new PaymentEscrow(ADMIN, OPERATOR, PAUSER), new OddToken(18));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), escrowVerbs());
    }

    function invariant_escrow_holdsWhatItOwes() external view {
        handler.checkHoldsWhatItOwes();
    }

    function invariant_escrow_releasesNoMoreThanWasAuthorized() external view {
        handler.checkNothingAboveWhatWasAuthorized();
    }

    function invariant_escrow_refundsNoMoreThanWasCaptured() external view {
        handler.checkRefundsAreCovered();
    }

    function invariant_escrow_movesNothingTwice() external view {
        handler.checkNothingMovesTwice();
    }

    function invariant_escrow_pausedOrNotTrapsNoPayer() external view {
        handler.checkNoPayerIsTrapped();
    }
}

/// @title What holds of the wallet whatever three payees and the roles do.
contract WalletInvariants is SpecieTest {
    WalletHandler private handler;

    function setUp() public {
        vm.warp(1_793_620_800);
        IntermediaryWallet wallet = new IntermediaryWallet(ADMIN, OPERATOR, TREASURER, PAUSER);
        vm.prank(ADMIN);
        wallet.setColdAddress(address(0xC01D));
        handler = new WalletTarget(wallet, new OddToken(6));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), walletVerbs());
    }

    function invariant_wallet_neverPaysAboveItsCaps() external view {
        handler.checkNeverAboveCaps();
    }

    function invariant_wallet_coversEveryCredit() external view {
        handler.checkCreditsAreCovered();
    }

    function invariant_wallet_paysOrOwesEveryPayoutOnce() external view {
        handler.checkEveryPayoutOnce();
    }
}

/// @title Each invariant fails on a contract with a planted bug: the same handlers, driven by chance from a fixed seed.
contract PlantedBugsTest is Driver {
    uint256 private constant STEPS = 3_000;
    uint256 private constant START = 1_793_620_800;

    function setUp() public {
        vm.warp(START);
    }

    function test_plantedBug_anEscrowWithoutSequenceMovesTwice() public {
        EscrowHandler handler = new EscrowHandler(new ForgetfulEscrow(ADMIN, OPERATOR, PAUSER), new OddToken(18));
        assertFinds(address(handler), escrowVerbs(), EscrowHandler.checkNothingMovesTwice.selector);
    }

    function test_plantedBug_anEscrowThatTrustsTheTokenOwesMoreThanItHolds() public {
        OddToken token = new OddToken(18);
        EscrowHandler handler = new EscrowHandler(new TrustingEscrow(ADMIN, OPERATOR, PAUSER), token);
        token.setFee(10);
        assertFinds(address(handler), escrowVerbs(), EscrowHandler.checkHoldsWhatItOwes.selector);
    }

    function test_plantedBug_anEscrowThatForgetsVoidsReleasesTooMuch() public {
        EscrowHandler handler = new EscrowHandler(new HoardingEscrow(ADMIN, OPERATOR, PAUSER), new OddToken(18));
        assertFinds(address(handler), escrowVerbs(), EscrowHandler.checkNothingAboveWhatWasAuthorized.selector);
    }

    function test_plantedBug_anEscrowThatDoublesRefundableRefundsTooMuch() public {
        EscrowHandler handler = new EscrowHandler(new GenerousEscrow(ADMIN, OPERATOR, PAUSER), new OddToken(18));
        assertFinds(address(handler), escrowVerbs(), EscrowHandler.checkRefundsAreCovered.selector);
    }

    function test_plantedBug_anEscrowThatKeepsAllWhilePausedTrapsPayers() public {
        EscrowHandler handler = new EscrowHandler(new TrappingEscrow(ADMIN, OPERATOR, PAUSER), new OddToken(18));
        assertFinds(address(handler), escrowVerbs(), EscrowHandler.checkNoPayerIsTrapped.selector);
    }

    function test_plantedBug_aWalletThatDoesNotCountPaysAboveItsCaps() public {
        IntermediaryWallet wallet = new SpendthriftWallet(ADMIN, OPERATOR, TREASURER, PAUSER);
        WalletHandler handler = new WalletHandler(wallet, new OddToken(6));
        assertFinds(address(handler), walletVerbs(), WalletHandler.checkNeverAboveCaps.selector);
    }

    function test_plantedBug_aWalletThatKeepsNothingBackDoesNotCoverCredits() public {
        IntermediaryWallet wallet = new CarelessWallet(ADMIN, OPERATOR, TREASURER, PAUSER);
        WalletHandler handler = new WalletHandler(wallet, new OddToken(6));
        assertFinds(address(handler), walletVerbs(), WalletHandler.checkCreditsAreCovered.selector);
    }

    function test_plantedBug_aWalletThatCreditsDoubleOwesMoreThanItPromised() public {
        IntermediaryWallet wallet = new DoublingWallet(ADMIN, OPERATOR, TREASURER, PAUSER);
        WalletHandler handler = new WalletHandler(wallet, new OddToken(6));
        assertFinds(address(handler), walletVerbs(), WalletHandler.checkEveryPayoutOnce.selector);
    }

    /// @dev The driver finds nothing in the contracts as they are, with the same steps: it cries wolf at bugs alone.
    function test_plantedBug_noneIsFoundWhereNoneIs() public {
        PaymentEscrow escrow = new PaymentEscrow(ADMIN, OPERATOR, PAUSER);
        address handler = address(new EscrowHandler(escrow, new OddToken(18)));
        assertTrue(!finds(handler, escrowVerbs(), EscrowHandler.checkNothingMovesTwice.selector, 500), "moves twice");
        assertTrue(!finds(handler, escrowVerbs(), EscrowHandler.checkHoldsWhatItOwes.selector, 500), "holds less");
    }

    function assertFinds(address handler, bytes4[] memory verbs, bytes4 check) private {
        assertTrue(finds(handler, verbs, check, STEPS), "the invariant's check fails on the planted bug");
    }
}

function escrowVerbs() pure returns (bytes4[] memory verbs) {
    verbs = new bytes4[](15);
    verbs[0] = EscrowHandler.authorize.selector;
    verbs[1] = EscrowHandler.authorizeByBytes.selector;
    verbs[2] = EscrowHandler.authorizeNative.selector;
    verbs[3] = EscrowHandler.authorizeWithAllowance.selector;
    verbs[4] = EscrowHandler.charge.selector;
    verbs[5] = EscrowHandler.incrementAuthorization.selector;
    verbs[6] = EscrowHandler.capture.selector;
    verbs[7] = EscrowHandler.void.selector;
    verbs[8] = EscrowHandler.reclaim.selector;
    verbs[9] = EscrowHandler.refund.selector;
    verbs[10] = EscrowHandler.sweepFees.selector;
    verbs[11] = EscrowHandler.repeat.selector;
    verbs[12] = EscrowHandler.setPaused.selector;
    verbs[13] = EscrowHandler.wait.selector;
    verbs[14] = EscrowHandler.reopen.selector;
}

function walletVerbs() pure returns (bytes4[] memory verbs) {
    verbs = new bytes4[](11);
    verbs[0] = WalletHandler.payout.selector;
    verbs[1] = WalletHandler.payoutBatch.selector;
    verbs[2] = WalletHandler.repeat.selector;
    verbs[3] = WalletHandler.claim.selector;
    verbs[4] = WalletHandler.setDenied.selector;
    verbs[5] = WalletHandler.setCaps.selector;
    verbs[6] = WalletHandler.applyCapsRaise.selector;
    verbs[7] = WalletHandler.sweepToCold.selector;
    verbs[8] = WalletHandler.fund.selector;
    verbs[9] = WalletHandler.setPaused.selector;
    verbs[10] = WalletHandler.wait.selector;
}
