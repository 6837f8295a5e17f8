/**
 * What devices say to each other, as bytes: an offer, a coin, its receipt, its refusal.
 *
 * Every message begins with «SC», version, kind, chain (8 bytes) and register (20). One content has one form of bytes.
 */
import { concatHex, keccak256, stringToHex } from 'viem';
import type { Address, Hex } from '../../chain/domain.ts';
import type { CoinSignature, Register } from '../register/domain.ts';
import { digestOf } from '../register/signing.ts';
import { FieldReader, FieldWriter } from './bytes.ts';
import type { CoinCryptography } from './cryptography.ts';
import { coinFailure } from './failures.ts';

export const MESSAGE_VERSION = 1;
export const MAXIMUM_MESSAGE_BYTES = 8_192;
/** What a message can hold; how many a device lets pass is its policy. */
export const MAXIMUM_HOPS = 16;
export const NO_OWNER: Address = '0x0000000000000000000000000000000000000000';

const MAGIC = 0x5343;
const KINDS = ['offer', 'coin', 'receipt', 'refusal'] as const;
export const FORMS = ['secret', 'switches'] as const;
export const REFUSALS = ['declined', 'offer', 'hops', 'deadline', 'amount', 'form', 'register'] as const;

/** `secret`: the coin's secret itself goes along. `switches`: each holder has signed for the next. */
export type Form = (typeof FORMS)[number];
export type RefusalReason = (typeof REFUSALS)[number];

/** Whoever is to be paid asks for an amount. `amount` in token units, `expiresAt` in seconds since 1970. */
export type Offer = Readonly<{
  kind: 'offer';
  register: Register;
  payee: Address;
  offerId: Hex;
  newOwner: Address;
  amount: bigint;
  expiresAt: number;
  signature: CoinSignature;
}>;

/** A coin as the register knows it, before any device passed it on. */
export type CoinBase = Readonly<{
  register: Register;
  coin: bigint;
  sequence: number;
  amount: bigint;
  owner: Address;
  form: Form;
}>;

/** One passing-on, signed by the payer's device. From `reclaimableAfter` on (seconds) the payer may take the coin back. */
export type Hop = Readonly<{
  payer: Address;
  payee: Address;
  offerId: Hex;
  newOwner: Address;
  reclaimableAfter: number;
  signature: CoinSignature;
  switchSignature?: CoinSignature;
}>;
export type HopTerms = Omit<Hop, 'signature' | 'switchSignature'>;

export type CoinMessage = Readonly<{ kind: 'coin'; base: CoinBase; hops: readonly Hop[]; sealed?: Hex }>;
export type Receipt = Readonly<{
  kind: 'receipt';
  register: Register;
  payee: Address;
  transferId: Hex;
  signature: CoinSignature;
}>;
export type Refusal = Readonly<Omit<Receipt, 'kind'> & { kind: 'refusal'; reason: RefusalReason }>;
export type Message = Offer | CoinMessage | Receipt | Refusal;

function head(kind: Message['kind'], register: Register): FieldWriter {
  return new FieldWriter()
    .number(MAGIC, 2)
    .number(MESSAGE_VERSION, 1)
    .number(KINDS.indexOf(kind) + 1, 1)
    .number(register.chainId, 8)
    .hex(register.address, 20);
}

export function encodeMessage(message: Message): Uint8Array {
  switch (message.kind) {
    case 'offer':
      return offerFields(message).signature(message.signature).bytes();
    case 'receipt':
      return answerFields(message).signature(message.signature).bytes();
    case 'refusal':
      return answerFields(message).signature(message.signature).bytes();
    case 'coin': {
      const writer = baseFields(head('coin', message.base.register), message.base).number(message.hops.length, 1);
      for (const hop of message.hops) {
        hopFields(writer, hop).signature(hop.signature);
        if (hop.switchSignature) writer.signature(hop.switchSignature);
      }
      return (message.sealed ? writer.hex(message.sealed, 32) : writer).bytes();
    }
  }
}

