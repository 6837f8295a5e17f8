// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import { ICoinTypes } from "../../../contracts/interfaces/ICoinTypes.sol";
import { CoinWord, CoinWords } from "../../../contracts/libraries/CoinWord.sol";
import { CoinStage } from "./CoinStage.sol";

uint256 constant PAGE = 5;

function pageCoin(uint256 leaf) pure returns (uint256) {
    return (1 << 40) | (PAGE << 8) | leaf;
}

/// @title A page in plain words: its root, its proofs, the items of a call. The oracle of what the register does by hand.
abstract contract PageStage is CoinStage {
    function rootOf(uint256[256] memory words) internal pure returns (bytes32) {
        bytes memory groups;
        for (uint256 group = 0; group < 16; ++group) groups = bytes.concat(groups, groupOf(words, group));
        return keccak256(groups);
    }

    function groupOf(uint256[256] memory words, uint256 group) internal pure returns (bytes32) {
        uint256[16] memory members;
        for (uint256 index = 0; index < 16; ++index) members[index] = words[16 * group + index];
        return keccak256(abi.encode(members));
    }

    /// @dev For the coin at `leaf`, which may be said to be another than it is.
    function proofOf(uint256[256] memory words, uint256 leaf, uint256 word) internal pure returns (bytes memory proof) {
        proof = abi.encode(word);
        for (uint256 index = 0; index < 16; ++index) {
            if (index != leaf % 16) proof = bytes.concat(proof, bytes32(words[leaf - (leaf % 16) + index]));
        }
        for (uint256 group = 0; group < 16; ++group) {
            if (group != leaf / 16) proof = bytes.concat(proof, groupOf(words, group));
        }
    }

    /// @dev `asked` has the items of operations by their leaves; whatever has none stays.
    function itemsOf(uint256[256] memory words, bytes[256] memory asked) internal pure returns (bytes memory items) {
        for (uint256 group = 0; group < 16; ++group) {
            bool isTouched;
            bytes memory told;
            for (uint256 leaf = 16 * group; leaf < 16 * group + 16; ++leaf) {
                isTouched = isTouched || asked[leaf].length != 0;
                told = bytes.concat(
                    told,
                    asked[leaf].length == 0 ? abi.encodePacked(uint8(0x10), words[leaf]) : asked[leaf]
                );
            }
            items = bytes.concat(items, isTouched ? told : abi.encodePacked(uint8(0x11), groupOf(words, group)));
        }
    }

    function briefOf(uint256 word) internal pure returns (bytes memory) {
        return abi.encodePacked(uint16(0), bytes12(bytes32(word)));
    }

    function wholeOf(uint256 word, uint256 sequence) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), word, uint24(sequence));
    }

    function moveInPageOf(address newOwner, bytes memory moves) internal pure returns (bytes memory) {
        bytes32 kind = keccak256("MoveInPage(uint256 page,address newOwner,bytes moves)");
        return abi.encode(kind, PAGE, newOwner, keccak256(moves));
    }

    function unpacked(uint256 packed) internal pure returns (ICoinTypes.Coin memory) {
        CoinWord word = CoinWord.wrap(packed);
        return
            ICoinTypes.Coin({
                state: ICoinTypes.State(word.state()),
                isFrozen: word.isFrozen(),
                sequence: uint24(word.sequence()),
                hops: uint8(word.hops()),
                amount: uint64(word.amount()),
                owner: word.owner()
            });
    }

    function activeWord(uint256 sequence, uint256 hops, uint256 amount, address owner) internal pure returns (uint256) {
        return CoinWord.unwrap(CoinWords.pack(sequence, CoinWords.ACTIVE, hops, amount, owner));
    }

    function freeWord(uint256 sequence, address owner) internal pure returns (uint256) {
        return CoinWord.unwrap(CoinWords.pack(sequence, CoinWords.FREE, 0, 0, owner));
    }
}
