import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Timers } from '../../../ledger-service/vocabulary/time.ts';
import { isLoopback } from '../../platform/configuration.ts';
import { isDevelopmentAddress, LOCAL_CHAIN_ID } from '../keys.ts';
import type { SignerEndpoint } from './endpoint.ts';
import { openKeystore } from './keys/keystore.ts';
import type { SigningKey } from './keys/signing-key.ts';
import { openRecordFile, type RecordFile } from './log-file.ts';
import { type KeySettings, parsePolicy, type SignerPolicy } from './policy.ts';

/** The only folder that a signer writes to; everything beside it is read once, at the start. */
export const STORE_FOLDER = 'store';
const LOCK_POLL_MILLISECONDS = 50;
const LOCK_PATIENCE_MILLISECONDS = 3_000;

/** Errors: thrown CONFIGURATION_INVALID. */
export function readPolicy(folder: string): SignerPolicy {
  return parsePolicy(readJson(join(folder, 'policy.json')));
}

export function endpointOf(folder: string, { listen }: SignerPolicy): SignerEndpoint {
  if ('path' in listen) return { path: within(folder, listen.path) };
  return { host: '127.0.0.1', port: listen.port, secret: readText(within(folder, listen.secretFile)) };
}

/**
 * Opens the keys of a policy.
 *
 * Errors: thrown CONFIGURATION_INVALID for a key that does not open, that stands there twice, or that everybody knows on
 *         any chain but 31337 on loopback
 */
export async function openKeys(folder: string, policy: SignerPolicy): Promise<readonly SigningKey[]> {
  const { chainId, rpcUrl } = policy.chain;
  const isLocal = chainId === LOCAL_CHAIN_ID && isLoopback(rpcUrl);
  const keys: SigningKey[] = [];
  for (const settings of policy.keys) {
    const key = await openKey(folder, settings, chainId);
    if (!isLocal && isDevelopmentAddress(key.address)) throw invalid(`${key.address} is a well-known development key`);
    if (keys.some(({ address }) => address === key.address)) throw invalid(`the key of ${key.address} is there twice`);
    keys.push(key);
  }
  return keys;
}

async function openKey(folder: string, settings: KeySettings, chainId: number): Promise<SigningKey> {
  switch (settings.kind) {
    case 'keystore':
      return openKeystore(readJson(within(folder, settings.file)), readText(within(folder, settings.passwordFile)));
    case 'pkcs11': {
      // Loaded only where it is wanted: the binding is native code that most installations do not have.
      const { openTokenKey } = await import('./keys/pkcs11.ts');
      return openTokenKey(settings, readText(within(folder, settings.pinFile)));
    }
    case 'web3signer': {
      const { openWeb3SignerKey } = await import('./keys/web3signer.ts');
      return openWeb3SignerKey(settings, chainId);
    }
  }
}

export type LockedStore = Readonly<{ file: RecordFile; release(): void }>;

/**
 * Opens the records for this process alone; one that is about to end is waited for.
 *
 * Errors: thrown CONFIGURATION_INVALID while another signer has them
 */
export async function openStore(folder: string, timers: Timers): Promise<LockedStore> {
  const lock = join(folder, STORE_FOLDER, 'lock');
  for (let waited = 0; ; waited += LOCK_POLL_MILLISECONDS) {
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : undefined;
    if (holder === undefined || holder === process.pid || !isAlive(holder)) break;
    if (waited >= LOCK_PATIENCE_MILLISECONDS) {
      throw invalid(`process ${holder} has the store; if that is no signer, remove ${lock}`);
    }
    await timers.wait(LOCK_POLL_MILLISECONDS);
  }
  rmSync(lock, { force: true });
  writeFileSync(lock, `${process.pid}`, { flag: 'wx', mode: 0o600 });
  const file = openRecordFile(join(folder, STORE_FOLDER, 'records'));
  return {
    file,
    release: () => rmSync(lock, { force: true }),
  };
}

/**
 * Makes sure that Node holds this process to what a signer needs.
 *
 * Errors: thrown CONFIGURATION_INVALID when it may read or write elsewhere, or start processes or threads
 */
export function requireConfinement(folder: string): void {
  const { permission } = process;
  const mayNot = [
    ['fs.read', '/'],
    ['fs.write', folder],
    ['child', undefined],
    ['worker', undefined],
    ['wasi', undefined],
  ] as const;
  const may = mayNot.find(([scope, where]) => permission?.has(scope, where) ?? true);
  if (!may) return;
  throw new SettlementError(
    'CONFIGURATION_INVALID',
    `the signer runs only under Node's permission model, and may ${may[0]} here: see docs/signer.md`,
    { param: '--permission' },
  );
}

function within(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw invalid(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readText(path));
  } catch (error) {
    // The parser repeats what it could not read, and that may be a key.
    throw error instanceof SettlementError ? error : invalid(`${path} is no JSON`);
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function invalid(message: string): SettlementError {
  return new SettlementError('CONFIGURATION_INVALID', message, { param: 'signer' });
}
