// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { CoinReserve } from "../../../contracts/coins/CoinReserve.sol";
import { CoinStore } from "../../../contracts/coins/CoinStore.sol";
import { CoinHead } from "../../../contracts/libraries/CoinWord.sol";
import { SpecieTest } from "./SpecieTest.sol";

address constant COIN_ADMIN = address(0xAD0001);
address constant ISSUER = address(0x155001);
address constant FREEZER = address(0xF0001);
address constant COIN_PAUSER = address(0x9A0001);
uint256 constant COIN_MAXIMUM = 1e12;
uint256 constant WARN_HOPS = 20;
uint256 constant BLOCK_HOPS = 40;

function coinRoles() pure returns (CoinReserve.Roles memory) {
    return CoinReserve.Roles(COIN_ADMIN, ISSUER, FREEZER, COIN_PAUSER);
}

function coinLimits() pure returns (CoinStore.Limits memory) {
    return CoinStore.Limits(COIN_MAXIMUM, WARN_HOPS, BLOCK_HOPS);
}

function headOf(uint256 coin, uint256 sequence, uint256 hops, address owner) pure returns (CoinHead) {
    return CoinHead.wrap(bytes32((coin << 192) | (sequence << 168) | (hops << 160) | uint160(owner)));
}

/// @title Keys that own coins, and what they sign, in plain words: the oracle of the register's own digests.
abstract contract CoinStage is SpecieTest {
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function domainOf(address register) internal view returns (bytes32) {
        return domainOn(block.chainid, register);
    }

    function domainOn(uint256 chain, address register) internal pure returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Specie CoinRegister"),
                    keccak256("1"),
                    chain,
                    register
                )
            );
    }

    function signed(uint256 key, bytes32 domain, bytes memory encoded) internal pure returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, keccak256(encoded)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, bytes32((uint256(v - 27) << 255) | uint256(s)));
    }

    function switchOf(
        uint256 coin,
        uint256 sequence,
        uint256 hops,
        address owner
    ) internal pure returns (bytes memory) {
        bytes32 kind = keccak256("Switch(uint256 coin,uint256 sequence,address newOwner,uint256 hops)");
        return abi.encode(kind, coin, sequence, owner, hops);
    }

    function redeemOf(uint256 coin, uint256 sequence, address recipient) internal pure returns (bytes memory) {
        return
            abi.encode(keccak256("Redeem(uint256 coin,uint256 sequence,address recipient)"), coin, sequence, recipient);
    }

    function moveOf(address owner, bytes memory moves) internal pure returns (bytes memory) {
        return abi.encode(keccak256("Move(address newOwner,bytes moves)"), owner, keccak256(moves));
    }

    function mergeOf(
        uint256 coin,
        uint256 sequence,
        uint256 other,
        uint256 otherSequence,
        address owner
    ) internal pure returns (bytes memory) {
        bytes32 kind = keccak256(
            "Merge(uint256 coin,uint256 sequence,uint256 other,uint256 otherSequence,address newOwner)"
        );
        return abi.encode(kind, coin, sequence, other, otherSequence, owner);
    }

    function splitOf(
        uint256 coin,
        uint256 sequence,
        address owner,
        uint256 part,
        uint256 partSequence,
        uint256 partAmount,
        address partOwner
    ) internal pure returns (bytes memory) {
        bytes32 kind = keccak256(
            "Split(uint256 coin,uint256 sequence,address owner,uint256 part,uint256 partSequence,uint256 partAmount,address partOwner)"
        );
        return abi.encode(kind, coin, sequence, owner, part, partSequence, partAmount, partOwner);
    }

    function lockOf(
        uint256 coin,
        uint256 sequence,
        address payee,
        uint256 deadline
    ) internal pure returns (bytes memory) {
        bytes32 kind = keccak256("Lock(uint256 coin,uint256 sequence,address payee,uint256 deadline)");
        return abi.encode(kind, coin, sequence, payee, deadline);
    }

    function claimOf(uint256 coin, uint256 sequence, address owner) internal pure returns (bytes memory) {
        return abi.encode(keccak256("Claim(uint256 coin,uint256 sequence,address newOwner)"), coin, sequence, owner);
    }

    function reclaimOf(uint256 coin, uint256 sequence, address owner) internal pure returns (bytes memory) {
        return abi.encode(keccak256("Reclaim(uint256 coin,uint256 sequence,address newOwner)"), coin, sequence, owner);
    }

    function halves(bytes memory signature) internal pure returns (bytes32 r, bytes32 yParityAndS) {
        return abi.decode(signature, (bytes32, bytes32));
    }
}
