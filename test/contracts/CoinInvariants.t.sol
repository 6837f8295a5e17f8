// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CredulousPagesRegister,
    FlatteringPagesRegister,
    FlatteringRegister,
    HoardingPagesRegister,
    HoardingRegister,
    ThawingPagesRegister,
    ThawingRegister,
    UnbackedPagesRegister,
    UnbackedRegister
} from "../../contracts/doubles/FaultyRegisters.sol";
import { OddToken } from "../../contracts/doubles/OddToken.sol";
import { CoinRegister } from "../../contracts/CoinRegister.sol";
import { CoinHandler } from "./support/CoinHandler.sol";
import { coinLimits, coinRoles } from "./support/CoinStage.sol";
import { Driver } from "./support/Driver.sol";
import { SpecieTest } from "./support/SpecieTest.sol";

/// @dev The runner knows contracts of test files alone, so the handler gets a name here.
contract CoinTarget is CoinHandler {
    constructor(CoinRegister register_, OddToken token_) CoinHandler(register_, token_) {}
}

/// @title What holds of the register whatever four owners and the roles do.
contract CoinInvariants is SpecieTest {
    CoinHandler private handler;

    function setUp() public {
        vm.warp(1_793_620_800);
        OddToken token = new OddToken(6);
        handler = new CoinTarget(new CoinRegister(token, coinRoles(), coinLimits()), token);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), coinVerbs());
    }

    function invariant_coins_reserveCoversEveryCoin() external view {
        handler.checkReserveCoversCoins();
    }

    function invariant_coins_noneComesFromNothing() external view {
        handler.checkNoCoinFromNothing();
    }

    function invariant_coins_aFrozenOneStays() external view {
        handler.checkFrozenStays();
    }

    function invariant_coins_noOutcomeLies() external view {
        handler.checkOutcomesTrue();
    }
}

/// @title Each invariant fails on a register with a planted bug: the same handler, driven by chance from a fixed seed.
contract CoinPlantedBugsTest is Driver {
    uint256 private constant STEPS = 1_500;
    OddToken private token;

    function setUp() public {
        vm.warp(1_793_620_800);
        token = new OddToken(6);
    }

    function test_plantedBug_aRegisterThatDoesNotCountIsNotCovered() public {
        CoinRegister faulty = new UnbackedRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkReserveCoversCoins.selector, STEPS), "found");
    }

    function test_plantedBug_aRegisterThatKeepsWhatItPaysMakesCoins() public {
        CoinRegister faulty = new HoardingRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkNoCoinFromNothing.selector, STEPS), "found");
    }

    function test_plantedBug_aRegisterThatForgetsTheFreezeLetsCoinsGo() public {
        CoinRegister faulty = new ThawingRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkFrozenStays.selector, STEPS), "found");
    }

    function test_plantedBug_aRegisterThatFlattersLies() public {
        CoinRegister faulty = new FlatteringRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkOutcomesTrue.selector, STEPS), "found");
    }

    /// @dev With the same steps nothing is found where nothing is: the driver cries wolf at bugs alone.
    function test_plantedBug_noneIsFoundWhereNoneIs() public {
        CoinRegister sound = new CoinRegister(token, coinRoles(), coinLimits());
        assertTrue(!finds(sound, CoinHandler.checkNoCoinFromNothing.selector, 300), "nothing from nothing");
    }

    function test_plantedBug_pagesThatDoNotCountAreNotCovered() public {
        CoinRegister faulty = new UnbackedPagesRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkReserveCoversCoins.selector, STEPS), "found");
    }

    function test_plantedBug_pagesThatKeepWhatTheyPayMakeCoins() public {
        CoinRegister faulty = new HoardingPagesRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkNoCoinFromNothing.selector, STEPS), "found");
    }

    function test_plantedBug_pagesThatForgetTheFreezeLetCoinsGo() public {
        CoinRegister faulty = new ThawingPagesRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkFrozenStays.selector, STEPS), "found");
    }

    function test_plantedBug_pagesThatFlatterLie() public {
        CoinRegister faulty = new FlatteringPagesRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkOutcomesTrue.selector, STEPS), "found");
    }

    function test_plantedBug_pagesThatBelieveEveryProofMakeCoins() public {
        CoinRegister faulty = new CredulousPagesRegister(token, coinRoles(), coinLimits());
        assertTrue(finds(faulty, CoinHandler.checkNoCoinFromNothing.selector, STEPS), "found");
    }

    function finds(CoinRegister register, bytes4 check, uint256 steps) private returns (bool) {
        return finds(address(new CoinHandler(register, token)), coinVerbs(), check, steps);
    }
}

function coinVerbs() pure returns (bytes4[] memory verbs) {
    verbs = new bytes4[](12);
    verbs[0] = CoinHandler.issue.selector;
    verbs[1] = CoinHandler.switchOne.selector;
    verbs[2] = CoinHandler.switchBatch.selector;
    verbs[3] = CoinHandler.moveCoins.selector;
    verbs[4] = CoinHandler.split.selector;
    verbs[5] = CoinHandler.merge.selector;
    verbs[6] = CoinHandler.redeem.selector;
    verbs[7] = CoinHandler.lockAndSettle.selector;
    verbs[8] = CoinHandler.freeze.selector;
    verbs[9] = CoinHandler.issuePage.selector;
    verbs[10] = CoinHandler.switchPage.selector;
    verbs[11] = CoinHandler.movePage.selector;
}
