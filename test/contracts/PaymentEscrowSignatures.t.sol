// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ERC3009 } from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import { Reentrant } from "../../contracts/doubles/HostilePayees.sol";
import { KeyWallet, KeyWalletFactory } from "../../contracts/doubles/KeyWallet.sol";
import { IPaymentEscrow } from "../../contracts/interfaces/IPaymentEscrow.sol";
import { PaymentEscrow } from "../../contracts/PaymentEscrow.sol";
import { EscrowStage } from "./support/EscrowStage.sol";

/// @title Who may use a payer's signature, for what, where, and how often.
contract PaymentEscrowSignaturesTest is EscrowStage {
    uint256 private constant AMOUNT = 100e6;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    bytes32 private constant WRAPPED = 0x6492649264926492649264926492649264926492649264926492649264926492;

    /// @dev Kept in storage: the compiler takes the chain's number for a constant and would read it again too late.
    uint256 private home;

    function setUp() public {
        stage();
        home = block.chainid;
        vm.prank(payer);
        token.approve(address(escrow), type(uint256).max);
    }

    /// @dev Whoever sees the ERC-3009 signature on its way cannot use it: the token pays only the caller it names.
    function testFuzz_frontRunning_theTokenTakesTheSignatureFromTheEscrowAlone(address sender, uint256 amount) public {
        vm.assume(sender != address(escrow) && sender != address(0));
        IPaymentEscrow.PaymentTerms memory terms = termsOf(bound(amount, 1, AMOUNT), 1);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        bytes32 nonce = escrow.nonceOf(escrow.hashTerms(terms));
        vm.startPrank(sender);
        vm.expectRevert();
        token.receiveWithAuthorization(
            payer,
            address(escrow),
            terms.maximumAmount,
            0,
            terms.preApprovalExpiry,
            nonce,
            v,
            r,
            s
        );
        vm.expectRevert();
        token.receiveWithAuthorization(payer, sender, terms.maximumAmount, 0, terms.preApprovalExpiry, nonce, v, r, s);
        // The same signature as a transfer, which anyone may send, is another signature.
        vm.expectRevert();
        token.transferWithAuthorization(
            payer,
            address(escrow),
            terms.maximumAmount,
            0,
            terms.preApprovalExpiry,
            nonce,
            v,
            r,
            s
        );
        vm.stopPrank();
        vm.prank(operator);
        escrow.authorize(terms, terms.maximumAmount, v, r, s);
    }

    /// @dev Nor the signature over the terms: strangers cannot bring it, and the operator only for these very terms.
    function testFuzz_frontRunning_termsSignatureIsForOperatorsAlone(address sender) public {
        vm.assume(sender != operator);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        bytes memory signature = packed(PAYER_KEY, escrow.termsDigest(terms));
        vm.startPrank(sender);
        vm.expectRevert();
        escrow.authorizeWithAllowance(terms, AMOUNT, signature);
        vm.expectRevert();
        escrow.chargeWithAllowance(terms, AMOUNT, 0, signature);
        vm.stopPrank();
        vm.prank(operator);
        escrow.authorizeWithAllowance(terms, AMOUNT, signature);
        assertState(escrow.hashTerms(terms), AMOUNT, 0, 1);
    }

    /// @dev Every term is in the signature; with any of them changed it is worth nothing, in either form.
    function testFuzz_signature_namesEveryTerm(uint8 field, uint256 salt) public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, salt);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        bytes memory overTerms = packed(PAYER_KEY, escrow.termsDigest(terms));
        uint256 which = field % 9;
        if (which == 0) terms.receiver = stranger;
        if (which == 1) terms.maximumAmount += 1;
        if (which == 2) terms.preApprovalExpiry += 1;
        if (which == 3) terms.authorizationExpiry += 1;
        if (which == 4) terms.refundExpiry += 1;
        if (which == 5) terms.minimumFeeBasisPoints += 1;
        if (which == 6) terms.maximumFeeBasisPoints += 1;
        if (which == 7) terms.feeReceiver = stranger;
        if (which == 8) {
            unchecked {
                terms.salt += 1;
            }
        }
        vm.startPrank(operator);
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        escrow.charge(terms, AMOUNT, (AMOUNT * terms.minimumFeeBasisPoints) / 10_000, abi.encodePacked(r, s, v));
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, overTerms);
        vm.stopPrank();
        assertEq(token.balanceOf(address(escrow)), 0, "held");
    }

    function test_signature_namingAnotherMerchantPaysNobody() public {
        IPaymentEscrow.PaymentTerms memory agreed = termsOf(AMOUNT, 1);
        IPaymentEscrow.PaymentTerms memory other = termsOf(AMOUNT, 1);
        other.receiver = stranger;
        (uint8 v, bytes32 r, bytes32 s) = signReceive(agreed, PAYER_KEY);
        vm.prank(operator);
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        escrow.charge(other, AMOUNT, 0, v, r, s);
        assertEq(token.balanceOf(stranger), 0, "paid to the other");
    }

    function testFuzz_replay_onAnotherPaymentContractOrChainFails(uint64 chain, uint256 salt) public {
        vm.assume(chain != 0 && chain != block.chainid);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, salt);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        bytes memory overTerms = packed(PAYER_KEY, escrow.termsDigest(terms));
        // Another escrow with the same operator and the payer's allowance.
        PaymentEscrow second = new PaymentEscrow(admin, operator, pauser);
        vm.prank(payer);
        token.approve(address(second), type(uint256).max);
        vm.startPrank(operator);
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        second.authorize(terms, AMOUNT, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        second.authorizeWithAllowance(terms, AMOUNT, overTerms);
        // A fork: the same contracts and balances under another chain's number.
        vm.chainId(chain);
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, overTerms);
        vm.chainId(home);
        // At home once, by whichever way, and never again.
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.PaymentAlreadyAuthorized.selector);
        escrow.authorize(terms, AMOUNT, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.PaymentAlreadyAuthorized.selector);
        escrow.charge(terms, AMOUNT, 0, v, r, s);
        vm.expectPartialRevert(IPaymentEscrow.PaymentAlreadyAuthorized.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, overTerms);
        vm.stopPrank();
    }

    /// @dev After a fork a payment of the old chain is unknown on the new one, so nobody can move it twice by its number.
    function test_replay_movementsOfAForkedPaymentAreUnknown() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        authorize(terms, AMOUNT);
        vm.chainId(77);
        vm.expectPartialRevert(IPaymentEscrow.PaymentUnknown.selector);
        capture(terms, 1, 0, 1);
    }

    function testFuzz_malleable_highSAndWrongVFail(uint256 salt) public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, salt);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        (uint8 vTerms, bytes32 rTerms, bytes32 sTerms) = vm.sign(PAYER_KEY, escrow.termsDigest(terms));
        bytes32 high = bytes32(ORDER - uint256(s));
        vm.startPrank(operator);
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, v == 27 ? 28 : 27, r, high);
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, v - 27, r, s);
        bytes memory mirrored = abi.encodePacked(
            rTerms,
            bytes32(ORDER - uint256(sTerms)),
            vTerms == 27 ? uint8(28) : uint8(27)
        );
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, mirrored);
        vm.stopPrank();
    }

    function testFuzz_signature_garbageOfAnyLengthFails(bytes memory garbage) public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        vm.startPrank(operator);
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, garbage);
        vm.expectRevert();
        escrow.authorizeWithAllowance(terms, AMOUNT, garbage);
        vm.expectRevert();
        escrow.authorizeWithAllowance(terms, AMOUNT, abi.encodePacked(garbage, WRAPPED));
        vm.stopPrank();
    }

    function testFuzz_allowance_amountsUpToTheSignedMaximum(uint256 maximum, uint256 amount, uint256 fee) public {
        maximum = bound(maximum, 1, type(uint120).max);
        amount = bound(amount, 1, maximum);
        fee = bound(fee, 0, (amount * FEE_BASIS_POINTS) / 10_000);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(maximum, 1);
        bytes memory signature = packed(PAYER_KEY, escrow.termsDigest(terms));
        vm.startPrank(operator);
        vm.expectRevert();
        escrow.chargeWithAllowance(terms, maximum + 1, 0, signature);
        escrow.chargeWithAllowance(terms, amount, fee, signature);
        vm.stopPrank();
        assertEq(token.balanceOf(receiver), amount - fee, "receiver");
        assertState(escrow.hashTerms(terms), 0, amount, 1);
    }

    function test_allowance_withoutTheSignatureIsThePayersAlone() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        vm.prank(operator);
        vm.expectPartialRevert(IPaymentEscrow.SenderNotAllowed.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT);
        vm.prank(payer);
        escrow.authorizeWithAllowance(terms, AMOUNT);
        assertState(escrow.hashTerms(terms), AMOUNT, 0, 1);
    }

    /// @dev An account that delegates by EIP-7702 has code and still signs with its key.
    function test_allowance_anAccountWithDelegatedCodeSignsWithItsKey() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        vm.etch(payer, address(token).code);
        bytes memory signature = packed(PAYER_KEY, escrow.termsDigest(terms));
        vm.prank(operator);
        escrow.authorizeWithAllowance(terms, AMOUNT, signature);
        assertState(escrow.hashTerms(terms), AMOUNT, 0, 1);
    }

    function test_wallet_signsByErc1271() public {
        KeyWallet wallet = new KeyWallet(payer, IERC20(address(token)), address(escrow));
        token.mint(address(wallet), 2 * AMOUNT);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        terms.payer = address(wallet);
        bytes32 nonce = escrow.nonceOf(escrow.hashTerms(terms));
        bytes32 digest = receiveDigest(terms, AMOUNT, terms.preApprovalExpiry, nonce);
        vm.startPrank(operator);
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        escrow.authorize(terms, AMOUNT, packed(0xBAD, digest));
        escrow.authorize(terms, AMOUNT, packed(PAYER_KEY, digest));
        terms.salt = 2;
        bytes32 overTerms = escrow.termsDigest(terms);
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, packed(0xBAD, overTerms));
        escrow.authorizeWithAllowance(terms, AMOUNT, packed(PAYER_KEY, overTerms));
        vm.stopPrank();
        assertEq(token.balanceOf(address(escrow)), 2 * AMOUNT, "held");
    }

    function testFuzz_wallet_notYetDeployedSignsByErc6492(uint256 salt, bool byAllowance) public {
        KeyWalletFactory factory = new KeyWalletFactory();
        address wallet = factory.addressOf(payer, token, address(escrow));
        token.mint(wallet, 2 * AMOUNT);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, salt);
        terms.payer = wallet;
        bytes memory deploy = abi.encodeCall(KeyWalletFactory.deploy, (payer, token, address(escrow)));
        for (uint256 round = 0; round < 2; ++round) {
            // The second time the wallet is there, and the same form of signature still holds.
            bytes32 nonce = escrow.nonceOf(escrow.hashTerms(terms));
            bytes32 digest =
                byAllowance ? escrow.termsDigest(terms) : receiveDigest(terms, AMOUNT, terms.preApprovalExpiry, nonce);
            bytes memory inner = abi.encode(address(factory), deploy, packed(PAYER_KEY, digest));
            bytes memory signature = abi.encodePacked(inner, WRAPPED);
            vm.prank(operator);
            if (byAllowance) escrow.authorizeWithAllowance(terms, AMOUNT, signature);
            else escrow.authorize(terms, AMOUNT, signature);
            assertTrue(wallet.code.length != 0, "the wallet is deployed");
            unchecked {
                terms.salt += 1;
            }
        }
        assertEq(token.balanceOf(address(escrow)), 2 * AMOUNT, "held");
    }

    /// @dev The «factory» of such a signature may be any contract, a token for example: the call does not come from the
    /// escrow, so what the escrow holds cannot be moved by it.
    function test_wallet_itsFactoryCannotBeTheTokenThatTheEscrowHolds() public {
        authorize(termsOf(AMOUNT, 1), AMOUNT);
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 2);
        terms.payer = address(0xDEAD01);
        bytes memory theft = abi.encodeCall(IERC20.transfer, (stranger, AMOUNT));
        bytes memory signature = abi.encodePacked(abi.encode(address(token), theft, bytes("")), WRAPPED);
        vm.startPrank(operator);
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, signature);
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, signature);
        vm.stopPrank();
        // Nor does the deployer get anywhere by being asked directly.
        escrow.walletDeployer().deploy(address(token), theft);
        assertEq(token.balanceOf(address(escrow)), AMOUNT, "held");
    }

    /// @dev While its signature is asked for a wallet cannot act: it is asked by a static call.
    function test_wallet_cannotActWhileItIsAsked() public {
        Reentrant wallet = new Reentrant();
        token.mint(address(wallet), AMOUNT);
        wallet.act(address(token), 0, abi.encodeCall(IERC20.approve, (address(escrow), AMOUNT)));
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        terms.payer = address(wallet);
        wallet.prepare(address(token), abi.encodeCall(IERC20.approve, (stranger, AMOUNT)));
        vm.startPrank(operator);
        vm.expectPartialRevert(IPaymentEscrow.SignatureInvalid.selector);
        escrow.authorizeWithAllowance(terms, AMOUNT, "yes");
        vm.expectPartialRevert(ERC3009.ERC3009InvalidSignature.selector);
        escrow.authorize(terms, AMOUNT, bytes("yes"));
        vm.stopPrank();
    }

    function test_cancelledOrExpiredSignaturesTakeNothing() public {
        IPaymentEscrow.PaymentTerms memory terms = termsOf(AMOUNT, 1);
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        bytes32 nonce = escrow.nonceOf(escrow.hashTerms(terms));
        bytes32 cancel = keccak256(
            abi.encode(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), payer, nonce)
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", tokenDomain(token), cancel));
        token.cancelAuthorization(payer, nonce, packed(PAYER_KEY, digest));
        vm.prank(operator);
        vm.expectRevert();
        escrow.authorize(terms, AMOUNT, v, r, s);
    }
}
