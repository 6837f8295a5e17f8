import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { bytesToHex, hexToBytes, keccak256, numberToHex, slice, stringToHex } from 'viem';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Hex } from '../../../bridge/chain/domain.ts';
import { SecurityElement } from '../../../bridge/coins/security-element/element.ts';
import { hardwareKeys, type SecureHardware, seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import {
  decodeMessage,
  encodeMessage,
  MAXIMUM_MESSAGE_BYTES,
} from '../../../bridge/coins/security-element/messages.ts';
import { openSqliteStore } from '../../../bridge/coins/security-element/sqlite-store.ts';
import { MemoryStore } from '../../../bridge/coins/security-element/store.ts';
import { FRAME_BYTES, joinFrames, splitIntoFrames } from '../../../bridge/coins/terminal/qr-frames.ts';
import { REGISTER } from '../../support/coins/register-world.ts';
import { seedOf, spendable, spenders, TABLE_POLICY, Table } from '../../support/coins/table.ts';

describe('keys', () => {
  it('are the same for the same seed, and others for another seed, number or curve', async () => {
    const keys = seedKeys(seedOf('anna'));
    expect(await seedKeys(seedOf('anna')).reference(3)).toBe(await keys.reference(3));
    const others = [
      await keys.reference(4),
      await seedKeys(seedOf('bela')).reference(3),
      await seedKeys(seedOf('anna'), { curve: 'P-256' }).reference(3),
      keys.device,
    ];
    expect(new Set([...others, await keys.reference(3)]).size).toBe(5);
    expect(() => seedKeys('0x1234')).toThrow('64 hexadecimal digits');
    expect(() => seedKeys(numberToHex(0, { size: 32 }))).toThrow('not zero');
  });

  it('of hardware pay and are paid by signed switches, and say plainly that they cannot be restored', async () => {
    const table = new Table();
    const phone = await table.party('phone', await hardwareKeys(testHardware('phone')));
    const watch = await table.party('watch', await hardwareKeys(testHardware('watch')));
    const anna = await table.party('anna');
    const coin = await table.issue(phone, 5n);
    for (const party of [phone, watch, anna]) party.isOnline = false;
    const atWatch = await table.pass(phone, watch, coin);
    const atAnna = await table.pass(watch, anna, atWatch);
    expect(anna.terminal.element.state.holdings.get(atAnna)!.base.form).toBe('switches');
    expect(spenders(table, 1n, [phone, watch, anna])).toEqual(['anna']);
    anna.isOnline = true;
    await table.settle(anna);
    // Two hops that the register had not seen, registered in one call.
    expect(spendable(table, anna)).toEqual(['1/3/0']);
    expect(table.register.head.state.coins.get(1n)).toMatchObject({ sequence: 3, hops: 2 });
    phone.isOnline = true;
    const fresh = await table.party('fresh phone', await hardwareKeys(testHardware('fresh phone')));
    await expect(fresh.terminal.restore({ nothingUnderWay: true })).rejects.toMatchObject({
      code: 'COIN_KEYS_NOT_RESTORABLE',
    });
  });
});

/** A chip in memory; like real ones it answers with an s in either half. */
function testHardware(name: string): SecureHardware {
  return {
    async key(label) {
      const secret = hexToBytes(keccak256(stringToHex(`${name} ${label}`)));
      const point = bytesToHex(p256.getPublicKey(secret, false));
      return {
        x: slice(point, 1, 33),
        y: slice(point, 33, 65),
        async sign(digest: Hex) {
          const { r, s } = p256.sign(hexToBytes(digest), secret, { lowS: false, prehash: false });
          return { r: numberToHex(r, { size: 32 }), s: numberToHex(s, { size: 32 }) };
        },
      };
    },
  };
}

describe('a lost device', () => {
  it('comes back from its seed, and its coins are alive only after a switch to a new key', async () => {
    const table = new Table();
    const anna = await table.party('anna');
    await table.issue(anna, 5n);
    await table.issue(anna, 7n);
    const found = await table.party('anna', seedKeys(seedOf('anna')), new MemoryStore());
    expect(await found.terminal.restore({ nothingUnderWay: true })).toHaveLength(2);
    expect(spendable(table, found)).toEqual([]);
    await table.settle(found);
    expect(spendable(table, found)).toEqual(['1/2/0', '2/2/0']);
    // Its old file, should it turn up, has nothing left to spend once it has been online.
    await table.settle(anna);
    expect(spendable(table, anna)).toEqual([]);
  });

  it('keeps the promise that the lost one may have given: the payee has until then to register', async () => {
    const table = new Table();
    const anna = await table.party('anna');
    const bela = await table.party('bela');
    const coin = await table.issue(anna, 5n);
    bela.isOnline = false;
    await table.pass(anna, bela, coin);
    const found = await table.party('anna', seedKeys(seedOf('anna')), new MemoryStore());
    await found.terminal.restore({ nothingUnderWay: false });
    await table.settle(found);
    expect(spenders(table, 1n, [found, bela])).toEqual(['bela']);
    bela.isOnline = true;
    await table.settle(bela);
    table.time += TABLE_POLICY.reclaimSeconds + TABLE_POLICY.margin;
    await table.settle(found);
    expect(spenders(table, 1n, [found, bela])).toEqual(['bela']);
  });

  it('is restored into a new file only', async () => {
    const table = new Table();
    const anna = await table.party('anna');
    await table.issue(anna, 5n);
    await expect(anna.terminal.restore({ nothingUnderWay: true })).rejects.toMatchObject({ code: 'COIN_DEVICE_OTHER' });
  });
});

describe('the file of a device', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'specie-coins-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = async (name: string) =>
    SecurityElement.open({
      store: openSqliteStore(path.join(folder, 'device.sqlite')),
      keys: seedKeys(seedOf(name)),
      register: REGISTER,
      checkpointEvery: 4,
    });

  it('holds everything that was answered, across checkpoints', async () => {
    const element = await open('anna');
    for (let offer = 0; offer < 11; offer += 1) await element.offer({ amount: 5n, now: 1_800_000_000 });
    const before = element.state;
    await element.close();
    const again = await open('anna');
    expect(again.state).toEqual(before);
    await again.close();
  });

  it('is held by one process at a time, and opened with its own seed alone', async () => {
    const element = await open('anna');
    await expect(open('anna')).rejects.toMatchObject({ code: 'COIN_DEVICE_IN_USE' });
    await element.close();
    await expect(open('bela')).rejects.toMatchObject({ code: 'COIN_DEVICE_OTHER' });
  });
});

