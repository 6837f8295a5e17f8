import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiClient } from '../../scripts/api-client.ts';
import { type BridgeProcess, startBridge } from '../../scripts/local/bridge-process.ts';
import { privateKeyOf } from '../../scripts/local/seed-world.ts';
import { openStage } from '../support/bridge-processes.ts';
import { eventually } from '../support/eventually.ts';

const PIECE = 1 << 20;
const KEY = privateKeyOf('operator').slice(2);
/** As text in either case, and as the bytes themselves. */
const FORMS = [Buffer.from(KEY), Buffer.from(KEY.toUpperCase()), Buffer.from(KEY, 'hex')];

let stage: Awaited<ReturnType<typeof openStage>>;
let bridge: BridgeProcess;
beforeAll(async () => {
  stage = await openStage();
  bridge = await startBridge(stage.folder, stage.environment);
});
afterAll(async () => {
  await bridge?.stop();
  await stage?.close();
});

/** How often each of some bytes stands in the memory that a process can write to. */
function countInMemory(pid: number, wanted: readonly Buffer[]): readonly number[] {
  const counts = wanted.map(() => 0);
  const overlap = Math.max(...wanted.map(({ length }) => length)) - 1;
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to, flags] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? [];
      if (!from || !to || !flags?.startsWith('rw')) continue;
      const end = BigInt(`0x${to}`);
      for (let at = BigInt(`0x${from}`); at < end; at += BigInt(PIECE)) {
        const bytes = readPiece(memory, at, end, overlap);
        for (const [index, one] of wanted.entries()) {
          const found = bytes.indexOf(one);
          if (found !== -1) counts[index]! += 1;
        }
      }
    }
  } finally {
    closeSync(memory);
  }
  return counts;
}

function readPiece(memory: number, at: bigint, end: bigint, overlap: number): Buffer {
  const left = end - at;
  const length = left < BigInt(PIECE + overlap) ? Number(left) : PIECE + overlap;
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(memory, bytes, 0, length, at));
  } catch {
    // A region may be gone, or not readable after all.
    return Buffer.alloc(0);
  }
}

test.skipIf(process.platform !== 'linux')(
  'a bridge that pays by its signer has the key nowhere in its memory',
  async () => {
    const client = createApiClient({ url: bridge.url, apiKey: stage.apiKey });
    const signed = async () => (await stage.signer.client.describe()).head.count;
    const before = await signed();
    const { assets } = await client.get<{ assets: { code: string; symbol: string }[] }>('/v1/assets');
    const token = assets.find(({ symbol }) => symbol === 'USDL')!.code;
    const amount = { minorUnits: '10000', asset: 'EUR' };
    const { quoteId } = await client.post<{ quoteId: string }>(
      '/v1/quotes',
      { source: amount, targetAsset: token },
      'quote',
    );
    const order = { merchantId: 'arcade', instrumentId: 'ana-card', amount, quoteId };
    const { paymentId } = await client.post<{ paymentId: string }>('/v1/payments', order, 'payment');
    await client.post(`/v1/payments/${paymentId}/captures`, { amount }, 'capture');
    await eventually(signed, (count) => count > before);
    const marker = Buffer.from(stage.environment.DATABASE_URL!);
    const [ofMarker, ...inBridge] = countInMemory(bridge.process.pid!, [marker, ...FORMS]);
    // The search finds what is there.
    expect(ofMarker).toBeGreaterThan(0);
    expect(inBridge).toEqual([0, 0, 0]);
    const inSigner = countInMemory(stage.signer.process.pid!, FORMS);
    expect(Math.max(...inSigner)).toBeGreaterThan(0);
  },
);
