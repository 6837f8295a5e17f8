import { hexToBytes } from 'viem';
import { beforeEach, describe, expect, it } from 'vitest';
import { decide } from '../../../bridge/coins/register/model.ts';
import { curves } from '../../../bridge/coins/security-element/cryptography.ts';
import { doubleSpender, evidenceOf, judgeEvidence } from '../../../bridge/coins/security-element/evidence.ts';
import { seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import { type CoinMessage, decodeMessage } from '../../../bridge/coins/security-element/messages.ts';
import type { MemoryStore } from '../../../bridge/coins/security-element/store.ts';
import { LIMITS } from '../../support/coins/register-world.ts';
import { type Party, seedOf, spendable, spenders, stateOf, TABLE_POLICY, Table } from '../../support/coins/table.ts';

let table: Table;
let anna: Party;
let bela: Party;
let coin: string;

beforeEach(async () => {
  table = new Table();
  anna = await table.party('anna');
  bela = await table.party('bela');
  coin = await table.issue(anna, 5n);
});

function sentBytes(party: Party, holdingId: string): Uint8Array {
  const { record } = party.terminal.element.state.holdings.get(holdingId)!;
  if (record?.kind !== 'sent') throw new Error(`${holdingId} was not sent`);
  return hexToBytes(record.bytes);
}

describe('fault table', () => {
  it('coin message lost: the identical bytes go out again', async () => {
    const lost = await table.pay(anna, bela, coin);
    table.sent.length = 0;
    await anna.terminal.work();
    await anna.terminal.work();
    expect(table.sent.map(({ bytes }) => bytes)).toEqual([lost, lost]);
    const handled = await bela.terminal.handle(table.sent[1]!.bytes);
    expect(handled.kind).toBe('received');
    expect(spenders(table, 1n, [anna, bela])).toEqual(['bela']);
  });

  it('coin message lost: the payer takes it back by a switch to a fresh key, not before the promised time', async () => {
    await table.pay(anna, bela, coin);
    await table.settle(anna);
    expect(spenders(table, 1n, [anna, bela])).toEqual([]);
    table.time += TABLE_POLICY.reclaimSeconds + TABLE_POLICY.margin;
    const before = table.register.head.state.coins.get(1n)!.owner;
    await table.settle(anna);
    expect(spendable(table, anna)).toEqual(['1/2/0']);
    expect(stateOf(anna, coin)).toBe('deleted');
    expect(table.register.head.state.coins.get(1n)!.owner).not.toBe(before);
  });

  it('coin message lost: the payee’s refusal in writing frees the payer at once', async () => {
    const bytes = await table.pay(anna, bela, coin);
    await anna.terminal.handle(await bela.terminal.element.refuse(bytes, 'declined'));
    await table.settle(anna);
    expect(spendable(table, anna)).toEqual(['1/2/0']);
    const late = await bela.terminal.handle(bytes);
    expect(late.kind).toBe('refused');
    expect(spenders(table, 1n, [anna, bela])).toEqual(['anna']);
  });

  it('receipt lost, payee online: the register shows the new owner, and the payer deletes', async () => {
    await bela.terminal.handle(await table.pay(anna, bela, coin));
    await table.settle(bela);
    await table.settle(anna);
    expect(stateOf(anna, coin)).toBe('deleted');
    expect(spenders(table, 1n, [anna, bela])).toEqual(['bela']);
  });

  it('receipt lost, payee offline: the same coin message has the same receipt', async () => {
    bela.isOnline = false;
    const first = await bela.terminal.handle(await table.pay(anna, bela, coin));
    await table.restart(bela);
    const again = await bela.terminal.handle(sentBytes(anna, coin));
    if (first.kind !== 'received' || again.kind !== 'received') throw new Error('not received');
    expect(again.answer).toEqual(first.answer);
    expect(again.isNew).toBe(false);
    await anna.terminal.handle(again.answer);
    expect(stateOf(anna, coin)).toBe('deleted');
    expect(spendable(table, bela)).toHaveLength(1);
  });

  it.each(['before it is sent', 'after it is sent', 'before it is deleted'])(
    'crash %s: the journal is replayed, and then the register asked',
    async (when) => {
      const bytes = await table.pay(anna, bela, coin);
      if (when === 'before it is sent') {
        // The write was the last thing that happened.
        await table.restart(anna);
      } else {
        const handled = await bela.terminal.handle(bytes);
        if (handled.kind !== 'received') throw new Error(handled.kind);
        await table.restart(anna);
        if (when === 'before it is deleted') await anna.terminal.handle(handled.answer);
        await table.restart(anna);
      }
      expect(spenders(table, 1n, [anna])).toEqual([]);
      await anna.terminal.work();
      for (const { bytes: resent } of table.sent) await bela.terminal.handle(resent);
      await table.settle(bela, anna);
      expect(stateOf(anna, coin)).toBe('deleted');
      expect(spenders(table, 1n, [anna, bela])).toEqual(['bela']);
    },
  );

  it('a torn last entry of the journal never was: the coin is as it was before', async () => {
    await table.pay(anna, bela, coin);
    const { entries } = anna.store as MemoryStore;
    entries[entries.length - 1] = entries.at(-1)!.slice(0, 100);
    await table.restart(anna);
    expect(spendable(table, anna)).toEqual([coin]);
    await table.pass(anna, bela, coin);
    await table.restart(anna);
    expect(spenders(table, 1n, [anna, bela])).toEqual(['bela']);
  });

  it.each(['payer', 'payee'])(
    'reclaim races the payee’s switch, %s first: one wins and the other is told',
    async (first) => {
      bela.isOnline = false;
      await bela.terminal.handle(await table.pay(anna, bela, coin));
      table.time += TABLE_POLICY.reclaimSeconds + TABLE_POLICY.margin;
      table.mine();
      bela.isOnline = true;
      for (const { terminal } of first === 'payer' ? [anna, bela] : [bela, anna]) await terminal.work();
      table.final();
      const happenings = [...(await anna.terminal.work()), ...(await bela.terminal.work())];
      await table.settle(anna, bela);
      expect(spenders(table, 1n, [anna, bela])).toEqual([first === 'payer' ? 'anna' : 'bela']);
      expect(happenings.map(({ kind }) => kind).sort()).toEqual(first === 'payer' ? ['lost', 'settled'] : ['settled']);
      const evidence = evidenceOf(bela.terminal.element.state);
      if (first === 'payer') expect(judgeEvidence(curves, evidence[0]!).verdict).toBe('deadlinePassed');
      else expect(evidence).toEqual([]);
    },
  );

  it('payer double-sends to two payees: the first switch wins, the second is told at once and can show who it was', async () => {
    const cora = await table.party('cora');
    const disk = [...anna.store.entries];
    const toBela = await table.pay(anna, bela, coin);
    // Anna plays her device back to where it was before.
    anna.store.entries.length = 0;
    anna.store.entries.push(...disk);
    await table.restart(anna);
    const toCora = await table.pay(anna, cora, coin);
    await bela.terminal.handle(toBela);
    await bela.terminal.work();
    table.mine();
    const handled = await cora.terminal.handle(toCora);
    if (handled.kind !== 'refused' || !handled.evidence) throw new Error(handled.kind);
    expect(handled.code).toBe('COIN_DOUBLE_SPENT');
    const device = anna.terminal.element.state.device;
    expect(judgeEvidence(curves, handled.evidence)).toEqual({
      payer: device,
      payers: [device],
      verdict: 'promiseBroken',
    });
    // It outlives the device's process, and nobody can be named who did not sign.
    await table.restart(cora);
    const [kept] = evidenceOf(cora.terminal.element.state);
    expect(judgeEvidence(curves, kept!).payer).toBe(device);
    const framed = { ...kept!, hops: [{ ...kept!.hops[0]!, payer: bela.terminal.element.state.device }] };
    expect(() => judgeEvidence(curves, framed)).toThrow('signed by');
    const [one, other] = [toBela, toCora].map((bytes) => decodeMessage(bytes) as CoinMessage);
    expect(doubleSpender(curves, one!, other!)).toBe(device);
    expect(doubleSpender(curves, one!, one!)).toBeUndefined();
  });

  it('payer double-sends while the second payee is offline: its own switch comes too late, and it can show who it was', async () => {
    const cora = await table.party('cora');
    const disk = [...anna.store.entries];
    const toBela = await table.pay(anna, bela, coin);
    anna.store.entries.length = 0;
    anna.store.entries.push(...disk);
    await table.restart(anna);
    const toCora = await table.pay(anna, cora, coin);
    cora.isOnline = false;
    await cora.terminal.handle(toCora);
    await bela.terminal.handle(toBela);
    await table.settle(bela);
    cora.isOnline = true;
    const [happening] = await cora.terminal.work();
    expect(happening?.kind).toBe('lost');
    const [evidence] = evidenceOf(cora.terminal.element.state);
    expect(judgeEvidence(curves, evidence!).payer).toBe(anna.terminal.element.state.device);
    expect(spenders(table, 1n, [anna, bela, cora])).toEqual(['bela']);
  });

  it('outcome unknown, reorganisation: the identical request goes out again until it is final', async () => {
    const holding = await table.pass(anna, bela, coin);
    await bela.terminal.work();
    table.mine();
    table.register.reorganise(1);
    expect(table.register.head.state.coins.get(1n)!.sequence).toBe(1);
    const { asks } = bela.terminal.element.state;
    const [ask] = [...asks.values()];
    await table.settle(bela);
    expect(stateOf(bela, holding)).toBe('deleted');
    expect(spendable(table, bela)).toEqual(['1/2/0']);
    // Brought again after it was done, it is done already, and no failure.
    const { operation } = ask!.requests[0]!;
    if (operation.kind !== 'Switch') throw new Error(operation.kind);
    const command = { ...operation, signer: operation.head.owner, now: 0n };
    expect(decide(table.register.head.state, command, LIMITS).outcome).toBe('alreadyDone');
  });

  it('one bad operation in a batch: the others are done', async () => {
    const other = await table.issue(anna, 7n);
    const asks = await anna.terminal.gather([coin, other]);
    const [first] = asks[0]!.requests;
    const wrong = { ...first!, signature: asks[1]!.requests[0]!.signature };
    table.register.submit(wrong);
    await table.settle(anna);
    expect(spendable(table, anna)).toEqual(['1/2/0', '2/2/0']);
  });

  it('escrow wanted online: locked for the payee, who claims it before the deadline', async () => {
    const offer = await bela.terminal.offer(5n);
    await anna.terminal.lock(coin, offer, table.time + 600);
    await table.settle(anna, bela);
    await table.settle(anna, bela);
    expect(spenders(table, 1n, [anna, bela])).toEqual(['bela']);
    expect(stateOf(anna, coin)).toBe('deleted');
  });

  it('escrow wanted online: reclaimed by the payer after the deadline', async () => {
    const offer = await bela.terminal.offer(5n);
    await anna.terminal.lock(coin, offer, table.time + 600);
    await table.settle(anna);
    expect(spenders(table, 1n, [anna, bela])).toEqual([]);
    table.time += 600 + TABLE_POLICY.margin;
    await table.settle(anna);
    expect(spendable(table, anna)).toEqual(['1/3/0']);
  });

  it('register away: a coin of a device that nobody vouches for is not taken, nor refused', async () => {
    table.strangers.add(anna.terminal.element.state.device);
    const bytes = await table.pay(anna, bela, coin);
    bela.isOnline = false;
    await expect(bela.terminal.handle(bytes)).rejects.toMatchObject({ code: 'COIN_REGISTER_UNAVAILABLE' });
    bela.isOnline = true;
    expect(await bela.terminal.handle(bytes)).toMatchObject({ kind: 'received', isChecked: true });
    // Its receipt is given again, register or not.
    bela.isOnline = false;
    expect(await bela.terminal.handle(bytes)).toMatchObject({ kind: 'received', isNew: false });
  });

  it('payee’s node behind the payer’s: an older word is no double spend', async () => {
    const old = table.register.head.state.coins.get(1n)!;
    await anna.terminal.gather([coin]);
    await table.settle(anna);
    const bytes = await table.pay(anna, bela, '1/2/0');
    const received = await bela.terminal.element.receive(bytes, { now: table.time, word: old });
    expect(received.isNew).toBe(true);
  });

  it('a way of signed switches that somebody began to register is still the coin’s way', async () => {
    const phones = await Promise.all(
      ['phone', 'watch', 'ring'].map((name) => table.party(name, seedKeys(seedOf(name), { curve: 'P-256' }))),
    );
    const [phone, watch, ring] = phones as [Party, Party, Party];
    const first = await table.issue(phone, 8n);
    const atWatch = await table.pass(phone, watch, first);
    const { history, base } = watch.terminal.element.state.holdings.get(atWatch)!;
    const bytes = await table.pay(watch, ring, atWatch);
    const head = { coin: base.coin, sequence: base.sequence, owner: history[0]!.newOwner, hops: 1 };
    table.register.submit({ operation: { kind: 'Switch', head }, signature: history[0]!.switchSignature! });
    table.mine();
    expect(await ring.terminal.handle(bytes)).toMatchObject({ kind: 'received', isChecked: true });
    await table.settle(ring);
    expect(spenders(table, base.coin, phones)).toEqual(['ring']);
  });
});
