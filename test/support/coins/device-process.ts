/**
 * One device as a process: pays and asks its peers at random until it is told to stop, and is killed in between.
 *
 * Started with one JSON argument; speaks over IPC: `ready` with its key and place, `calm` asks it to begin nothing new,
 * `report` what it holds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { LOCAL_CHAIN_ID } from '../../../bridge/chain/keys.ts';
import { connectChainRegister } from '../../../bridge/coins/register-client/connect.ts';
import { DEVICE_POLICY } from '../../../bridge/coins/security-element/domain.ts';
import { SecurityElement } from '../../../bridge/coins/security-element/element.ts';
import { seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import { decodeMessage } from '../../../bridge/coins/security-element/messages.ts';
import { openSqliteStore } from '../../../bridge/coins/security-element/sqlite-store.ts';
import { Terminal } from '../../../bridge/coins/terminal/terminal.ts';
import { WebSocketTransport } from '../../../bridge/coins/terminal/web-socket.ts';
import { listenForCoins } from '../../../bridge/coins/terminal/web-socket-listener.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { SeededChance } from '../simulator/seeded-chance.ts';

export type DeviceArguments = Readonly<{
  name: string;
  file: string;
  seed: Hex;
  port: number;
  rpcUrl: string;
  register: Address;
  sponsor: Hex;
  chance: string;
  amount: string;
  /** Devices with their places. */
  peers: readonly Readonly<{ device: Address; url: string }>[];
}>;
export type DeviceReport = Readonly<{
  key?: Address;
  asks: number;
  coins: readonly Readonly<{ coin: string; sequence: number; amount: string; state: string; hops: number }>[];
}>;

const ROUND_MILLISECONDS = 10;
const DEPTH = 2;

const given = JSON.parse(process.argv[2]!) as DeviceArguments;
const chance = new SeededChance(given.chance);
const register = connectChainRegister({
  url: given.rpcUrl,
  chainId: LOCAL_CHAIN_ID,
  address: given.register,
  privateKey: given.sponsor,
  depth: DEPTH,
  firstHeight: 0,
  chance,
});
const element = await SecurityElement.open({
  store: openSqliteStore(given.file),
  keys: seedKeys(given.seed),
  register: register.register,
  policy: DEVICE_POLICY,
  checkpointEvery: 8,
});
const clock = { seconds: () => Math.floor(Date.now() / 1000) };
let isCalm = false;

async function handle(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const message = decodeMessage(bytes);
  if (message.kind !== 'offer') {
    const handled = await terminal.handle(bytes);
    return 'answer' in handled ? handled.answer : undefined;
  }
  // Asked for money by a peer: pays with whatever fits.
  const fitting = element.spendable(clock.seconds()).filter(({ base }) => base.amount === message.amount);
  if (fitting.length === 0 || isCalm) return undefined;
  return (await element.send({ holdingId: chance.pick(fitting).id, offer: bytes, now: clock.seconds() })).bytes;
}

const urlOf = (device: Address) => given.peers.find((peer) => peer.device === device)?.url;
const transport = new WebSocketTransport({ urlOf, handle });
const terminal = new Terminal({ element, register, transport, clock, trusts: () => true });
await listenForCoins({ port: given.port, handle });

function report(): DeviceReport {
  const { holdings, asks, awaited } = element.state;
  const [key] = awaited.keys();
  return {
    ...(key ? { key } : {}),
    asks: asks.size,
    coins: [...holdings.values()]
      .filter(({ state }) => state !== 'deleted')
      .map(({ base, state, history }) => ({
        coin: String(base.coin),
        sequence: base.sequence,
        amount: String(base.amount),
        state,
        hops: history.length,
      })),
  };
}

process.on('message', (word: string) => {
  if (word === 'calm') isCalm = true;
  if (word === 'busy') isCalm = false;
  if (word === 'report') process.send!({ report: report() });
});
process.on('disconnect', () => process.exit(0));

if (element.state.awaited.size === 0) await element.makeKey();
process.send!({ ready: report() });

for (;;) {
  try {
    if (!isCalm && chance.happens(0.5)) {
      const offer = await terminal.offer(BigInt(given.amount));
      await transport.sendTo(chance.pick(given.peers).url, offer);
    }
    if (isCalm || chance.happens(0.3)) await terminal.work();
  } catch (error) {
    // The register was away, or another device of the same sponsor was faster: the next round brings it again.
    if (!(error instanceof SettlementError)) throw error;
  }
  await delay(ROUND_MILLISECONDS);
}
