import { execFile } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { decodeFunctionData, parseTransaction } from 'viem';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { intermediaryWalletAbi } from '../../../../bridge/chain/bindings/intermediary-wallet.ts';
import type { Address, Deployment, Hex } from '../../../../bridge/chain/domain.ts';
import { SignerClient } from '../../../../bridge/chain/signer/client.ts';
import type { Intent } from '../../../../bridge/chain/signer/intents.ts';
import { MOST_CALLS, type SignAnswer } from '../../../../bridge/chain/signer/protocol.ts';
import { systemTimers } from '../../../../ledger-service/platform/ports.ts';
import { deployContracts } from '../../../../scripts/contracts/deploy.ts';
import { type RunningChain, startLocalChain } from '../../../../scripts/local/chain.ts';
import { privateKeyOf } from '../../../../scripts/local/seed-world.ts';
import {
  confinementOf,
  listLocalPayee,
  localPolicy,
  prepareSigner,
  type SignerProcess,
  startSigner,
} from '../../../../scripts/local/signer-process.ts';
import { localAccount } from '../../../../scripts/local/world.ts';
import { codeOf } from '../../../support/signer-stage.ts';

const run = promisify(execFile);
const HOURLY_CAP = 5_000n;
const KEY = localAccount('operator').address.toLowerCase() as Address;
const LISTED = localAccount('arcade').address.toLowerCase() as Address;
const ATTACKER = localAccount('hugo').address.toLowerCase() as Address;
const FEES = { maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };

let root: string;
let chain: RunningChain;
let deployment: Deployment;
let token: Address;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'specie-signers-'));
  chain = await startLocalChain(root, { startsAt: new Date('2026-11-02T08:00:00Z'), blockMilliseconds: 100 });
  const deployed = await deployContracts({
    rpcUrl: chain.url,
    deployerPrivateKey: privateKeyOf('deployer'),
    admin: localAccount('deployer').address,
    operator: localAccount('operator').address,
    treasurer: localAccount('treasurer').address,
    treasurerPrivateKey: privateKeyOf('treasurer'),
    pauser: localAccount('pauser').address,
    feeReceiver: localAccount('feeReceiver').address,
    localDollarMinter: localAccount('deployer').address,
    caps: { perCall: 2n ** 100n, perHour: 2n ** 100n, perDay: 2n ** 100n },
  });
  deployment = deployed.deployment;
  token = deployed.localDollar!;
});
afterAll(async () => {
  await chain?.stop();
  await rm(root, { recursive: true, force: true });
});

/** A folder of a signer that lets 1,000 out in one call and 5,000 in an hour. */
async function folderOf(name: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  const policy = localPolicy(folder, {
    deployment,
    rpcUrl: chain.url,
    treasurer: localAccount('treasurer').address,
  });
  const caps = { [token]: { perCall: '1000', perHour: `${HOURLY_CAP}`, perDay: '20000' } };
  prepareSigner(folder, { ...policy, caps }, privateKeyOf('operator'));
  return folder;
}

function terms(salt: number, receiver: Address, payer: Address = ATTACKER) {
  return {
    payer,
    receiver,
    token,
    maximumAmount: '1000000',
    preApprovalExpiry: '2000000000',
    authorizationExpiry: '2000000000',
    refundExpiry: '2100000000',
    minimumFeeBasisPoints: 0,
    maximumFeeBasisPoints: 0,
    feeReceiver: `0x${'0'.repeat(40)}` as Address,
    salt: `${salt}`,
  };
}

const payTo = (name: number, payee: Address, amount: number, refunds?: ReturnType<typeof terms>): Intent => ({
  kind: 'payoutBatch',
  batchId: `bat_00${String(name).padStart(26, '0')}`,
  token,
  items: [{ payee, amount: `${amount}`, ...(refunds ? { refunds } : {}) }],
});

