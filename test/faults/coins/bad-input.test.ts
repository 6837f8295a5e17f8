import { secp256k1 } from '@noble/curves/secp256k1.js';
import { numberToHex } from 'viem';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CoinSignature } from '../../../bridge/coins/register/domain.ts';
import { curves } from '../../../bridge/coins/security-element/cryptography.ts';
import { seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import {
  type CoinMessage,
  decodeMessage,
  encodeMessage,
  type Hop,
  type Offer,
  offerDigest,
  transferIdOf,
} from '../../../bridge/coins/security-element/messages.ts';
import { type Party, seedOf, spendable, stateOf, Table } from '../../support/coins/table.ts';

let table: Table;
let anna: Party;
let bela: Party;
let coin: string;
let message: CoinMessage;

beforeEach(async () => {
  table = new Table();
  anna = await table.party('anna');
  bela = await table.party('bela');
  coin = await table.issue(anna, 5n);
});

async function sendToBela(): Promise<Uint8Array> {
  const bytes = await table.pay(anna, bela, coin);
  message = decodeMessage(bytes) as CoinMessage;
  return bytes;
}

/** The code it throws, after which not a byte of the device's disk has changed. */
async function codeOf(party: Party, act: () => Promise<unknown>): Promise<string> {
  const before = JSON.stringify(party.store);
  const error = await act().then(
    () => undefined,
    (thrown: { code?: string }) => thrown,
  );
  expect(JSON.stringify(party.store)).toBe(before);
  return error?.code ?? `nothing was thrown: ${String(error)}`;
}

function receive(bytes: Uint8Array, word?: Parameters<Party['terminal']['element']['receive']>[1]['word']) {
  return codeOf(bela, () => bela.terminal.element.receive(bytes, { now: table.time, word }));
}

/** The message with another base or last hop, signed by Anna's device as if she had meant it. */
async function signedAnew(base: Partial<CoinMessage['base']>, hop: Partial<Hop> = {}): Promise<Uint8Array> {
  const changed = { ...message.base, ...base };
  const last = { ...message.hops.at(-1)!, ...hop };
  const transferId = transferIdOf(changed, [], last);
  const signature = await anna.keys.signAsDevice(transferId);
  return encodeMessage({ ...message, base: changed, hops: [{ ...last, signature }] });
}

/** The lowest s of the upper half; larger ones do not fit beside the parity at all. */
function withHighS(signature: CoinSignature): CoinSignature {
  return { ...signature, yParityAndS: numberToHex(secp256k1.CURVE.n / 2n + 1n, { size: 32 }) } as CoinSignature;
}

describe('bad input has a typed error and changes nothing', () => {
  it('wrong key', async () => {
    await sendToBela();
    const stranger = seedKeys(seedOf('stranger'));
    const [hop] = message.hops;
    const signature = await stranger.signAsDevice(transferIdOf(message.base, [], hop!));
    expect(await receive(encodeMessage({ ...message, hops: [{ ...hop!, signature }] }))).toBe('COIN_KEY_WRONG');
    const sealed = numberToHex(BigInt(message.sealed!) ^ 1n, { size: 32 });
    expect(await receive(encodeMessage({ ...message, sealed }))).toBe('COIN_KEY_WRONG');
    expect(await receive(encodeMessage({ ...message, base: { ...message.base, amount: 6n } }))).toBe('COIN_KEY_WRONG');
  });

  it('high s', async () => {
    await sendToBela();
    const [hop] = message.hops;
    const bytes = encodeMessage({ ...message, hops: [{ ...hop!, signature: withHighS(hop!.signature) }] });
    expect(await receive(bytes)).toBe('COIN_SIGNATURE_HIGH_S');
    const offer = decodeMessage(await bela.terminal.offer(5n)) as Offer;
    const p256 = seedKeys(seedOf('phone'), { curve: 'P-256' });
    const content = { ...offer, payee: p256.device };
    const signature = await p256.signAsDevice(offerDigest(content));
    if (signature.curve !== 'P-256') throw new Error('a device of P-256');
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const high = { ...signature, s: numberToHex(order - BigInt(signature.s), { size: 32 }) };
    const highOffer = encodeMessage({ ...content, signature: high });
    expect(() => curves.recover(offerDigest(content), high)).toThrow('upper half');
    const holdingId = await table.issue(anna, 5n);
    const send = () => anna.terminal.element.send({ holdingId, offer: highOffer, now: table.time });
    expect(await codeOf(anna, send)).toBe('COIN_SIGNATURE_HIGH_S');
  });

  it('sequence reused', async () => {
    const first = await sendToBela();
    const again = await bela.terminal.offer(5n);
    expect(await codeOf(anna, () => anna.terminal.pay(again, coin))).toBe('COIN_NOT_SPENDABLE');
    await bela.terminal.handle(first);
    const other = decodeMessage(await bela.terminal.offer(5n)) as Offer;
    expect(await receive(await signedAnew({}, { offerId: other.offerId }))).toBe('COIN_SEQUENCE_REUSED');
    // Nor is a coin taken that this very device has, whatever its number is said to be.
    expect(await receive(await signedAnew({ sequence: 9 }, { offerId: other.offerId }))).toBe('COIN_SEQUENCE_REUSED');
  });

  it('other chain', async () => {
    await sendToBela();
    const register = { ...message.base.register, chainId: 1 };
    expect(await receive(await signedAnew({ register }))).toBe('COIN_CHAIN_WRONG');
  });

  it('other contract', async () => {
    await sendToBela();
    const register = { ...message.base.register, address: numberToHex(7, { size: 20 }) };
    expect(await receive(await signedAnew({ register }))).toBe('COIN_REGISTER_WRONG');
  });

  it('zero amount', async () => {
    await sendToBela();
    expect(await receive(await signedAnew({ amount: 0n }))).toBe('COIN_AMOUNT_ZERO');
    expect(await codeOf(bela, () => bela.terminal.offer(0n))).toBe('COIN_AMOUNT_ZERO');
    const holdingId = await table.issue(anna, 5n);
    expect(await codeOf(anna, () => anna.terminal.split(holdingId, 0n))).toBe('COIN_AMOUNT_ZERO');
  });

  it('more than issued', async () => {
    const offer = decodeMessage(await bela.terminal.offer(6n)) as Offer;
    await sendToBela();
    const bytes = await signedAnew({ amount: 6n }, { offerId: offer.offerId });
    const word = table.register.head.state.coins.get(1n)!;
    expect(await receive(bytes, word)).toBe('COIN_AMOUNT_ABOVE_ISSUED');
    const holdingId = await table.issue(anna, 5n);
    expect(await codeOf(anna, () => anna.terminal.split(holdingId, 5n))).toBe('COIN_AMOUNT_ABOVE_ISSUED');
    expect(await codeOf(bela, () => bela.terminal.offer(2n ** 60n))).toBe('COIN_AMOUNT_ABOVE_ISSUED');
  });

  it('duplicate input', async () => {
    expect(await codeOf(anna, () => anna.terminal.merge([coin, coin], 100n))).toBe('COIN_INPUT_DUPLICATE');
    expect(await codeOf(anna, () => anna.terminal.gather([coin, coin]))).toBe('COIN_INPUT_DUPLICATE');
  });

  it('same output twice', async () => {
    const order = { holdingId: coin, amount: 2n, slot: { coin: 1n, sequence: 1 }, now: table.time };
    expect(await codeOf(anna, () => anna.terminal.element.split(order))).toBe('COIN_OUTPUT_DUPLICATE');
  });

  it('coin message of 10 MB', async () => {
    expect(await receive(new Uint8Array(10_000_000))).toBe('COIN_MESSAGE_TOO_LARGE');
  });

  it('unknown version', async () => {
    const bytes = await sendToBela();
    expect(await receive(bytes.with(2, 2))).toBe('COIN_VERSION_UNKNOWN');
  });

  it('expired offer', async () => {
    const bytes = await sendToBela();
    const late = await bela.terminal.offer(5n);
    table.time += 900;
    expect(await receive(bytes)).toBe('COIN_OFFER_EXPIRED');
    const holdingId = await table.issue(anna, 5n);
    const send = () => anna.terminal.element.send({ holdingId, offer: late, now: table.time });
    expect(await codeOf(anna, send)).toBe('COIN_OFFER_EXPIRED');
  });

  it('hop counter over its limit', async () => {
    const parties = [anna, bela, await table.party('cora'), await table.party('dora'), await table.party('emil')];
    for (const party of parties) party.isOnline = false;
    let holding = coin;
    for (let hop = 0; hop < 3; hop += 1) holding = await table.pass(parties[hop]!, parties[hop + 1]!, holding);
    const offer = await parties[4]!.terminal.offer(5n);
    const send = () => parties[3]!.terminal.element.send({ holdingId: holding, offer, now: table.time });
    expect(await codeOf(parties[3]!, send)).toBe('COIN_HOPS_EXCEEDED');
    // Registered, it starts a new count.
    parties[3]!.isOnline = true;
    await table.settle(parties[3]!);
    expect(stateOf(parties[3]!, holding)).toBe('deleted');
    await table.pass(parties[3]!, parties[4]!, spendable(table, parties[3]!)[0]!);
  });

  it('bytes too few, too many, of no kind, and an answer to nothing', async () => {
    const bytes = await sendToBela();
    expect(await receive(bytes.subarray(0, -1))).toBe('COIN_MESSAGE_MALFORMED');
    expect(await receive(Uint8Array.from([...bytes, 0]))).toBe('COIN_MESSAGE_MALFORMED');
    expect(await receive(bytes.with(3, 9))).toBe('COIN_MESSAGE_MALFORMED');
    expect(await receive(new Uint8Array(0))).toBe('COIN_MESSAGE_MALFORMED');
    const refusal = await bela.terminal.element.refuse(bytes, 'declined');
    expect(await codeOf(bela, () => bela.terminal.element.takeAnswer(refusal))).toBe('COIN_TRANSFER_UNKNOWN');
    const cora = await table.party('cora');
    expect(await codeOf(cora, () => cora.terminal.handle(bytes))).toBe('COIN_NOT_ADDRESSED');
  });
});
