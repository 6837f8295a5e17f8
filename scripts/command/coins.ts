/** The `specie coins` commands: devices as files on this machine, at a register on a node. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, CommanderError } from 'commander';
import { bytesToHex, createPublicClient, hexToBytes, http } from 'viem';
import { coinRegisterAbi } from '../../bridge/chain/bindings/coin-register.ts';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import { findChain } from '../../bridge/coins/register-client/connect.ts';
import type { Ask, Holding } from '../../bridge/coins/security-element/domain.ts';
import { deadlineOf } from '../../bridge/coins/security-element/domain.ts';
import { evidenceOf, judgeEvidence } from '../../bridge/coins/security-element/evidence.ts';
import { coinFailure } from '../../bridge/coins/security-element/failures.ts';
import { decodeMessage, type Offer } from '../../bridge/coins/security-element/messages.ts';
import { WebSocketTransport } from '../../bridge/coins/terminal/web-socket.ts';
import { type CoinListener, listenForCoins } from '../../bridge/coins/terminal/web-socket-listener.ts';
import { alignColumns } from '../day/reports.ts';
import { createDevice, machineClock, type OpenDevice, openDevice } from './coin-device.ts';
import { issueCoin } from './coin-issue.ts';

type Show = (options: Readonly<{ json?: boolean }>, value: unknown, text: () => string) => void;
type Common = Readonly<{ json?: boolean; rpcUrl: string }>;

const ROUND_MILLISECONDS = 200;
const PATIENCE_ROUNDS = 300;

function usage(message: string): CommanderError {
  return new CommanderError(2, 'specie.coins', message);
}

/** Errors: thrown CommanderError (wrong usage) */
function amountOf(text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw usage(`${text} is no amount in units of the token`);
  return BigInt(text);
}

function bytesOf(text: string): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2})+$/.test(text)) throw usage('a message is 0x and hexadecimal digits');
  return hexToBytes(text as Hex);
}

/**
 * Works at the register until nothing that was asked is open.
 *
 * Errors: thrown COIN_REGISTER_UNAVAILABLE when that takes longer than a minute: the device goes on with `sync`
 */
async function settle({ terminal }: OpenDevice, asks?: readonly Ask[]): Promise<void> {
  for (let round = 0; round < PATIENCE_ROUNDS; round += 1) {
    await terminal.work();
    const { asks: open } = terminal.element.state;
    if (asks ? asks.every(({ askId }) => !open.has(askId)) : open.size === 0) return;
    await delay(ROUND_MILLISECONDS);
  }
  throw coinFailure('COIN_REGISTER_UNAVAILABLE', 'asked, and not final yet: go on with `specie coins sync`');
}

function line(holding: Holding, now: number): readonly string[] {
  const deadline = deadlineOf(holding);
  const { record, ending } = holding;
  const due = holding.state === 'active' && deadline !== undefined ? `register within ${deadline - now} s` : '';
  const why = ending?.why ?? record?.kind ?? due;
  return [holding.id, String(holding.base.amount), holding.state, String(holding.history.length), why];
}

function describe(holding: Holding) {
  const { id, base, state, history, record, ending } = holding;
  const [coin, amount] = [String(base.coin), String(base.amount)];
  const detail = {
    record: record?.kind ?? null,
    ending: ending?.why ?? null,
    registerBefore: deadlineOf(holding) ?? null,
  };
  return { holding: id, coin, amount, state, hops: history.length, ...detail };
}

function listed(device: OpenDevice, all: boolean) {
  const holdings = [...device.terminal.element.state.holdings.values()].filter(
    ({ state }) => all || state !== 'deleted',
  );
  const now = machineClock.seconds();
  const worth = device.terminal.element.spendable(now).reduce((sum, { base }) => sum + base.amount, 0n);
  const rows = holdings.map((holding) => line(holding, now));
  return {
    data: { device: device.terminal.element.state.device, spendable: String(worth), coins: holdings.map(describe) },
    text: `${alignColumns([['coin', 'amount', 'state', 'hops', ''], ...rows], new Set([1, 3]))}\n\nspendable ${worth}`,
  };
}