/** What somebody who has the bridge's process would try, one after the other. */
function forged(index: number): Intent {
  const wallet = deployment.wallet as Address;
  const attempts: readonly (() => Intent)[] = [
    () => payTo(index, ATTACKER, 1 + (index % 900)),
    () => payTo(index, LISTED, 1 + (index % 900)),
    () => payTo(index, ATTACKER, 100, index % 2 === 0 ? terms(index, wallet) : undefined),
    () => payTo(index, LISTED, 1_001),
    () => ({ kind: 'authorize', terms: terms(index, ATTACKER, LISTED), signature: `0x${'12'.repeat(64)}1b` }),
    () => ({ kind: 'capture', terms: terms(index, ATTACKER, LISTED), amount: '1', fee: '0', sequence: 1 }),
    () => ({
      kind: 'payoutBatch',
      batchId: `bat_00${String(index).padStart(26, '0')}`,
      token,
      items: [
        { payee: LISTED, amount: '1' },
        { payee: ATTACKER, amount: '900' },
      ],
    }),
  ];
  return attempts[index % attempts.length]!();
}

function paidBy(raw: Hex): readonly Readonly<{ payee: Address; amount: bigint }>[] {
  const { to, data } = parseTransaction(raw);
  if (to?.toLowerCase() !== deployment.wallet) return [];
  const { args } = decodeFunctionData({ abi: intermediaryWalletAbi, data: data! });
  const words = (args as readonly [Hex, Address, Hex])[2].slice(2).match(/.{64}/g) ?? [];
  return words.map((word) => ({ payee: `0x${word.slice(0, 40)}` as Address, amount: BigInt(`0x${word.slice(40)}`) }));
}

