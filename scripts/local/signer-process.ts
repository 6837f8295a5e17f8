/** The signer of a local run, as a process of its own, confined as it is everywhere. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { keccak256, stringToHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Address, Deployment, Hex } from '../../bridge/chain/domain.ts';
import { SignerClient } from '../../bridge/chain/signer/client.ts';
import { parseSignerEndpoint } from '../../bridge/chain/signer/endpoint.ts';
import { STORE_FOLDER } from '../../bridge/chain/signer/folder.ts';
import { LIGHT_SCRYPT, sealKeystore } from '../../bridge/chain/signer/keys/keystore.ts';
import type { SignerPolicy } from '../../bridge/chain/signer/policy.ts';
import { type ListEntry, listEntryTypedData } from '../../bridge/chain/signer/protocol.ts';
import { systemTimers } from '../../ledger-service/platform/ports.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The longest path that a socket's address holds, with room for systems that hold less. */
const LONGEST_SOCKET_PATH = 100;
const UNLIMITED = (2n ** 100n).toString();

export type SignerProcess = Readonly<{
  process: ChildProcess;
  /** What a bridge needs to find it. */
  environment: Readonly<Record<string, string>>;
  client: SignerClient;
  ended: Promise<void>;
  stop(): Promise<void>;
}>;

/**
 * The flags under which Node holds a signer to what it needs: its own code and folder to read, its store to write, and
 * no other process, thread or native code but what reaches a token.
 */
export function confinementOf(folder: string, hasToken = false): readonly string[] {
  const readable = [join(root, 'bridge'), join(root, 'ledger-service'), join(root, 'package.json'), folder];
  // Packages may be somewhere else, behind a link.
  const packages = join(root, 'node_modules');
  return [
    '--permission',
    ...[...new Set([...readable, packages, realpathSync(packages)])].map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${join(folder, STORE_FOLDER)}`,
    ...(hasToken ? ['--allow-addons'] : []),
  ];
}

/** A policy for a local run: caps as wide as the local contract's, and no time to cool. */
export function localPolicy(
  folder: string,
  { deployment, rpcUrl, treasurer }: Readonly<{ deployment: Deployment; rpcUrl: string; treasurer: Address }>,
): SignerPolicy {
  const lower = (address: string) => address.toLowerCase() as Address;
  const tokens = [...Object.keys(deployment.tokenDomains), `0x${'0'.repeat(40)}`];
  const socket = join(folder, STORE_FOLDER, 'signer.sock');
  const hasSockets = process.platform !== 'win32' && Buffer.byteLength(socket) <= LONGEST_SOCKET_PATH;
  return {
    chain: {
      chainId: deployment.chainId,
      rpcUrl,
      finalityDepth: 3,
      escrow: lower(deployment.escrow),
      wallet: lower(deployment.wallet),
      feeReceiver: lower(deployment.feeReceiver),
      deposits: lower(deployment.deposits),
    },
    listen: hasSockets ? { path: socket } : { port: 0, secretFile: 'secret' },
    treasurer: lower(treasurer),
    coolingMilliseconds: 0,
    maximumFeePerGas: UNLIMITED,
    caps: Object.fromEntries(
      tokens.map((token) => [lower(token), { perCall: UNLIMITED, perHour: UNLIMITED, perDay: UNLIMITED }]),
    ),
    keys: [{ kind: 'keystore', file: 'operator.json', passwordFile: 'password' }],
    acceptedNonces: {},
  };
}

/** Writes what a signer needs into a folder: the policy anew, keys and passwords only where there are none. */
export function prepareSigner(folder: string, policy: SignerPolicy, privateKey: Hex): void {
  mkdirSync(join(folder, STORE_FOLDER), { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
  write('policy.json', JSON.stringify(policy, undefined, 2));
  if (existsSync(join(folder, 'operator.json'))) return;
  const password = randomBytes(24).toString('base64url');
  write('password', password);
  write('secret', randomBytes(24).toString('base64url'));
  // Everybody knows this key, so it need not be dear to guess at its password.
  write('operator.json', JSON.stringify(sealKeystore(privateKey, password, randomBytes, LIGHT_SCRYPT)));
}

/**
 * Starts `bridge/main/signer.ts`; it ends when it is told to, or when this process is gone.
 *
 * Effects: its log goes to `signer.log` in the folder
 * Errors:  thrown with the signer's own words when it does not come up
 */
export async function startSigner(folder: string, hasToken = false): Promise<SignerProcess> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...confinementOf(folder, hasToken), join(root, 'bridge/main/signer.ts')],
    {
      cwd: root,
      env: { PATH: process.env.PATH, SIGNER_FOLDER: folder, LOG_LEVEL: process.env.LOG_LEVEL ?? 'info' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('the signer has no output to read');
  const log = createWriteStream(join(folder, 'signer.log'), { flags: 'a', mode: 0o600 });
  let lastWords = '';
  stderr.on('data', (chunk: Buffer) => {
    log.write(chunk);
    lastWords = (lastWords + chunk.toString('utf8')).slice(-4_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const listens = await new Promise<string | number>((resolve, reject) => {
    createInterface({ input: stdout }).on('line', (line) => {
      if (line.startsWith('{"event":"signer.ready"')) {
        resolve((JSON.parse(line) as { listens: string | number }).listens);
      }
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the signer ended with code ${code}:\n${lastWords.trim()}`)));
  });
  const environment: Record<string, string> =
    typeof listens === 'string'
      ? { SIGNER_URL: `unix:${listens}` }
      : {
          SIGNER_URL: `tcp://127.0.0.1:${listens}`,
          SIGNER_SECRET: readFileSync(join(folder, 'secret'), 'utf8').trim(),
        };
  const endpoint = parseSignerEndpoint(environment.SIGNER_URL!, environment.SIGNER_SECRET);
  const client = new SignerClient(endpoint, systemTimers);
  return {
    process: child,
    environment,
    client,
    ended: exited,
    stop: async () => {
      client.close();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
      log.end();
    },
  };
}

/** From 1970 to 2100: the same entry is signed at every start. */
const ALWAYS = { issuedAt: 1, expiresAt: 4_102_444_800 } as const;

/** Puts a payee on a local signer's list, as its treasurer; again it changes nothing. */
export async function listLocalPayee(
  client: SignerClient,
  treasurerKey: Hex,
  payee: Readonly<{ address: string; name: string }>,
): Promise<void> {
  const { chainId, wallet } = await client.describe();
  const address = payee.address.toLowerCase() as Address;
  const entry: ListEntry = {
    action: 'allow',
    payee: address,
    name: payee.name,
    identifier: keccak256(stringToHex(`local payee ${address}`)),
    ...ALWAYS,
  };
  const signature = await privateKeyToAccount(treasurerKey).signTypedData(
    listEntryTypedData({ chainId, wallet }, entry),
  );
  await client.list(entry, signature);
}
