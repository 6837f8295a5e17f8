// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { OddToken } from "../../../contracts/doubles/OddToken.sol";
import { IPaymentEscrow } from "../../../contracts/interfaces/IPaymentEscrow.sol";
import { PaymentEscrow } from "../../../contracts/PaymentEscrow.sol";
import { SpecieTest } from "./SpecieTest.sol";

/// @title An escrow with a token, a payer who can sign, a receiver and the three roles.
abstract contract EscrowStage is SpecieTest {
    uint256 internal constant PAYER_KEY = 0xA11CE;
    uint256 internal constant START = 1_793_620_800;
    uint256 internal constant FEE_BASIS_POINTS = 250;
    bytes32 private constant RECEIVE_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    address internal immutable payer = vm.addr(PAYER_KEY);
    address internal constant receiver = address(0xBEEF01);
    address internal constant feeReceiver = address(0xFEE001);
    address internal constant admin = address(0xAD0001);
    address internal constant operator = address(0x090001);
    address internal constant pauser = address(0x9A0001);
    address internal constant stranger = address(0x577001);

    PaymentEscrow internal escrow;
    OddToken internal token;

    function stage() internal {
        vm.warp(START);
        escrow = new PaymentEscrow(admin, operator, pauser);
        token = new OddToken(6);
        token.mint(payer, type(uint120).max);
        vm.prank(receiver);
        token.approve(address(escrow), type(uint256).max);
    }

    function termsOf(uint256 maximum, uint256 salt) internal view returns (IPaymentEscrow.PaymentTerms memory) {
        return
            IPaymentEscrow.PaymentTerms({
                payer: payer,
                receiver: receiver,
                token: address(token),
                maximumAmount: uint120(maximum),
                preApprovalExpiry: uint48(START + 1 hours),
                authorizationExpiry: uint48(START + 2 hours),
                refundExpiry: uint48(START + 3 hours),
                minimumFeeBasisPoints: 0,
                maximumFeeBasisPoints: uint16(FEE_BASIS_POINTS),
                feeReceiver: feeReceiver,
                salt: salt
            });
    }

    function signReceive(
        IPaymentEscrow.PaymentTerms memory terms,
        uint256 key
    ) internal view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 nonce = escrow.nonceOf(escrow.hashTerms(terms));
        return vm.sign(key, receiveDigest(terms, terms.maximumAmount, terms.preApprovalExpiry, nonce));
    }

    function receiveDigest(
        IPaymentEscrow.PaymentTerms memory terms,
        uint256 amount,
        uint256 validBefore,
        bytes32 nonce
    ) internal view returns (bytes32) {
        bytes32 structHash = keccak256(
            abi.encode(RECEIVE_TYPEHASH, terms.payer, address(escrow), amount, 0, validBefore, nonce)
        );
        return keccak256(abi.encodePacked("\x19\x01", tokenDomain(OddToken(terms.token)), structHash));
    }

    function tokenDomain(OddToken token_) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Odd Token"),
                    keccak256("1"),
                    block.chainid,
                    address(token_)
                )
            );
    }

    function packed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function authorize(IPaymentEscrow.PaymentTerms memory terms, uint256 amount) internal returns (bytes32) {
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        vm.prank(operator);
        escrow.authorize(terms, amount, v, r, s);
        return escrow.hashTerms(terms);
    }

    function charge(IPaymentEscrow.PaymentTerms memory terms, uint256 amount, uint256 fee) internal {
        (uint8 v, bytes32 r, bytes32 s) = signReceive(terms, PAYER_KEY);
        vm.prank(operator);
        escrow.charge(terms, amount, fee, v, r, s);
    }

    function capture(IPaymentEscrow.PaymentTerms memory terms, uint256 amount, uint256 fee, uint256 sequence) internal {
        vm.prank(operator);
        escrow.capture(terms, amount, fee, sequence);
    }

    function voidAll(IPaymentEscrow.PaymentTerms memory terms, uint256 sequence) internal {
        vm.prank(operator);
        escrow.void(terms, sequence);
    }

    function refund(IPaymentEscrow.PaymentTerms memory terms, uint256 amount, uint256 sequence) internal {
        vm.prank(operator);
        escrow.refund(terms, amount, sequence);
    }

    function setPaused(bool paused) internal {
        vm.prank(pauser);
        escrow.setPaused(paused);
    }

    function assertState(bytes32 id, uint256 capturable, uint256 refundable, uint256 next) internal view {
        IPaymentEscrow.PaymentState memory state = escrow.payments(id);
        assertEq(state.capturable, capturable, "capturable");
        assertEq(state.refundable, refundable, "refundable");
        assertEq(state.nextSequence, next, "nextSequence");
    }
}