/** Adds the commands; `folder` is where devices are. */
export function addCoinCommands(program: Command, folder: string, show: Show): void {
  const coins = program.command('coins').description('electronic coins in devices on this machine');
  const command = (name: string, description: string, example: string) =>
    coins
      .command(name)
      .argument('<device>', 'its name')
      .option('--rpc-url <url>', 'the node', process.env.RPC_URL ?? 'http://127.0.0.1:8545')
      .option('--json', 'one JSON object')
      .description(description)
      .addHelpText('after', `\nExample: specie coins ${example}`);
  const withDevice = async <Value>(
    name: string,
    { rpcUrl, trust }: Common & Readonly<{ trust?: readonly string[] }>,
    act: (device: OpenDevice) => Promise<Value>,
  ) => {
    const device = await openDevice(folder, name, rpcUrl, (trust ?? []) as readonly Address[]);
    try {
      return await act(device);
    } finally {
      await device.close();
    }
  };
  const showCoins = (options: Common, device: OpenDevice) => {
    const { data, text } = listed(device, false);
    show(options, data, () => text);
  };

  command('new', 'make a device, and print the seed from which it can be restored', 'new anna --register 0x…')
    .requiredOption('--register <address>', 'where the register is')
    .option('--curve <name>', 'secp256k1, or P-256 as of secure hardware', 'secp256k1')
    .option('--first-height <height>', 'no log of the register is older', '0')
    .action(async (name: string, options: NewOptions) => {
      const seed = createDevice(folder, name, await settingsOf(options));
      show(options, { device: name, seed }, () => `${name} is made. Write its seed down:\n${seed}`);
    });

  command('restore', 'make a device again from its seed', 'restore anna --seed 0x… --register 0x…')
    .requiredOption('--seed <seed>', 'as it was written down')
    .requiredOption('--register <address>', 'where the register is')
    .option('--curve <name>', 'as it was made', 'secp256k1')
    .option('--first-height <height>', 'no log of the register is older', '0')
    .option('--nothing-under-way', 'the lost device had promised no coin to anybody: do not wait a day')
    .action(async (name: string, options: RestoreOptions) => {
      createDevice(folder, name, await settingsOf(options), options.seed as Hex);
      await withDevice(name, options, async (device) => {
        await device.terminal.restore({ nothingUnderWay: options.nothingUnderWay ?? false });
        await settle(device);
        showCoins(options, device);
      });
    });

  command('issue', 'issue a coin to a device; on the local chain its tokens are made first', 'issue anna --amount 500')
    .requiredOption('--amount <units>', 'units of the token', amountOf)
    .action((name: string, options: Common & { amount: bigint }) =>
      withDevice(name, options, async (device) => {
        const owner = await device.terminal.element.makeKey();
        const coin = await issueCoin({ ...options, register: device.register, owner });
        await waitFor(device, () =>
          [...device.terminal.element.state.holdings.values()].some(({ base }) => base.coin === coin),
        );
        showCoins(options, device);
      }),
    );

  command('list', 'the device’s coins, as its file has them', 'list anna')
    .option('--all', 'those that are gone, too')
    .action((name: string, options: Common & { all?: boolean }) =>
      withDevice(name, options, async (device) => {
        const { data, text } = listed(device, options.all ?? false);
        show(options, data, () => text);
      }),
    );

  command('receive', 'ask for an amount, or take a coin message', 'receive bela --amount 200 --listen 9000')
    .option('--amount <units>', 'make an offer', amountOf)
    .option('--listen <port>', 'with --amount: wait at this port of 127.0.0.1 until the coin is there')
    .option('--message <bytes>', 'the coin message of a payer; prints the receipt')
    .option('--trust <devices...>', 'payers whose coins are taken although the register cannot be asked')
    .action((name: string, options: ReceiveOptions) =>
      withDevice(name, options, (device) => receive(device, options, show)),
    );

  command(
    'send',
    'pay an offer with a coin of its amount, or take the answer to it',
    'send anna --offer 0x… --to ws://…',
  )
    .option('--offer <bytes>', 'the payee’s offer')
    .option('--coin <holding>', 'which coin; otherwise the first of the offer’s amount')
    .option('--to <url>', 'where the payee listens; otherwise the coin message is printed')
    .option('--answer <bytes>', 'the receipt or refusal of a payee')
    .action((name: string, options: SendOptions) => withDevice(name, options, (device) => send(device, options, show)));

  command('split', 'cut an amount off a coin', 'split anna --coin 7/1/0 --amount 200')
    .requiredOption('--coin <holding>', 'as listed')
    .requiredOption('--amount <units>', 'of the new coin', amountOf)
    .action((name: string, options: Common & { coin: string; amount: bigint }) =>
      withDevice(name, options, async (device) => {
        await settle(device, [await device.terminal.split(options.coin, options.amount)]);
        showCoins(options, device);
      }),
    );

  command('merge', 'make one coin of two', 'merge anna --coins 7/2/0 9/1/0')
    .requiredOption('--coins <holdings...>', 'two, as listed')
    .action((name: string, options: Common & { coins: string[] }) =>
      withDevice(name, options, async (device) => {
        await merge(device, options.coins);
        showCoins(options, device);
      }),
    );

  command('redeem', 'give a coin back for its tokens', 'redeem bela --coin 7/3/0 --to 0x…')
    .requiredOption('--coin <holding>', 'as listed')
    .requiredOption('--to <address>', 'who gets the tokens')
    .action((name: string, options: Common & { coin: string; to: string }) =>
      withDevice(name, options, async (device) => {
        if (!/^0x[0-9a-fA-F]{40}$/.test(options.to)) throw usage(`${options.to} is no address`);
        await settle(device, [await device.terminal.redeem(options.coin, options.to as Address)]);
        showCoins(options, device);
      }),
    );

  command('sync', 'register what came, and go on with what is open', 'sync bela').action(
    (name: string, options: Common) =>
      withDevice(name, options, async (device) => {
        await settle(device);
        showCoins(options, device);
      }),
  );

  command(
    'audit',
    'compare the register’s reserve with its coins; refused (1) when it does not cover them',
    'audit anna',
  ).action((name: string, options: Common) => withDevice(name, options, (device) => audit(device, options, show)));
}