/**
 * Errors: thrown COIN_MESSAGE_TOO_LARGE · COIN_VERSION_UNKNOWN · COIN_MESSAGE_MALFORMED, before anything is believed
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length > MAXIMUM_MESSAGE_BYTES) {
    throw coinFailure('COIN_MESSAGE_TOO_LARGE', `${bytes.length} bytes`, {
      bytes: bytes.length,
      maximumBytes: MAXIMUM_MESSAGE_BYTES,
    });
  }
  const reader = new FieldReader(bytes);
  if (reader.number(2) !== MAGIC) throw coinFailure('COIN_MESSAGE_MALFORMED', 'not a message of a coin device');
  const version = reader.number(1);
  if (version !== MESSAGE_VERSION) throw coinFailure('COIN_VERSION_UNKNOWN', `version ${version}`, { version });
  const kind = KINDS[reader.number(1) - 1];
  if (!kind) throw coinFailure('COIN_MESSAGE_MALFORMED', 'no such kind of message');
  const chainId = reader.big(8);
  if (chainId > BigInt(Number.MAX_SAFE_INTEGER)) throw coinFailure('COIN_MESSAGE_MALFORMED', 'no such chain');
  const message = readBody(reader, kind, { chainId: Number(chainId), address: reader.hex(20) });
  reader.end();
  return message;
}

function readBody(reader: FieldReader, kind: Message['kind'], register: Register): Message {
  switch (kind) {
    case 'offer':
      return {
        kind,
        register,
        payee: reader.hex(20),
        offerId: reader.hex(32),
        newOwner: reader.hex(20),
        amount: reader.big(8),
        expiresAt: reader.number(6),
        signature: reader.signature(),
      };
    case 'receipt':
      return { kind, register, payee: reader.hex(20), transferId: reader.hex(32), signature: reader.signature() };
    case 'refusal': {
      const [payee, transferId] = [reader.hex(20), reader.hex(32)];
      const reason = REFUSALS[reader.number(1)];
      if (!reason) throw coinFailure('COIN_MESSAGE_MALFORMED', 'no such reason');
      return { kind, register, payee, transferId, reason, signature: reader.signature() };
    }
    case 'coin':
      return readCoin(reader, register);
  }
}

function readCoin(reader: FieldReader, register: Register): CoinMessage {
  const [coin, sequence, amount, owner] = [reader.big(5), reader.number(3), reader.big(8), reader.hex(20)];
  const form = FORMS[reader.number(1)];
  if (!form) throw coinFailure('COIN_MESSAGE_MALFORMED', 'no such form of coin');
  const count = reader.number(1);
  if (count < 1 || count > MAXIMUM_HOPS) throw coinFailure('COIN_MESSAGE_MALFORMED', `${count} hops`);
  const hops = Array.from({ length: count }, (): Hop => {
    const terms = {
      payer: reader.hex(20),
      payee: reader.hex(20),
      offerId: reader.hex(32),
      newOwner: reader.hex(20),
      reclaimableAfter: reader.number(6),
    };
    const signature = reader.signature();
    return form === 'switches' ? { ...terms, signature, switchSignature: reader.signature() } : { ...terms, signature };
  });
  const base = { register, coin, sequence, amount, owner, form };
  return form === 'secret' ? { kind: 'coin', base, hops, sealed: reader.hex(32) } : { kind: 'coin', base, hops };
}

function offerFields(offer: Omit<Offer, 'signature'>): FieldWriter {
  return head('offer', offer.register)
    .hex(offer.payee, 20)
    .hex(offer.offerId, 32)
    .hex(offer.newOwner, 20)
    .number(offer.amount, 8)
    .number(offer.expiresAt, 6);
}

function answerFields(answer: Omit<Receipt, 'signature'> | Omit<Refusal, 'signature'>): FieldWriter {
  const writer = head(answer.kind, answer.register).hex(answer.payee, 20).hex(answer.transferId, 32);
  return answer.kind === 'refusal' ? writer.number(REFUSALS.indexOf(answer.reason), 1) : writer;
}

function baseFields(writer: FieldWriter, base: CoinBase): FieldWriter {
  return writer
    .number(base.coin, 5)
    .number(base.sequence, 3)
    .number(base.amount, 8)
    .hex(base.owner, 20)
    .number(FORMS.indexOf(base.form), 1);
}

function hopFields(writer: FieldWriter, hop: HopTerms): FieldWriter {
  return writer
    .hex(hop.payer, 20)
    .hex(hop.payee, 20)
    .hex(hop.offerId, 32)
    .hex(hop.newOwner, 20)
    .number(hop.reclaimableAfter, 6);
}

/** What a device signs never begins like EIP-712's 0x1901, so it is no switch of a coin either. */
function deviceDigest(fields: Uint8Array): Hex {
  return keccak256(concatHex([stringToHex('Specie coin device v1'), keccak256(fields)]));
}