describe('the journal', () => {
  it('is not believed when an entry other than the last was changed', async () => {
    const table = new Table();
    const anna = await table.party('anna');
    await table.issue(anna, 5n);
    const { entries } = anna.store;
    entries[0] = entries[0]!.replace('opened', 'Opened');
    await expect(table.restart(anna)).rejects.toMatchObject({ code: 'COIN_JOURNAL_DAMAGED' });
  });

  it('stops the device when a write fails, because nobody knows what is on the disk', async () => {
    const store = new MemoryStore();
    const element = await SecurityElement.open({ store, keys: seedKeys(seedOf('anna')), register: REGISTER });
    store.append = async () => {
      throw new Error('no space left');
    };
    await expect(element.makeKey()).rejects.toThrow('no space left');
    await expect(element.makeKey()).rejects.toMatchObject({ code: 'COIN_DEVICE_STOPPED' });
  });
});

describe('messages', () => {
  it('have one form of bytes: what is read is written alike', async () => {
    const table = new Table();
    const anna = await table.party('anna');
    const bela = await table.party('bela');
    const offer = await bela.terminal.offer(5n);
    const coin = await table.pay(anna, bela, await table.issue(anna, 5n));
    const handled = await bela.terminal.handle(coin);
    const receipt = 'answer' in handled ? handled.answer : new Uint8Array();
    for (const bytes of [offer, coin, receipt]) expect(encodeMessage(decodeMessage(bytes))).toEqual(bytes);
    fc.assert(
      fc.property(fc.nat(coin.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const damaged = coin.with(place, coin[place]! ^ change);
        try {
          expect(encodeMessage(decodeMessage(damaged))).toEqual(damaged);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^COIN_(MESSAGE_MALFORMED|VERSION_UNKNOWN)$/);
        }
      }),
    );
  });
});

describe('QR frames', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: MAXIMUM_MESSAGE_BYTES });

  it('give the message back from any order, doubled and damaged frames among them', () => {
    fc.assert(
      fc.property(bytes, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (message, chance) => {
        const frames = splitIntoFrames(message).flatMap((frame) => [frame, frame, frame.replace(/.{6}$/, 'A:0000')]);
        const shuffled = frames
          .map((frame) => ({ frame, place: chance.next().value as number }))
          .sort((left, right) => left.place - right.place);
        expect(joinFrames(shuffled.map(({ frame }) => frame))).toEqual({ message });
      }),
      { numRuns: 40 },
    );
  });

  it('name what is missing', () => {
    const frames = splitIntoFrames(new Uint8Array(3 * FRAME_BYTES + 1).fill(7));
    expect(joinFrames([frames[3]!, frames[0]!])).toEqual({ missing: [2, 3] });
    expect(joinFrames([])).toEqual({ missing: [] });
  });

  it('of another message begin anew, and ten megabytes are refused', () => {
    const [one, other] = [new Uint8Array(400).fill(1), new Uint8Array(400).fill(2)];
    const mixed = [...splitIntoFrames(one).slice(0, 2), ...splitIntoFrames(other)];
    expect(joinFrames(mixed)).toEqual({ message: other });
    expect(() => joinFrames(splitIntoFrames(new Uint8Array(20_000)))).toThrow('frames');
  });
});