describe('signer: as a process of its own', () => {
  test('the bridge is taken over: 10,000 forged requests lose no more than the hourly cap, and nothing to addresses off the list', {
    timeout: 240_000,
  }, async () => {
    const signer = await startSigner(await folderOf('taken-over'));
    try {
      await listLocalPayee(signer.client, privateKeyOf('treasurer'), { address: LISTED, name: 'Pixel Arcade' });
      const counted = new Map<string, number>();
      const paid: { payee: Address; amount: bigint }[] = [];
      let nonce = 0;
      let index = 0;
      const take = (answers: readonly SignAnswer[]) => {
        for (const answer of answers) {
          const code = codeOf(answer);
          counted.set(code, (counted.get(code) ?? 0) + 1);
          if (answer.outcome !== 'signed') continue;
          nonce += 1;
          paid.push(...paidBy(answer.raw));
        }
      };
      while (index < 10_000) {
        // Every request under the nonce that is next, so that none is refused for its nonce alone.
        const batch = Array.from({ length: MOST_CALLS }, () => {
          index += 1;
          return { nonce, intent: forged(index) };
        });
        take(await signer.client.sign({ key: KEY, fees: FEES, calls: batch }));
      }
      const lost = paid.reduce((sum, { amount }) => sum + amount, 0n);
      expect(lost).toBeLessThanOrEqual(HOURLY_CAP);
      expect(lost).toBeGreaterThan(0n);
      expect(paid.filter(({ payee }) => payee !== LISTED)).toEqual([]);
      for (const code of ['SIGNER_PAYEE_NOT_LISTED', 'SIGNER_CAP_EXCEEDED', 'SIGNER_REFUND_UNPROVEN']) {
        expect(counted.get(code), `${code} of ${JSON.stringify([...counted])}`).toBeGreaterThan(500);
      }
      const written = `${await readFile(join(root, 'taken-over/signer.log'), 'utf8')}${await readFile(join(root, 'taken-over/store/records'), 'utf8')}`;
      expect(written).not.toContain(privateKeyOf('operator').slice(2));
    } finally {
      await signer.stop();
    }
  });

  test('killed with a request in its hands: what is in its store is answered again, and no nonce goes to another call', async () => {
    const folder = await folderOf('killed');
    let signer: SignerProcess | undefined = await startSigner(folder);
    const calls = Array.from({ length: 100 }, (_, nonce) => ({
      nonce,
      intent: { kind: 'void' as const, terms: terms(nonce, LISTED), sequence: 1 },
    }));
    const { promise: written, resolve } = Promise.withResolvers<void>();
    const watcher = watch(join(folder, 'store'), (_, name) => {
      if (name === 'records') resolve();
    });
    try {
      const request = { key: KEY, fees: FEES };
      const unanswered = signer.client.sign({ ...request, calls }).catch((error: unknown) => error);
      await written;
      signer.process.kill('SIGKILL');
      await signer.ended;
      watcher.close();
      const before = await unanswered;
      const records = (await readFile(join(folder, 'store/records'), 'utf8')).trimEnd().split('\n');
      expect(records.length).toBeGreaterThan(0);
      signer = await startSigner(folder);
      const again = await signer.client.sign({ ...request, calls });
      expect(again.map(codeOf)).toEqual(calls.map(() => 'signed'));
      for (const [nonce, line] of records.entries()) {
        expect(JSON.parse(line.slice(65))).toMatchObject({ nonce, raw: (again[nonce] as { raw: Hex }).raw });
      }
      if (Array.isArray(before)) expect(again).toEqual(before);
      const other = calls.map(({ nonce }) => ({
        nonce,
        intent: { kind: 'void' as const, terms: terms(1_000 + nonce, LISTED), sequence: 1 },
      }));
      const refused = await signer.client.sign({ ...request, calls: other });
      expect(new Set(refused.map(codeOf))).toEqual(new Set(['SIGNER_NONCE_TAKEN']));
    } finally {
      watcher.close();
      await signer?.stop();
    }
  });

  test('what is no request is answered with a name, and the signer goes on', async () => {
    const signer = await startSigner(await folderOf('strict'));
    try {
      const path = signer.environment.SIGNER_URL!.slice('unix:'.length);
      const call = { nonce: 0, intent: { kind: 'void', terms: terms(1, LISTED), sequence: 1 } };
      const sign = { id: 1, kind: 'sign', key: KEY, replaces: false, calls: [call] };
      const fees = { maxFeePerGas: '1', maxPriorityFeePerGas: '1' };
      const lines = [
        'no JSON',
        '{"id":1,"id":2,"kind":"describe"}',
        '{"kind":"describe"}',
        '{"id":1,"kind":"describe","data":"0x"}',
        JSON.stringify({ ...sign, fees: { ...fees, maxFeePerGas: 1 } }),
        JSON.stringify({ ...sign, fees: { ...fees, maxFeePerGas: '-1' } }),
        JSON.stringify({ ...sign, fees, calls: [{ ...call, data: '0x1234' }] }),
        JSON.stringify({ ...sign, fees, calls: [{ ...call, intent: { ...call.intent, kind: 'setCaps' } }] }),
        JSON.stringify({ ...sign, fees, calls: [] }),
      ];
      const answers = await ask(path, lines);
      expect(answers.map(({ error }) => error?.code)).toEqual(lines.map(() => 'SIGNER_REQUEST_INVALID'));
      expect((await signer.client.describe()).keys).toEqual([KEY]);
    } finally {
      await signer.stop();
    }
  });

  test('where there are no sockets it listens on loopback, for those who know the secret', async () => {
    const folder = await folderOf('port');
    const policy = JSON.parse(await readFile(join(folder, 'policy.json'), 'utf8')) as object;
    const listen = { port: 0, secretFile: 'secret' };
    await writeFile(join(folder, 'policy.json'), JSON.stringify({ ...policy, listen }));
    const signer = await startSigner(folder);
    try {
      expect((await signer.client.describe()).keys).toEqual([KEY]);
      const port = Number(/:(\d+)$/.exec(signer.environment.SIGNER_URL!)![1]);
      const stranger = new SignerClient({ host: '127.0.0.1', port, secret: 'x'.repeat(32) }, systemTimers);
      await expect(stranger.describe()).rejects.toMatchObject({ code: 'SIGNER_UNAVAILABLE' });
    } finally {
      await signer.stop();
    }
  });
});

