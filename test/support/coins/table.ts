/** Devices by name on the curves themselves, with nothing that fails: tests of single messages and of the fault table. */
import { keccak256, stringToHex } from 'viem';
import type { Address, Hex } from '../../../bridge/chain/domain.ts';
import { curves } from '../../../bridge/coins/security-element/cryptography.ts';
import type { DevicePolicy } from '../../../bridge/coins/security-element/domain.ts';
import { SecurityElement } from '../../../bridge/coins/security-element/element.ts';
import { type KeyRing, seedKeys } from '../../../bridge/coins/security-element/keys.ts';
import { MemoryStore } from '../../../bridge/coins/security-element/store.ts';
import { Terminal } from '../../../bridge/coins/terminal/terminal.ts';
import { SeededChance } from '../simulator/seeded-chance.ts';
import { FINALITY_BLOCKS, REGISTER, RegisterWorld } from './register-world.ts';

export const TABLE_POLICY: DevicePolicy = {
  warnHops: 2,
  blockHops: 3,
  offerSeconds: 900,
  reclaimSeconds: 3_600,
  margin: 60,
};

export type Party = {
  readonly name: string;
  readonly store: MemoryStore;
  readonly keys: KeyRing;
  terminal: Terminal;
  isOnline: boolean;
};

export function seedOf(name: string): Hex {
  return keccak256(stringToHex(`the seed of ${name}`));
}

/** A few devices and a register in which everything happens when the test says so. */
export class Table {
  readonly register = new RegisterWorld(new SeededChance('table'), curves, 1_800_000_000);
  readonly sent: { to: Address; bytes: Uint8Array }[] = [];
  time = 1_800_000_000;
  /** Devices whose word nobody takes. */
  readonly strangers = new Set<Address>();
  #coins = 0n;

  async party(name: string, keys: KeyRing = seedKeys(seedOf(name)), store = new MemoryStore()): Promise<Party> {
    const party = { name, store, keys, isOnline: true } as Party;
    await this.restart(party);
    return party;
  }

  /** Forgets everything but the disk. */
  async restart(party: Party): Promise<void> {
    const { store, keys } = party;
    const element = await SecurityElement.open({ store, keys, register: REGISTER, policy: TABLE_POLICY });
    party.terminal = new Terminal({
      element,
      register: this.register.port({ isThere: () => party.isOnline, losesAnswers: () => false }),
      transport: { send: async (to, bytes) => void this.sent.push({ to, bytes }) },
      clock: { seconds: () => this.time },
      trusts: (payer) => !this.strangers.has(payer),
    });
  }

  mine(): void {
    this.time += 12;
    this.register.mine(this.time, true);
  }

  final(): void {
    for (let block = 0; block <= FINALITY_BLOCKS; block += 1) this.mine();
  }

  /** A coin that finally belongs to this party; its holding's name. */
  async issue(party: Party, amount: bigint): Promise<string> {
    this.#coins += 1n;
    this.register.issue(this.#coins, await party.terminal.element.makeKey(), amount);
    this.final();
    await party.terminal.work();
    return `${this.#coins}/1/0`;
  }

  /** Works at the register until what was asked there is final and known. */
  async settle(...parties: readonly Party[]): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      for (const { terminal } of parties) await terminal.work();
      this.final();
    }
  }

  /** Offer and coin message; the bytes have not reached the payee. */
  async pay(payer: Party, payee: Party, holdingId: string): Promise<Uint8Array> {
    const { amount } = payer.terminal.element.state.holdings.get(holdingId)!.base;
    return (await payer.terminal.pay(await payee.terminal.offer(amount), holdingId)).bytes;
  }

  /** The whole way: offer, coin, receipt, deletion. Answers the payee's holding. */
  async pass(payer: Party, payee: Party, holdingId: string): Promise<string> {
    const handled = await payee.terminal.handle(await this.pay(payer, payee, holdingId));
    if (handled.kind !== 'received') throw new Error(handled.kind);
    await payer.terminal.handle(handled.answer);
    return spendable(this, payee).at(-1)!;
  }
}

export function spendable(table: Table, { terminal }: Party): readonly string[] {
  return terminal.element.spendable(table.time).map(({ id }) => id);
}

/** Every party whose device would spend this coin. */
export function spenders(table: Table, coin: bigint, parties: readonly Party[]): readonly string[] {
  return parties
    .filter((party) => party.terminal.element.spendable(table.time).some(({ base }) => base.coin === coin))
    .map(({ name }) => name);
}

export function stateOf({ terminal }: Party, holdingId: string): string | undefined {
  return terminal.element.state.holdings.get(holdingId)?.state;
}