type NewOptions = Common & Readonly<{ register: string; curve: string; firstHeight: string }>;
type RestoreOptions = NewOptions & Readonly<{ seed: string; nothingUnderWay?: boolean }>;
type ReceiveOptions = Common & Readonly<{ amount?: bigint; listen?: string; message?: string; trust?: string[] }>;
type SendOptions = Common & Readonly<{ offer?: string; coin?: string; to?: string; answer?: string }>;

/** Asks the node, so that no device is made for a register that is not there. Errors: thrown COIN_REGISTER_UNAVAILABLE */
async function settingsOf({ register, curve, firstHeight, rpcUrl }: NewOptions) {
  if (!/^0x[0-9a-fA-F]{40}$/.test(register)) throw usage(`${register} is no address`);
  if (curve !== 'secp256k1' && curve !== 'P-256') throw usage(`${curve} is none of secp256k1 and P-256`);
  if (!/^\d{1,9}$/.test(firstHeight)) throw usage(`${firstHeight} is no height`);
  const chainId = await findChain(rpcUrl, register as Address);
  return { register, chainId, curve, firstHeight: Number(firstHeight) } as const;
}

async function waitFor(device: OpenDevice, isThere: () => boolean): Promise<void> {
  for (let round = 0; round < PATIENCE_ROUNDS; round += 1) {
    await device.terminal.work();
    if (isThere()) return;
    await delay(ROUND_MILLISECONDS);
  }
  throw coinFailure('COIN_REGISTER_UNAVAILABLE', 'not final yet: go on with `specie coins sync`');
}

async function receive(device: OpenDevice, options: ReceiveOptions, show: Show): Promise<void> {
  const { terminal } = device;
  if (options.message !== undefined && options.amount === undefined) {
    const handled = await terminal.handle(bytesOf(options.message));
    if (!('answer' in handled)) throw coinFailure('COIN_MESSAGE_MALFORMED', 'this is no coin');
    const answer = bytesToHex(handled.answer);
    if (handled.kind === 'refused') process.exitCode = 1;
    show(
      options,
      { outcome: handled.kind, answer },
      () => `${handled.kind}; the payer’s device takes this:\n${answer}`,
    );
    return;
  }
  if (options.amount === undefined || options.message !== undefined) throw usage('name one of --amount and --message');
  const offer = await terminal.offer(options.amount);
  if (options.listen === undefined) {
    show(options, { offer: bytesToHex(offer) }, () => bytesToHex(offer));
    return;
  }
  if (!/^\d{1,5}$/.test(options.listen)) throw usage(`${options.listen} is no port`);
  const listener = await listenUntilPaid(device, Number(options.listen), offer, options, show);
  await listener.close();
}

/** Prints the offer and waits for its coin; what was received is on the disk before its receipt goes out. */
async function listenUntilPaid(
  { terminal }: OpenDevice,
  port: number,
  offer: Uint8Array,
  options: Common,
  show: Show,
): Promise<CoinListener> {
  const paid = Promise.withResolvers<void>();
  const { offerId } = decodeMessage(offer) as Offer;
  const listener = await listenForCoins({
    port,
    handle: async (bytes) => {
      const handled = await terminal.handle(bytes);
      const isPaid = terminal.element.state.offers.get(offerId)?.filledBy !== undefined;
      // After the answer has gone out.
      if (isPaid) setImmediate(paid.resolve);
      return 'answer' in handled ? handled.answer : undefined;
    },
  });
  show(
    options,
    { offer: bytesToHex(offer), url: listener.url },
    () => `${bytesToHex(offer)}\nwaiting at ${listener.url}`,
  );
  await paid.promise;
  show(options, { outcome: 'received' }, () => 'received');
  return listener;
}

