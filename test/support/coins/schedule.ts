/** One seeded schedule: devices pay each other while everything fails, and then nothing fails any more. */
import { bytesToHex } from 'viem';
import type { Holding } from '../../../bridge/coins/security-element/domain.ts';
import { type Device, DeviceWorld, type PlantedCoinBug, POLICY } from './device-world.ts';
import { CUTS } from './faulty-disk.ts';
import { FINALITY_BLOCKS, LIMITS } from './register-world.ts';

/** Rounds of everyone's work after which nothing may be open any more. */
export const HEALING_ROUNDS = 60;
const BLOCK_SECONDS = 12;
const HEALING_SECONDS = 90;

export type ScheduleResult = Readonly<{
  seed: number;
  violations: readonly string[];
  trace: readonly string[];
  seen: Readonly<Record<string, number>>;
  rounds: number;
}>;

/**
 * Shape:   a seed, and a bug of ours where it shall be found → what was violated; the same for the same seed
 * Effects: none outside
 */
export async function runSchedule(seed: number, bug?: PlantedCoinBug): Promise<ScheduleResult> {
  const world = new DeviceWorld(seed, bug);
  let rounds = 0;
  try {
    const issued = await begin(world);
    const steps = world.chance.between(40, 90);
    for (let step = 0; step < steps && world.violations.length === 0; step += 1) {
      await actOnce(world);
      world.judge(issued);
    }
    if (world.violations.length === 0) rounds = await heal(world, issued);
  } catch (error) {
    world.violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return { seed, violations: world.violations, trace: world.trace, seen: world.seen, rounds };
}

export function explainSchedule({ seed, violations, trace }: ScheduleResult): string {
  return [`seed ${seed}:`, ...violations, '', 'what happened:', ...trace].join('\n');
}

async function begin(world: DeviceWorld): Promise<bigint> {
  let issued = 0n;
  for (const device of world.devices) {
    await world.start(device);
    let reference = await device.terminal!.element.makeKey();
    for (let coin = 0; coin < world.chance.between(1, 2); coin += 1) {
      const amount = BigInt(world.chance.between(2, 9));
      if (world.chance.happens(0.5)) reference = await device.terminal!.element.makeKey();
      world.register.issue(BigInt(issued) + 1n, reference, amount);
      issued += amount;
    }
  }
  for (let block = 0; block < FINALITY_BLOCKS; block += 1) mine(world);
  return issued;
}

function mine(world: DeviceWorld): void {
  world.time += BLOCK_SECONDS;
  world.register.mine(world.time, world.isHealed);
}

const ACTIONS: readonly (readonly [weight: number, act: (world: DeviceWorld) => Promise<void> | void])[] = [
  [16, pay],
  [24, (world) => world.deliver()],
  [18, (world) => work(world, world.chance.pick(world.devices))],
  [12, mine],
  [2, reorganise],
  [2, (world) => wait(world, world.chance.between(30, 400))],
  [1, (world) => wait(world, POLICY.reclaimSeconds + 3 * POLICY.margin)],
  [3, armCut],
  [2, (world) => up(world, (device) => world.stop(device))],
  [8, restart],
  [2, (world) => up(world, toggleRegister)],
  [4, split],
  [4, merge],
  [1, redeem],
  [2, lock],
];
const WEIGHTS = ACTIONS.reduce((sum, [weight]) => sum + weight, 0);

async function actOnce(world: DeviceWorld): Promise<void> {
  let left = world.chance.below(WEIGHTS);
  for (const [weight, act] of ACTIONS) {
    left -= weight;
    if (left < 0) return act(world);
  }
}

function work(world: DeviceWorld, device: Device): Promise<void> {
  return world.at(device, 'works', async (terminal) => {
    for (const happening of await terminal.work()) {
      world.count(happening.kind === 'lost' ? 'lost' : `settled ${happening.ask.purpose}`);
    }
  });
}

function up(world: DeviceWorld, act: (device: Device) => unknown): void {
  const there = world.devices.filter(({ terminal }) => terminal);
  if (there.length > 0) act(world.chance.pick(there));
}

function toggleRegister(device: Device): void {
  device.isOnline = !device.isOnline;
}

function spendable(world: DeviceWorld, device: Device): readonly Holding[] {
  return device.terminal?.element.spendable(world.time + device.skew) ?? [];
}

async function pay(world: DeviceWorld): Promise<void> {
  const payers = world.devices.filter((device) => spendable(world, device).length > 0);
  if (payers.length === 0) return;
  const payer = world.chance.pick(payers);
  const payee = world.chance.pick(world.devices.filter((device) => device !== payer));
  await world.pay(payer, payee, world.chance.pick(spendable(world, payer)));
}

function wait(world: DeviceWorld, seconds: number): void {
  world.time += seconds;
  world.register.mine(world.time);
  world.note(`${seconds} seconds pass`);
}

function reorganise(world: DeviceWorld): void {
  const depth = world.chance.between(1, FINALITY_BLOCKS);
  world.register.reorganise(depth);
  world.count('reorganisation');
  world.note(`${depth} blocks are reorganised`);
}

function armCut(world: DeviceWorld): void {
  up(world, (device) => {
    const cut = world.chance.pick(CUTS);
    device.disk.cutAt(world.chance.between(1, 2), cut);
    world.count(`cut ${cut}`);
  });
}

async function restart(world: DeviceWorld): Promise<void> {
  const down = world.devices.filter(({ terminal }) => !terminal);
  if (down.length === 0) return;
  const device = world.chance.pick(down);
  await world.start(device);
  world.count('restart');
}

async function split(world: DeviceWorld): Promise<void> {
  const device = world.chance.pick(world.devices);
  const coins = spendable(world, device).filter(({ base, history }) => history.length === 0 && base.amount > 1n);
  if (coins.length === 0) return;
  const { id, base } = world.chance.pick(coins);
  const amount = BigInt(world.chance.between(1, Number(base.amount) - 1));
  await world.at(device, `splits ${amount} off ${id}`, (terminal) => terminal.split(id, amount));
}

async function merge(world: DeviceWorld): Promise<void> {
  const device = world.chance.pick(world.devices);
  const coins = spendable(world, device).filter(({ history }) => history.length === 0);
  const isOfOneKey = (coin: Holding) => coins.filter(({ base }) => base.owner === coin.base.owner).length > 1;
  const [one, other] = coins.some(isOfOneKey) ? coins.filter(isOfOneKey) : coins;
  if (!one || !other) return;
  if (one.base.owner === other.base.owner) {
    await world.at(device, `merges ${one.id} and ${other.id}`, (terminal) =>
      terminal.merge([one.id, other.id], LIMITS.maximumAmount),
    );
  } else {
    await world.at(device, `gathers ${one.id} and ${other.id}`, (terminal) => terminal.gather([one.id, other.id]));
  }
}

async function redeem(world: DeviceWorld): Promise<void> {
  const device = world.chance.pick(world.devices);
  const coins = spendable(world, device).filter(({ history }) => history.length === 0);
  if (coins.length === 0) return;
  const { id } = world.chance.pick(coins);
  const recipient = bytesToHex(world.chance.bytes(20));
  await world.at(device, `redeems ${id}`, (terminal) => terminal.redeem(id, recipient));
}

async function lock(world: DeviceWorld): Promise<void> {
  const [payer, payee] = [world.chance.pick(world.devices), world.chance.pick(world.devices)];
  const coins = spendable(world, payer).filter(({ history }) => history.length === 0);
  if (coins.length === 0 || payer === payee) return;
  const { id, base } = world.chance.pick(coins);
  const deadline = world.time + world.chance.between(10, 600);
  await world.at(payee, `asks ${payer.name} for ${base.amount} at the register`, async (terminal) => {
    const offer = await terminal.offer(base.amount);
    await world.at(payer, `locks ${id} for ${payee.name}`, (from) => from.lock(id, offer, deadline));
  });
}

/** Nothing fails any more: after how many rounds every coin is alive in one place. */
async function heal(world: DeviceWorld, issued: bigint): Promise<number> {
  world.isHealed = true;
  world.note('from here on nothing fails');
  for (const device of world.devices) {
    device.isOnline = true;
    device.disk.heal();
    if (!device.terminal) await world.start(device);
  }
  for (let round = 1; round <= HEALING_ROUNDS; round += 1) {
    for (let left = world.packets.length; left > 0; left -= 1) await world.deliver();
    for (const device of world.devices) await work(world, device);
    world.time += HEALING_SECONDS;
    mine(world);
    world.judge(issued);
    if (world.violations.length > 0) return round;
    // Empty packets too: what comes late finds its place without changing anything.
    if (world.unhealed().length === 0 && world.packets.length === 0) return round;
  }
  world.violations.push(`after ${HEALING_ROUNDS} rounds: ${world.unhealed().join(' · ')}`);
  return HEALING_ROUNDS;
}
