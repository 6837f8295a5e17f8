/** `npm run signer`: runs a signer confined, makes keys for it, and keeps its list of payees, see `--help`. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Hex, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { Address } from '../bridge/chain/domain.ts';
import { SignerClient } from '../bridge/chain/signer/client.ts';
import { endpointOf, readPolicy, STORE_FOLDER } from '../bridge/chain/signer/folder.ts';
import { revealKeystore, sealKeystore } from '../bridge/chain/signer/keys/keystore.ts';
import { type ListEntry, listEntryTypedData } from '../bridge/chain/signer/protocol.ts';
import { systemClock, systemTimers } from '../ledger-service/platform/ports.ts';
import { SettlementError } from '../ledger-service/vocabulary/errors.ts';
import { privateKeyOf } from './local/seed-world.ts';
import { confinementOf } from './local/signer-process.ts';
import { localAccount } from './local/world.ts';

const HELP = `npm run signer -- COMMAND [options]

  run                      runs the signer of a folder under Node's permission model, until it is told to stop
  new-key FILE             makes a key and writes it as a keystore; prints its address
  payees                   the list of a signer that is up
  allow ADDRESS --name N   puts a payee on it, signed by the treasurer; in force after the policy's time to cool
  remove ADDRESS --name N  takes a payee off it, at once

  --folder FOLDER          the signer's folder with its policy.json (default .specie/signer)
  --keystore FILE          the treasurer's key, for allow and remove; a local run has the well-known one
  --password-file FILE     opens that keystore, or is the password of the new one
  --json                   print one JSON object
  --help                   this text

Exit codes: 0 done · 1 refused · 2 wrong usage
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const ENTRY_VALID_SECONDS = 3_600;

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        folder: { type: 'string', default: join(root, '.specie', 'signer') },
        name: { type: 'string' },
        keystore: { type: 'string' },
        'password-file': { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    return wrongUsage(error instanceof Error ? error.message : String(error));
  }
}

function wrongUsage(why: string): never {
  process.stderr.write(`${why}\n\n${HELP}`);
  process.exit(2);
}

const { values, positionals } = readArguments();
const folder = resolve(values.folder);
const [command, subject] = positionals;

function say(told: Readonly<Record<string, unknown>>, words: string): void {
  process.stdout.write(values.json ? `${JSON.stringify(told)}\n` : `${words}\n`);
}

function password(): string {
  const file = values['password-file'] ?? wrongUsage('--password-file says where the password is');
  return readFileSync(file, 'utf8').trim();
}

/** Stays between the terminal and the confined process, and ends with it. */
async function run(): Promise<number> {
  mkdirSync(join(folder, STORE_FOLDER), { recursive: true, mode: 0o700 });
  const hasToken = readPolicy(folder).keys.some(({ kind }) => kind === 'pkcs11');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...confinementOf(folder, hasToken), join(root, 'bridge/main/signer.ts')],
    { cwd: root, env: { ...process.env, SIGNER_FOLDER: folder }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGTERM'));
  return new Promise((end) => child.once('exit', (code) => end(code ?? 1)));
}

function makeKey(file: string): void {
  if (existsSync(file)) throw new SettlementError('CONFIGURATION_INVALID', `${file} is there already`);
  const secret = toHex(randomBytes(32));
  writeFileSync(file, JSON.stringify(sealKeystore(secret, password(), randomBytes)), { mode: 0o600 });
  const { address } = privateKeyToAccount(secret);
  say({ address, file }, `${address} in ${file}`);
}

function treasurerKey(): Hex {
  if (values.keystore) return revealKeystore(JSON.parse(readFileSync(values.keystore, 'utf8')), password());
  const local = localAccount('treasurer').address.toLowerCase();
  if (readPolicy(folder).treasurer === local) return privateKeyOf('treasurer');
  return wrongUsage('--keystore says where the treasurer’s key is');
}

async function change(client: SignerClient, action: ListEntry['action'], payee: string): Promise<void> {
  if (!/^0x[0-9a-fA-F]{40}$/.test(payee)) wrongUsage(`${payee} is no address`);
  const { chainId, wallet } = await client.describe();
  const issuedAt = Math.floor(systemClock.now().getTime() / 1000);
  const entry: ListEntry = {
    action,
    payee: payee.toLowerCase() as Address,
    name: values.name ?? wrongUsage('--name says who it is'),
    identifier: toHex(randomBytes(32)),
    issuedAt,
    expiresAt: issuedAt + ENTRY_VALID_SECONDS,
  };
  const signature = await privateKeyToAccount(treasurerKey()).signTypedData(
    listEntryTypedData({ chainId, wallet }, entry),
  );
  const { effectiveAt } = await client.list(entry, signature);
  const from = new Date(effectiveAt).toISOString();
  say({ ...entry, effectiveAt: from }, `${action === 'allow' ? 'allowed' : 'removed'} ${payee}, from ${from} on`);
}

async function printPayees(client: SignerClient): Promise<void> {
  const payees = await client.payees();
  const lines = payees.map(
    ({ payee, name, effectiveAt }) => `${payee}  from ${new Date(effectiveAt).toISOString()}  ${name}`,
  );
  say({ payees }, lines.length > 0 ? lines.join('\n') : 'nobody is on the list');
}

if (values.help || command === undefined) {
  process.stdout.write(HELP);
  process.exit(values.help ? 0 : 2);
}
try {
  if (command === 'run') process.exit(await run());
  if (command === 'new-key') makeKey(subject ?? wrongUsage('new-key takes a file'));
  else if (command === 'payees' || command === 'allow' || command === 'remove') {
    const client = new SignerClient(endpointOf(folder, readPolicy(folder)), systemTimers);
    if (command === 'payees') await printPayees(client);
    else await change(client, command, subject ?? wrongUsage(`${command} takes an address`));
    client.close();
  } else wrongUsage(`there is no command ${command}`);
  process.exit(0);
} catch (error) {
  const code = error instanceof SettlementError ? error.code : 'INTERNAL';
  process.stderr.write(`✖ ${code}: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