async function send({ terminal }: OpenDevice, options: SendOptions, show: Show): Promise<void> {
  if (options.answer !== undefined && options.offer === undefined) {
    const outcome = await terminal.element.takeAnswer(bytesOf(options.answer));
    show(options, { outcome }, () => outcome);
    return;
  }
  if (options.offer === undefined || options.answer !== undefined) throw usage('name one of --offer and --answer');
  const offer = bytesOf(options.offer);
  const message = decodeMessage(offer);
  if (message.kind !== 'offer') throw coinFailure('COIN_MESSAGE_MALFORMED', `a ${message.kind} is no offer`);
  const fitting = terminal.element.spendable(machineClock.seconds()).find(({ base }) => base.amount === message.amount);
  const holdingId = options.coin ?? fitting?.id;
  if (!holdingId) throw coinFailure('COIN_AMOUNT_OTHER', `no coin of exactly ${message.amount}: split or merge first`);
  const { bytes } = await terminal.pay(offer, holdingId);
  if (options.to === undefined) {
    show(options, { holding: holdingId, message: bytesToHex(bytes) }, () => bytesToHex(bytes));
    return;
  }
  const outcome = await deliver(terminal, options.to, bytes);
  show(options, { holding: holdingId, outcome }, () => `${holdingId} ${outcome}`);
  if (outcome === 'refused') process.exitCode = 1;
  if (outcome === 'unknown') process.exitCode = 3;
}

/** Hands a coin over a socket and waits for the answer; without one the coin stays inactive, and is sent again by `sync`. */
async function deliver(terminal: OpenDevice['terminal'], url: string, bytes: Uint8Array): Promise<string> {
  const answered = Promise.withResolvers<string>();
  const transport = new WebSocketTransport({
    urlOf: () => url,
    handle: async (answer) => {
      answered.resolve(await terminal.element.takeAnswer(answer));
      return undefined;
    },
  });
  try {
    if (!(await transport.sendTo(url, bytes))) return 'unknown';
    const patience = delay(ROUND_MILLISECONDS * 50, 'unknown');
    return await Promise.race([answered.promise, patience]);
  } finally {
    transport.close();
  }
}

/** The register merges coins of one key only, so that they are brought to one first. */
async function merge(device: OpenDevice, holdings: readonly string[]): Promise<void> {
  const [one, other] = holdings;
  if (!one || !other || holdings.length !== 2) throw usage('name two coins');
  const { terminal, register } = device;
  let pair: readonly [string, string] = [one, other];
  const owners = pair.map((id) => terminal.element.requireSpendable(id, machineClock.seconds()).base.owner);
  if (one !== other && owners[0] !== owners[1]) {
    const asks = await terminal.gather(pair);
    await settle(device, asks);
    pair = asks.map(({ results }) => results[0]!.id) as [string, string];
  }
  await settle(device, [await terminal.merge(pair, await register.maximumAmount())]);
}

async function audit({ terminal, register }: OpenDevice, options: Common, show: Show): Promise<void> {
  const { address } = register.register;
  const client = createPublicClient({ transport: http(options.rpcUrl), cacheTime: 0 });
  const supply = await client
    .readContract({ address, abi: coinRegisterAbi, functionName: 'supply' })
    .catch((error: Error) => {
      throw coinFailure('COIN_REGISTER_UNAVAILABLE', error.message.split('\n')[0]!);
    });
  const held = await register.tokensHeld();
  const isCovered = held >= supply.outstanding && supply.reserve >= supply.outstanding;
  const evidence = evidenceOf(terminal.element.state).map((one) => ({
    coin: String(one.base.coin),
    ...judgeEvidence(terminal.element.cryptography, one),
  }));
  const [reserve, outstanding] = [String(supply.reserve), String(supply.outstanding)];
  const value = { register: address, tokensHeld: String(held), reserve, outstanding, isCovered, evidence };
  show(options, value, () =>
    [
      `tokens held ${held} · reserve ${reserve} · coins ${outstanding} · ${isCovered ? 'covered' : '✖ not covered'}`,
      ...evidence.map(({ coin, payer, verdict }) => `coin ${coin}: ${payer} signed it over to this device, ${verdict}`),
    ].join('\n'),
  );
  if (!isCovered) process.exitCode = 1;
}
