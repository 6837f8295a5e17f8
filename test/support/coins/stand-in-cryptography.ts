import { concatHex, keccak256, numberToHex, padHex, slice } from 'viem';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import type { CoinCryptography } from '../../../bridge/coins/security-element/cryptography.ts';

/**
 * Names the signer instead of proving it: a hundred times faster than the curves, and enough where nobody forges.
 * Every twentieth schedule runs on the curves themselves.
 */
export const standInCryptography: CoinCryptography = {
  referenceOf: (secret, curve) => slice(keccak256(concatHex([secret, curve === 'P-256' ? '0x02' : '0x01'])), 12),
  sign(secret, curve, digest) {
    const reference = standInCryptography.referenceOf(secret, curve);
    const [r, s] = [padHex(reference, { size: 32 }), proofOf(reference, digest)];
    if (curve === 'secp256k1') return { curve, r, yParityAndS: s };
    return { curve, r, s, x: r, y: s };
  },
  recover(digest, signature) {
    const reference = slice(signature.r, 12) as Address;
    const s = signature.curve === 'secp256k1' ? signature.yParityAndS : signature.s;
    return s === proofOf(reference, digest) ? reference : numberToHex(1, { size: 20 });
  },
  agree(secret, digest, signature) {
    const names = [
      standInCryptography.referenceOf(secret, 'secp256k1'),
      standInCryptography.recover(digest, signature),
    ];
    return keccak256(concatHex(names.sort()));
  },
};

function proofOf(reference: Address, digest: Hex): Hex {
  return keccak256(concatHex([reference, digest]));
}
