/**
 * Writes what each verb of the contracts costs into snapshots/gas.json, and into the table of docs/contracts.md.
 *
 * Units:   gas of whole chain transactions, intrinsic gas and calldata included, refunds taken off; hardfork osaka
 * State:   everyone who takes part has held the token before and the fee receiver is owed something already; the terms
 *          name a fee receiver throughout, and the maximum is authorized. A capture takes half of what is held.
 *
 * `--check` writes nothing and ends with code 1 when a figure differs from the file or is above its limit.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { concatHex, keccak256, numberToHex, parseSignature, stringToHex, type TransactionReceipt } from 'viem';
import { intermediaryWalletAbi } from '../bridge/chain/bindings/intermediary-wallet.ts';
import { localDollarAbi } from '../bridge/chain/bindings/local-dollar.ts';
import { paymentEscrowAbi } from '../bridge/chain/bindings/payment-escrow.ts';
import type { Address, Hex } from '../bridge/chain/domain.ts';
import type { PaymentTerms } from '../bridge/chain/escrow.ts';
import { coinCases, setCoinStage } from './contracts/coin-gas.ts';
import { type ActorName, openScene, SCENE_TIME, type Scene } from './contracts/scene.ts';

type Case = Readonly<{ name: string; limit?: number; measure: (stage: Stage) => Promise<number> }>;
type Stage = Scene &
  Readonly<{
    escrowCall(from: ActorName, functionName: string, args: readonly unknown[]): Promise<TransactionReceipt>;
    walletCall(from: ActorName, functionName: string, args: readonly unknown[]): Promise<TransactionReceipt>;
    tokenCall(from: ActorName, functionName: string, args: readonly unknown[]): Promise<TransactionReceipt>;
    termsOf(name: string): PaymentTerms;
    authorized(name: string): Promise<PaymentTerms>;
  }>;

const AMOUNT = 125_340_000n;
const FEE = 1_253_400n;
const HOUR = 3_600n;
const BATCH_SIZE = 100;
const BYTES_SIGNATURE_EXTRA = 3_000;
const LIMIT = { authorize: 105_000, charge: 110_500, chargeWithFee: 117_000 } as const;

const cases: readonly Case[] = [
  { name: 'PaymentEscrow.authorize', limit: LIMIT.authorize, measure: (stage) => open(stage, 'authorize', 'plain') },
  {
    name: 'PaymentEscrow.authorize (bytes signature)',
    limit: LIMIT.authorize + BYTES_SIGNATURE_EXTRA,
    measure: (stage) => open(stage, 'authorize', 'bytes'),
  },
  { name: 'PaymentEscrow.capture', limit: 54_000, measure: (stage) => capture(stage, 0n) },
  { name: 'PaymentEscrow.capture with fee', limit: 57_000, measure: (stage) => capture(stage, FEE / 2n) },
  { name: 'PaymentEscrow.charge', limit: LIMIT.charge, measure: (stage) => open(stage, 'charge', 'plain', 0n) },
  {
    name: 'PaymentEscrow.charge (bytes signature)',
    limit: LIMIT.charge + BYTES_SIGNATURE_EXTRA,
    measure: (stage) => open(stage, 'charge', 'bytes', 0n),
  },
  {
    name: 'PaymentEscrow.charge with fee',
    limit: LIMIT.chargeWithFee,
    measure: (stage) => open(stage, 'charge', 'plain', FEE),
  },
  {
    name: 'PaymentEscrow.charge with fee (bytes signature)',
    limit: LIMIT.chargeWithFee + BYTES_SIGNATURE_EXTRA,
    measure: (stage) => open(stage, 'charge', 'bytes', FEE),
  },
  {
    name: 'PaymentEscrow.void',
    limit: 50_500,
    measure: async (stage) => gasOf(stage.escrowCall('operator', 'void', [await stage.authorized('void'), 1n])),
  },
  {
    name: 'PaymentEscrow.refund',
    measure: async (stage) => {
      const terms = await stage.authorized('refund');
      await stage.escrowCall('operator', 'capture', [terms, AMOUNT, 0n, 1n]);
      return gasOf(stage.escrowCall('operator', 'refund', [terms, AMOUNT / 2n, 2n]));
    },
  },
  {
    name: 'PaymentEscrow.reclaim',
    measure: async (stage) => {
      const terms = await stage.authorized('reclaim');
      const time = numberToHex(terms.authorizationExpiry);
      await stage.provider.request({ method: 'evm_setNextBlockTimestamp', params: [time] });
      return gasOf(stage.escrowCall('payer', 'reclaim', [terms]));
    },
  },
  {
    name: 'IntermediaryWallet.payout',
    measure: (stage) =>
      gasOf(
        stage.walletCall('operator', 'payout', [named('payout'), stage.token, stage.actors.receiver.address, AMOUNT]),
      ),
  },
  {
    name: `IntermediaryWallet.payout batch of ${BATCH_SIZE}, each`,
    limit: 10_500,
    measure: async (stage) => {
      const items = concatHex(holders().map((payee, index) => payoutItem(payee, AMOUNT + BigInt(index))));
      const gas = await gasOf(stage.walletCall('operator', 'payoutBatch', [named('batch'), stage.token, items]));
      return Math.ceil(gas / BATCH_SIZE);
    },
  },
  {
    name: 'ERC20.transfer to an old holder',
    measure: (stage) => gasOf(stage.tokenCall('payer', 'transfer', [stage.actors.receiver.address, AMOUNT])),
  },
  {
    name: 'ERC20.transfer to a new holder',
    measure: (stage) => gasOf(stage.tokenCall('payer', 'transfer', [addressNamed('a new holder'), AMOUNT])),
  },
];

const allCases: readonly Pick<Case, 'name' | 'limit'>[] = [...cases, ...coinCases];

/** Figures of every case, in the order of the file. */
export async function measureGas(): Promise<Readonly<Record<string, number>>> {
  const scene = await openScene();
  try {
    const stage = await setStage(scene);
    const figures: Record<string, number> = {};
    for (const { name, measure } of cases) figures[name] = await measure(stage);
    const coinStage = await setCoinStage(scene);
    for (const { name, measure } of coinCases) figures[name] = await measure(coinStage);
    return figures;
  } finally {
    await scene.close();
  }
}