export function offerDigest(offer: Omit<Offer, 'signature'>): Hex {
  return deviceDigest(offerFields(offer).bytes());
}

export function answerDigest(answer: Omit<Receipt, 'signature'> | Omit<Refusal, 'signature'>): Hex {
  return deviceDigest(answerFields(answer).bytes());
}

/** What names a passing-on, and what the payer's device signs: it holds all that went before. */
export function transferIdOf(base: CoinBase, before: readonly Hop[], terms: HopTerms): Hex {
  const last = before.at(-1);
  const previous = last ? transferIdOf(base, before.slice(0, -1), last) : `0x${'0'.repeat(64)}`;
  const writer = baseFields(head('coin', base.register), base).number(before.length, 1);
  return deviceDigest(hopFields(writer.hex(previous as Hex, 32), terms).bytes());
}

export function transferIdsOf(base: CoinBase, hops: readonly Hop[]): readonly Hex[] {
  return hops.map((hop, index) => transferIdOf(base, hops.slice(0, index), hop));
}

/** What the register asks of the holder who passes the coin on as hop number `index`. */
export function switchDigest(base: CoinBase, index: number, newOwner: Address): Hex {
  const switched = { coin: base.coin, sequence: base.sequence + index, owner: newOwner, hops: index + 1 };
  return digestOf(base.register, { kind: 'Switch', head: switched });
}

export function requireRegister(expected: Register, found: Register): void {
  if (expected.chainId !== found.chainId) {
    throw coinFailure('COIN_CHAIN_WRONG', `chain ${found.chainId}, not ${expected.chainId}`);
  }
  if (!isSame(expected.address, found.address)) {
    throw coinFailure('COIN_REGISTER_WRONG', `register ${found.address}, not ${expected.address}`);
  }
}

/** Errors: thrown COIN_KEY_WRONG · COIN_SIGNATURE_HIGH_S */
export function requireSigner(
  cryptography: CoinCryptography,
  expected: Address,
  digest: Hex,
  signature: CoinSignature,
): void {
  const signer = cryptography.recover(digest, signature);
  if (!isSame(signer, expected)) throw coinFailure('COIN_KEY_WRONG', `signed by ${signer}, not by ${expected}`);
}

/**
 * Every signature of a coin's way, and that each payee is the next payer.
 *
 * Errors: thrown COIN_KEY_WRONG · COIN_SIGNATURE_HIGH_S · COIN_AMOUNT_ZERO · COIN_MESSAGE_MALFORMED
 */
export function verifyHops(cryptography: CoinCryptography, base: CoinBase, hops: readonly Hop[]): void {
  if (base.amount === 0n) throw coinFailure('COIN_AMOUNT_ZERO', 'a coin of nothing');
  let owner = base.owner;
  for (const [index, hop] of hops.entries()) {
    const before = hops.slice(0, index);
    requireSigner(cryptography, hop.payer, transferIdOf(base, before, hop), hop.signature);
    const previous = before.at(-1);
    if (previous && !isSame(previous.payee, hop.payer)) {
      throw coinFailure('COIN_KEY_WRONG', `${hop.payer} passed on what ${previous.payee} had been given`);
    }
    // Whoever passes on promises less time than was promised to him, or two could take the coin back at once.
    if (previous && hop.reclaimableAfter >= previous.reclaimableAfter) {
      throw coinFailure('COIN_MESSAGE_MALFORMED', 'a hop that outlasts the one before');
    }
    if (base.form === 'switches') {
      requireSigner(cryptography, owner, switchDigest(base, index, hop.newOwner), hop.switchSignature!);
      owner = hop.newOwner;
    }
  }
}

export function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
