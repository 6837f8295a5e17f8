/** Fixed binary fields: each value has one form of bytes, and bytes that are left over or missing are an error. */
import { bytesToHex, hexToBytes } from 'viem';
import type { Hex } from '../../chain/domain.ts';
import type { CoinSignature } from '../register/domain.ts';
import { coinFailure } from './failures.ts';

const CURVES = ['secp256k1', 'P-256'] as const;

export class FieldWriter {
  readonly #parts: number[] = [];

  /** Errors: thrown COIN_MESSAGE_MALFORMED when the value does not fit */
  number(value: bigint | number, size: number): this {
    const whole = BigInt(value);
    if (whole < 0n || whole >> BigInt(8 * size) !== 0n) {
      throw coinFailure('COIN_MESSAGE_MALFORMED', `${whole} does not fit into ${size} bytes`);
    }
    for (let index = size - 1; index >= 0; index -= 1) this.#parts.push(Number((whole >> BigInt(8 * index)) & 0xffn));
    return this;
  }

  hex(value: Hex, size: number): this {
    const bytes = hexToBytes(value);
    if (bytes.length !== size) {
      throw coinFailure('COIN_MESSAGE_MALFORMED', `${bytes.length} bytes where ${size} belong`);
    }
    this.#parts.push(...bytes);
    return this;
  }

  text(value: string): this {
    this.#parts.push(...new TextEncoder().encode(value));
    return this;
  }

  signature(signature: CoinSignature): this {
    this.number(CURVES.indexOf(signature.curve) + 1, 1);
    if (signature.curve === 'secp256k1') return this.hex(signature.r, 32).hex(signature.yParityAndS, 32);
    return this.hex(signature.r, 32).hex(signature.s, 32).hex(signature.x, 32).hex(signature.y, 32);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }
}

export class FieldReader {
  readonly #bytes: Uint8Array;
  #place = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  hex(size: number): Hex {
    const end = this.#place + size;
    if (end > this.#bytes.length) throw coinFailure('COIN_MESSAGE_MALFORMED', `ends at byte ${this.#bytes.length}`);
    const value = bytesToHex(this.#bytes.subarray(this.#place, end));
    this.#place = end;
    return value;
  }

  big(size: number): bigint {
    return BigInt(this.hex(size));
  }

  /** At most 6 bytes, so that it is exact. */
  number(size: number): number {
    return Number(this.big(size));
  }

  signature(): CoinSignature {
    const curve = CURVES[this.number(1) - 1];
    if (curve === 'secp256k1') return { curve, r: this.hex(32), yParityAndS: this.hex(32) };
    if (curve === 'P-256') return { curve, r: this.hex(32), s: this.hex(32), x: this.hex(32), y: this.hex(32) };
    throw coinFailure('COIN_MESSAGE_MALFORMED', 'a signature of no known curve');
  }

  end(): void {
    const left = this.#bytes.length - this.#place;
    if (left > 0) throw coinFailure('COIN_MESSAGE_MALFORMED', `${left} bytes too many`);
  }
}