async function setStage(scene: Scene): Promise<Stage> {
  const { actors, token, escrow, wallet } = scene;
  const stage: Stage = {
    ...scene,
    escrowCall: (from, functionName, args) => scene.send(from, escrow, { abi: paymentEscrowAbi, functionName, args }),
    walletCall: (from, functionName, args) =>
      scene.send(from, wallet, { abi: intermediaryWalletAbi, functionName, args }),
    tokenCall: (from, functionName, args) => scene.send(from, token, { abi: localDollarAbi, functionName, args }),
    termsOf: (name) => ({
      payer: actors.payer.address,
      receiver: actors.receiver.address,
      token,
      maximumAmount: AMOUNT,
      preApprovalExpiry: SCENE_TIME + 6n * HOUR,
      authorizationExpiry: SCENE_TIME + 7n * HOUR,
      refundExpiry: SCENE_TIME + 24n * HOUR,
      minimumFeeBasisPoints: 0,
      maximumFeeBasisPoints: 250,
      feeReceiver: actors.feeReceiver.address,
      salt: BigInt(named(name)),
    }),
    authorized: async (name) => {
      const terms = stage.termsOf(name);
      await openPayment(stage, 'authorize', 'plain', terms);
      return terms;
    },
  };
  for (const holder of [actors.payer.address, actors.receiver.address, escrow, wallet, ...holders()]) {
    await stage.tokenCall('minter', 'mint', [holder, 1_000_000n * 10n ** 6n]);
  }
  await stage.tokenCall('receiver', 'approve', [escrow, 10n ** 15n]);
  await stage.walletCall('treasurer', 'setCaps', [
    token,
    { perCall: 10n ** 12n, perHour: 10n ** 14n, perDay: 10n ** 14n },
  ]);
  // Warm up: every word that lasts (fees owed, spending) has been written once.
  const warm = await stage.authorized('warm up');
  await stage.escrowCall('operator', 'capture', [warm, AMOUNT, FEE, 1n]);
  await stage.walletCall('operator', 'payout', [named('warm up'), token, actors.receiver.address, AMOUNT]);
  return stage;
}

