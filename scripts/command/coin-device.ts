/** A coin device as files: its seed, its journal, and which register it is at. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesToHex } from 'viem';
import { z } from 'zod';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import { LOCAL_CHAIN_ID } from '../../bridge/chain/keys.ts';
import type { ChainRegister } from '../../bridge/coins/register-client/chain-register.ts';
import { connectChainRegister } from '../../bridge/coins/register-client/connect.ts';
import { DEVICE_POLICY } from '../../bridge/coins/security-element/domain.ts';
import { SecurityElement } from '../../bridge/coins/security-element/element.ts';
import { coinFailure } from '../../bridge/coins/security-element/failures.ts';
import { seedKeys } from '../../bridge/coins/security-element/keys.ts';
import { isSame } from '../../bridge/coins/security-element/messages.ts';
import { openSqliteStore } from '../../bridge/coins/security-element/sqlite-store.ts';
import { type CoinTransport, type DeviceClock, Terminal } from '../../bridge/coins/terminal/terminal.ts';
import { isLoopback } from '../../bridge/platform/configuration.ts';
import { systemChance } from '../../ledger-service/platform/ports.ts';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';
import { developmentPrivateKey, LOCAL_COIN_SPONSOR } from '../local/world.ts';

const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/);
const settingsSchema = z.object({
  register: address,
  chainId: z.number().int().min(1),
  curve: z.enum(['secp256k1', 'P-256']),
  firstHeight: z.number().int().min(0),
});
export type DeviceSettings = z.infer<typeof settingsSchema>;

/** Blocks below the head that are final: of the local chain, and of any other (two epochs of Ethereum). */
const LOCAL_DEPTH = 2;
const DEPTH = 64;

export type OpenDevice = Readonly<{ terminal: Terminal; register: ChainRegister; close(): Promise<void> }>;

export const machineClock: DeviceClock = { seconds: () => Math.floor(Date.now() / 1000) };

export type DeviceFiles = Readonly<{ settings: string; seed: string; journal: string }>;

/** Errors: thrown COIN_UNKNOWN for a name that is none */
export function filesOf(folder: string, name: string): DeviceFiles {
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/.test(name)) {
    throw coinFailure('COIN_UNKNOWN', `${name} is no name of a device: small letters, digits and dashes`);
  }
  const path = (ending: string) => join(folder, 'coins', `${name}.${ending}`);
  return { settings: path('json'), seed: path('seed'), journal: path('sqlite') };
}

/** Effects: two files that only their owner reads. Errors: thrown COIN_DEVICE_OTHER when there is one of this name */
export function createDevice(folder: string, name: string, settings: DeviceSettings, seed?: Hex): Hex {
  const files = filesOf(folder, name);
  if (existsSync(files.settings)) throw coinFailure('COIN_DEVICE_OTHER', `there is a device ${name} already`);
  const made = seed ?? bytesToHex(systemChance.bytes(32));
  // Refused before anything is written.
  seedKeys(made);
  mkdirSync(join(folder, 'coins'), { recursive: true, mode: 0o700 });
  writeFileSync(files.seed, `${made}\n`, { mode: 0o600 });
  writeFileSync(files.settings, `${JSON.stringify(settings)}\n`);
  return made;
}

export function readSettings(folder: string, name: string): DeviceSettings {
  const { settings } = filesOf(folder, name);
  if (!existsSync(settings)) throw coinFailure('COIN_UNKNOWN', `there is no device ${name}: specie coins new ${name}`);
  return settingsSchema.parse(JSON.parse(readFileSync(settings, 'utf8')));
}

/** Errors: thrown CONFIGURATION_INVALID without a key that pays for gas, away from the local chain */
function connectRegister(settings: DeviceSettings, rpcUrl: string): ChainRegister {
  const { chainId, firstHeight } = settings;
  const given = process.env.COIN_SPONSOR_PRIVATE_KEY as Hex | undefined;
  const isLocal = chainId === LOCAL_CHAIN_ID && isLoopback(rpcUrl);
  if (!isLocal && !given) {
    const variable = 'COIN_SPONSOR_PRIVATE_KEY';
    throw new SettlementError('CONFIGURATION_INVALID', `${variable} pays for gas on this chain`, { param: variable });
  }
  return connectChainRegister({
    url: rpcUrl,
    chainId,
    address: settings.register as Address,
    privateKey: given ?? developmentPrivateKey(LOCAL_COIN_SPONSOR),
    depth: isLocal ? LOCAL_DEPTH : DEPTH,
    firstHeight,
    chance: systemChance,
  });
}

const NOWHERE: CoinTransport = { send: async () => undefined };

/**
 * Opens a device's files; it takes coins of `trusted` devices also where it cannot check them.
 *
 * Errors: as of `SecurityElement.open`
 */
export async function openDevice(
  folder: string,
  name: string,
  rpcUrl: string,
  trusted: readonly Address[] = [],
): Promise<OpenDevice> {
  const settings = readSettings(folder, name);
  const files = filesOf(folder, name);
  const register = connectRegister(settings, rpcUrl);
  const element = await SecurityElement.open({
    store: openSqliteStore(files.journal),
    keys: seedKeys(readFileSync(files.seed, 'utf8').trim() as Hex, { curve: settings.curve }),
    register: register.register,
    policy: DEVICE_POLICY,
  });
  const terminal = new Terminal({
    element,
    register,
    transport: NOWHERE,
    clock: machineClock,
    trusts: (payer) => trusted.some((one) => isSame(one, payer)),
  });
  return { terminal, register, close: () => element.close() };
}