describe('signer: what it may not do', () => {
  test('under its flags nothing outside is read or written, and nothing is started', async () => {
    const folder = await folderOf('confined');
    const probe = `
      const attempts = {
        readOutside: () => require('fs').readFileSync('/etc/hostname'),
        readTests: () => require('fs').readFileSync(${JSON.stringify(import.meta.filename)}),
        writePolicy: () => require('fs').writeFileSync(${JSON.stringify(join(folder, 'policy.json'))}, ''),
        spawn: () => require('child_process').execFileSync('/bin/true'),
        thread: () => new (require('worker_threads').Worker)('1', { eval: true }),
        writeStore: () => require('fs').writeFileSync(${JSON.stringify(join(folder, 'store/probe'))}, ''),
      };
      for (const [name, attempt] of Object.entries(attempts)) {
        try { attempt(); console.log(name, 'done'); } catch (error) { console.log(name, error.code); }
      }`;
    const { stdout } = await run(process.execPath, [...confinementOf(folder), '-e', probe]);
    expect(stdout.trim().split('\n')).toEqual([
      ...['readOutside', 'readTests', 'writePolicy', 'spawn', 'thread'].map((name) => `${name} ERR_ACCESS_DENIED`),
      'writeStore done',
    ]);
  });

  test.each([
    ['without the permission model', [], /permission model/],
    ['with more of it than it needs', ['--permission', '--allow-fs-read=*'], /may fs\.read/],
  ])('it does not start %s', async (_, flags, words) => {
    const folder = await folderOf(`loose-${flags.length}`);
    const main = join(import.meta.dirname, '../../../../bridge/main/signer.ts');
    const failed = await run(process.execPath, [...flags, main], { env: { SIGNER_FOLDER: folder } }).catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(words) });
    expect(failed.stderr).toContain('CONFIGURATION_INVALID');
  });

  test('it does not start with a wrong password, and says neither password nor key', async () => {
    const folder = await folderOf('wrong-password');
    await writeFile(join(folder, 'password'), 'not the password');
    const failed = await startSigner(folder).catch((error: Error) => error.message);
    expect(failed).toMatch(/the password does not open the keystore/);
    expect(failed).not.toMatch(/not the password/);
    expect(failed).not.toContain(privateKeyOf('operator').slice(2, 20));
  });

  test('it does not start with a well-known key on any other chain', async () => {
    const folder = await folderOf('elsewhere');
    const policy = JSON.parse(await readFile(join(folder, 'policy.json'), 'utf8')) as { chain: object };
    const elsewhere = { ...policy, chain: { ...policy.chain, chainId: 1 } };
    await writeFile(join(folder, 'policy.json'), JSON.stringify(elsewhere));
    await expect(startSigner(folder)).rejects.toThrow(/well-known development key/);
  });

  test('a second one on the same store does not start', async () => {
    const folder = await folderOf('twice');
    const first = await startSigner(folder);
    try {
      await expect(startSigner(folder)).rejects.toThrow(/has the store/);
      expect((await first.client.describe()).keys).toEqual([KEY]);
    } finally {
      await first.stop();
    }
  });
});

type Answer = Readonly<{ result?: unknown; error?: Readonly<{ code: string }> }>;

/** One line for each line, over a socket of its own. */
function ask(path: string, lines: readonly string[]): Promise<readonly Answer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${lines.join('\n')}\n`));
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('utf8');
      const answers = text.split('\n').slice(0, -1);
      if (answers.length < lines.length) return;
      socket.destroy();
      resolve(answers.map((line) => JSON.parse(line) as Answer));
    });
    socket.once('error', reject);
  });
}