async function open(
  stage: Stage,
  verb: 'authorize' | 'charge',
  form: 'plain' | 'bytes',
  fee?: bigint,
): Promise<number> {
  return gasOf(openPayment(stage, verb, form, stage.termsOf(`${verb} ${form} ${fee}`), fee));
}

async function openPayment(
  stage: Stage,
  verb: 'authorize' | 'charge',
  form: 'plain' | 'bytes',
  terms: PaymentTerms,
  fee?: bigint,
): Promise<TransactionReceipt> {
  const signature = await stage.signAuthorization(terms);
  const { r, s, yParity } = parseSignature(signature);
  const proof = form === 'bytes' ? [signature] : [yParity + 27, r, s];
  return stage.escrowCall('operator', verb, [terms, AMOUNT, ...(fee === undefined ? [] : [fee]), ...proof]);
}

async function capture(stage: Stage, fee: bigint): Promise<number> {
  const terms = await stage.authorized(`capture ${fee}`);
  return gasOf(stage.escrowCall('operator', 'capture', [terms, AMOUNT / 2n, fee, 1n]));
}

async function gasOf(receipt: Promise<TransactionReceipt>): Promise<number> {
  return Number((await receipt).gasUsed);
}

function named(name: string): Hex {
  return keccak256(stringToHex(name));
}

function addressNamed(name: string): Address {
  return `0x${named(name).slice(-40)}`;
}

function holders(): Address[] {
  return Array.from({ length: BATCH_SIZE }, (_, index) => addressNamed(`holder ${index}`));
}

function payoutItem(payee: Address, amount: bigint): Hex {
  return concatHex([payee, numberToHex(amount, { size: 12 })]);
}

/** The page with the table of these figures in it. */
function pageWith(page: string, figures: Readonly<Record<string, number>>): string {
  const rows = allCases.map(({ name, limit }) => `| ${name} | ${inThousands(figures[name])} | ${inThousands(limit)} |`);
  const table = ['| work | gas | limit |', '| --- | --: | --: |', ...rows].join('\n');
  return page.replace(/(<!-- gas -->\n)[\s\S]*(<!-- \/gas -->)/, `$1\n${table}\n\n$2`);
}

function inThousands(figure: number | undefined): string {
  return figure === undefined ? '' : String(figure).replace(/\B(?=(\d{3})+$)/g, ',');
}

if (import.meta.main) {
  const path = fileURLToPath(new URL('../snapshots/gas.json', import.meta.url));
  const pagePath = fileURLToPath(new URL('../docs/contracts.md', import.meta.url));
  const isCheck = process.argv.includes('--check');
  const figures = await measureGas();
  const kept = readKept(path);
  const page = readFileSync(pagePath, 'utf8');
  const differences: string[] = [];
  for (const { name, limit } of allCases) {
    const figure = figures[name]!;
    if (isCheck && kept[name] !== figure)
      differences.push(`${name}: the file says ${kept[name] ?? 'nothing'}, now ${figure}`);
    if (limit !== undefined && figure > limit) differences.push(`${name}: ${figure} is above the limit of ${limit}`);
  }
  if (isCheck && pageWith(page, figures) !== page) differences.push('the table of docs/contracts.md is another');
  if (!isCheck) {
    mkdirSync(new URL('../snapshots', import.meta.url), { recursive: true });
    writeFileSync(path, `${JSON.stringify(figures, null, 2)}\n`);
    writeFileSync(pagePath, pageWith(page, figures));
    const width = Math.max(...allCases.map(({ name }) => name.length));
    console.log(`${'gas'.padEnd(width)}  ${'figure'.padStart(8)}  ${'limit'.padStart(8)}`);
    for (const { name, limit } of allCases) {
      console.log(`${name.padEnd(width)}  ${String(figures[name]).padStart(8)}  ${String(limit ?? '—').padStart(8)}`);
    }
  }
  for (const difference of differences) console.error(difference);
  if (differences.length > 0 && isCheck) console.error('run npm run gas, and say in the commit why a figure moved');
  process.exit(differences.length === 0 ? 0 : 1);
}

function readKept(path: string): Readonly<Record<string, number>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
  } catch {
    return {};
  }
}
