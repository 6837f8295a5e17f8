/** Devices, the paths between them and the register, all held by one seed. */
import { bytesToHex, keccak256, stringToHex } from 'viem';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { type CoinCryptography, curves } from '../../../bridge/coins/security-element/cryptography.ts';
import { planWork } from '../../../bridge/coins/security-element/decisions.ts';
import type { DevicePolicy, Holding } from '../../../bridge/coins/security-element/domain.ts';
import { ELEMENT_RULES, type ElementRules, SecurityElement } from '../../../bridge/coins/security-element/element.ts';
import { evidenceOf, judgeEvidence } from '../../../bridge/coins/security-element/evidence.ts';
import { seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import { decodeMessage, isSame, transferIdsOf } from '../../../bridge/coins/security-element/messages.ts';
import { Terminal } from '../../../bridge/coins/terminal/terminal.ts';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import { SeededChance } from '../simulator/seeded-chance.ts';
import { FaultyDisk, PowerCut } from './faulty-disk.ts';
import { REGISTER, RegisterWorld } from './register-world.ts';
import { standInCryptography } from './stand-in-cryptography.ts';

export const POLICY: DevicePolicy = { warnHops: 2, blockHops: 3, offerSeconds: 900, reclaimSeconds: 3_600, margin: 60 };
const STARTS_AT = 1_800_000_000;
const EVERY_TWENTIETH = 20;

/** A fault in our own work, to see that schedules find it. */
export type PlantedCoinBug = Readonly<{
  name: string;
  rules?: Partial<ElementRules>;
  plan?: typeof planWork;
  seesUnfinal?: boolean;
  forgetfulDisk?: boolean;
}>;

type Packet = Readonly<{ to: Address; from: string; bytes: Uint8Array }>;

export class Device {
  readonly name: string;
  readonly disk: FaultyDisk;
  readonly seed: Hex;
  readonly curve: 'secp256k1' | 'P-256';
  /** How far its clock is off, in seconds. */
  readonly skew: number;
  terminal: Terminal | undefined;
  isOnline = true;

  constructor(name: string, chance: SeededChance, seed: number, margin: number, bug: PlantedCoinBug | undefined) {
    this.name = name;
    this.disk = new FaultyDisk(chance.fork(`disk ${name}`), bug?.forgetfulDisk);
    this.seed = keccak256(stringToHex(`schedule ${seed} ${name}`));
    this.curve = chance.happens(0.25) ? 'P-256' : 'secp256k1';
    this.skew = chance.between(-Math.floor(margin / 2), Math.floor(margin / 2));
  }

  get holdings(): readonly Holding[] {
    return this.terminal ? [...this.terminal.element.state.holdings.values()] : [];
  }
}

export class DeviceWorld {
  readonly chance: SeededChance;
  readonly cryptography: CoinCryptography;
  readonly devices: readonly Device[];
  readonly register: RegisterWorld;
  readonly trace: string[] = [];
  readonly violations: string[] = [];
  readonly seen: Record<string, number> = {};
  packets: Packet[] = [];
  time = STARTS_AT;
  isHealed = false;
  readonly #bug: PlantedCoinBug | undefined;
  /** Through how many devices a coin went, by what was really sent. */
  readonly #hops = new Map<string, number>();

  constructor(seed: number, bug?: PlantedCoinBug) {
    this.chance = new SeededChance(`coins ${seed}`);
    this.cryptography = seed % EVERY_TWENTIETH === 0 ? curves : standInCryptography;
    this.#bug = bug;
    this.register = new RegisterWorld(this.chance.fork('register'), this.cryptography, this.time);
    const names = ['anna', 'bela', 'cora', 'dora', 'emil'].slice(0, this.chance.between(2, 5));
    this.devices = names.map((name) => new Device(name, this.chance.fork(name), seed, POLICY.margin, bug));
  }

  note(what: string): void {
    this.trace.push(`${String(this.time - STARTS_AT).padStart(6)}s  ${what}`);
  }

  count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  /** Starts a device from what is on its disk. */
  async start(device: Device): Promise<void> {
    device.disk.heal();
    const keys = seedKeys(device.seed, { cryptography: this.cryptography, curve: device.curve });
    const element = await SecurityElement.open({
      store: device.disk.store(),
      keys,
      register: REGISTER,
      policy: POLICY,
      cryptography: this.cryptography,
      checkpointEvery: 4,
      rules: { ...ELEMENT_RULES, ...this.#bug?.rules },
    });
    device.terminal = new Terminal({
      element,
      register: this.register.port({
        isThere: () => device.isOnline && (this.isHealed || !this.chance.happens(0.1)),
        losesAnswers: () => !this.isHealed && this.chance.happens(0.1),
        seesUnfinal: this.#bug?.seesUnfinal ?? false,
      }),
      transport: { send: async (to, bytes) => this.#put({ to, from: device.name, bytes }) },
      clock: { seconds: () => this.time + device.skew },
      trusts: () => true,
      plan: this.#bug?.plan ?? planWork,
    });
    this.note(`${device.name} starts, a device of ${device.curve}`);
  }

  stop(device: Device): void {
    device.terminal = undefined;
    device.disk.crash();
    this.count('crash');
    this.note(`${device.name} is cut off`);
  }

  /** Does something at a device; its power may go meanwhile, and it may refuse. */
  async at(device: Device, what: string, act: (terminal: Terminal) => Promise<unknown>): Promise<void> {
    if (!device.terminal) return;
    try {
      await act(device.terminal);
      this.note(`${device.name}: ${what}`);
    } catch (error) {
      if (error instanceof PowerCut) {
        this.note(`${device.name}: ${what} - ${error.message}`);
        this.stop(device);
      } else if (error instanceof SettlementError && error.code !== 'COIN_JOURNAL_DAMAGED') {
        this.count(error.code);
        this.note(`${device.name}: ${what} - ${error.code}`);
      } else throw error;
    }
  }

  async pay(payer: Device, payee: Device, holding: Holding): Promise<void> {
    await this.at(payee, `asks ${payer.name} for ${holding.base.amount}`, async (terminal) => {
      const offer = await terminal.offer(holding.base.amount);
      await this.at(payer, `sends ${holding.id} to ${payee.name}`, async (from) => {
        const hops = holding.history.length === 0 ? 0 : this.#hops.get(`${payer.name} ${holding.id}`);
        const { transferId } = await from.pay(offer, holding.id);
        if (hops !== undefined) this.#hops.set(transferId, hops + 1);
        this.count(`sent as ${payer.curve === payee.curve && payer.curve === 'secp256k1' ? 'secret' : 'switches'}`);
      });
    });
  }

  #put(packet: Packet): void {
    if (this.isHealed) {
      this.packets.push(packet);
      return;
    }
    if (this.chance.happens(0.2)) {
      this.count('drop');
      return;
    }
    this.packets.push(packet);
    if (this.chance.happens(0.15)) {
      this.packets.push(packet);
      this.count('duplicate');
    }
  }

  /** Hands over one packet out of all that are under way: any of them. */
  async deliver(): Promise<void> {
    if (this.packets.length === 0) return;
    const index = this.isHealed ? 0 : this.chance.below(this.packets.length);
    if (index > 0) this.count('reorder');
    const [packet] = this.packets.splice(index, 1) as [Packet];
    const device = this.devices.find(({ terminal }) => terminal && isSame(terminal.element.state.device, packet.to));
    if (!device) return this.note('nobody is there for a packet');
    const message = decodeMessage(packet.bytes);
    if (message.kind === 'coin' && !this.isHealed && this.chance.happens(0.12)) {
      await this.at(device, 'declines a coin', async ({ element }) => {
        this.#answer(device, packet, await element.refuse(packet.bytes, 'declined'));
        this.count('declined');
      });
      return;
    }
    await this.at(device, `takes a ${message.kind} from ${packet.from}`, async (terminal) => {
      const handled = await terminal.handle(packet.bytes);
      if (handled.kind === 'received') this.#checkHops(device, packet.bytes);
      if ('answer' in handled) this.#answer(device, packet, handled.answer);
    });
  }

  #answer(device: Device, packet: Packet, bytes: Uint8Array): void {
    const payer = this.devices.find(({ name }) => name === packet.from);
    const to = payer?.terminal?.element.state.device;
    if (to) this.#put({ to, from: device.name, bytes });
  }

  #checkHops(device: Device, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    if (message.kind !== 'coin') return;
    // Unknown where a payer's power went just after it had written the sending down.
    const hops = this.#hops.get(transferIdsOf(message.base, message.hops).at(-1)!);
    if (hops === undefined) return;
    this.#hops.set(`${device.name} ${message.base.coin}/${message.base.sequence}/${message.hops.length}`, hops);
    if (hops !== message.hops.length) {
      this.violations.push(`a coin says ${message.hops.length} hops after ${hops}: ${bytesToHex(bytes).slice(0, 80)}…`);
    }
    this.count(message.hops.length > 1 ? 'several hops' : 'one hop');
  }

  /** At every instant: nobody but one can spend a coin, and coins are worth what was issued. */
  judge(issued: bigint): void {
    const spenders = new Map<bigint, string[]>();
    for (const device of this.devices) {
      for (const { base } of device.terminal?.element.spendable(this.time + device.skew) ?? []) {
        spenders.set(base.coin, [...(spenders.get(base.coin) ?? []), device.name]);
      }
    }
    for (const [coin, names] of spenders) {
      if (names.length > 1) this.violations.push(`coin ${coin} can be spent by ${names.join(' and ')}`);
    }
    for (const device of this.devices) this.#judgeLosses(device);
    const { state } = this.register.head;
    const worth = [...state.coins.values()].reduce((sum, { amount }) => sum + amount, 0n);
    if (worth !== state.outstanding || worth > issued) this.violations.push(`coins of ${worth}, ${issued} issued`);
  }

  /** Everyone here keeps his promises: who took a coin loses it only by being late. */
  #judgeLosses(device: Device): void {
    if (!device.terminal) return;
    for (const evidence of evidenceOf(device.terminal.element.state)) {
      const { verdict } = judgeEvidence(this.cryptography, evidence);
      if (verdict === 'promiseBroken') {
        this.violations.push(`${device.name} lost coin ${evidence.base.coin}, which was promised to it`);
      }
    }
  }

  /** What is not yet as it has to be once everything is healed; nothing when every coin is alive in one place. */
  unhealed(): readonly string[] {
    const { state } = this.register.final;
    const wrong: string[] = [];
    for (const [coin, word] of state.coins) {
      if (word.state === 'free') continue;
      const alive = this.devices.flatMap((device) =>
        device.holdings.filter((holding) => holding.base.coin === coin && holding.state === 'active'),
      );
      const [one] = alive;
      const isThere = one && one.history.length === 0 && one.base.sequence === word.sequence;
      if (alive.length !== 1 || !isThere || !isSame(one.base.owner, word.owner) || one.base.amount !== word.amount) {
        wrong.push(`coin ${coin} is alive ${alive.length} times, ${word.state} at ${word.sequence}`);
      }
    }
    for (const device of this.devices) {
      const waiting = device.holdings.filter(({ state: its }) => its === 'inactive').length;
      const asks = device.terminal?.element.state.asks.size ?? 0;
      if (waiting + asks > 0) wrong.push(`${device.name} waits for ${waiting} coins and ${asks} answers`);
    }
    return wrong;
  }
}
