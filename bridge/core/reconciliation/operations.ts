import {
  type AccountBalance,
  readBalances,
  readTrialBalance,
} from '../../../ledger-service/journal/operations/read-books.ts';
import type { Database } from '../../../ledger-service/platform/database.ts';
import { type Break, type Line, matchLines } from '../../../ledger-service/reconciliation/domain.ts';
import { readBookLines } from '../../../ledger-service/reconciliation/operations/read-lines.ts';
import type { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import type { Clock } from '../../../ledger-service/vocabulary/time.ts';
import type { Deployment, ObservedLog } from '../../chain/domain.ts';
import { batchIdOf, tokenOf } from '../../chain/escrow.ts';
import type { ChainNode } from '../../chain/node.ts';
import { lastFinalBlock } from '../../chain/operations/observe-chain.ts';
import { listRecipients } from '../../chain/operations/watch-recipients.ts';
import { loadAllObligations } from '../clearing/operations.ts';
import { listStandings } from '../participants/standings.ts';
import { findPaymentsOnChain } from '../payments/operations/find-payment.ts';
import { findBatchItems } from '../payouts/operations.ts';
import { listSettledWindows } from '../settlement/operations.ts';
import {
  addUp,
  chainLinesOfBooks,
  chainLinesOfLogs,
  standingLines,
  standingLinesOfBooks,
  windowLines,
  windowLinesOfBooks,
} from './domain.ts';

export type ReconciliationDependencies = Readonly<{
  database: Database;
  node: ChainNode;
  deployment: Deployment;
  assets: AssetRegistry;
  clock: Clock;
}>;

export type ReconciliationView = Readonly<{
  at: string;
  /** Everything up to this block was compared. */
  height: number;
  headHash: string;
  ledger: Readonly<{ balanced: boolean; entries: number }>;
  matched: Readonly<{ chainLines: number; chainBalances: number; windowLines: number; merchantLines: number }>;
  /** Logs of our contracts that belong to nobody here. */
  foreignLogs: number;
  breaks: readonly Readonly<{
    between: 'ledger and chain' | 'ledger and chain balances' | 'ledger and windows' | 'ledger and merchants';
    kind: Break['kind'];
    key: string;
    asset: string;
    ledger: string | null;
    other: string | null;
  }>[];
}>;

const LOG_RANGE = 2_000;

/**
 * Compares the books with the chain and with the settlement windows, line by line, and balances with balances.
 *
 * Shape:   → figures of what matched, and every break; all of it as of the newest final block
 * Effects: none; the chain is asked for its logs anew, since a stored copy could repeat its own mistake
 * Errors:  thrown CHAIN_UNAVAILABLE (retryable)
 */
export async function reconcile(dependencies: ReconciliationDependencies): Promise<ReconciliationView> {
  const { database, node, deployment, clock } = dependencies;
  const final = await lastFinalBlock(database, node.chainId);
  const height = final?.height ?? deployment.firstHeight;
  const logs = await logsUpTo(dependencies, height);
  const names = logs.flatMap(({ fields }) => fields.paymentIdentifier ?? []);
  const batchIds = logs.flatMap(({ fields }) => (fields.batchIdentifier ? [batchIdOf(fields.batchIdentifier)] : []));
  const [payments, items, books, trial, accounts] = await Promise.all([
    findPaymentsOnChain(database, 0, [...new Set(names)]),
    findBatchItems(database, 0, [...new Set(batchIds)]),
    readBookLines(database, ['payment.', 'clearing.', 'settlement.']),
    readTrialBalance(database),
    readBalances(database, 0),
  ]);
  const chain = chainLinesOfLogs(logs, payments, items);
  const byChain = matchLines(
    chainLinesOfBooks(books.filter(({ entryKind }) => entryKind.startsWith('payment.'))),
    chain.lines,
  );
  const byBalance = matchLines(balancesOfBooks(dependencies, accounts), await balancesOfChain(dependencies, height));
  const obligations = await loadAllObligations(database, 0);
  const byWindow = matchLines(
    addUp(windowLinesOfBooks(books.filter(({ entryKind }) => !entryKind.startsWith('payment.')))),
    windowLines(obligations, await listSettledWindows(database, 0)),
  );
  const byMerchant = matchLines(
    standingLinesOfBooks(accounts).filter(({ amount }) => amount !== 0n),
    standingLines(await listStandings(database, 0), (asset) => dependencies.assets.find(asset)?.kind !== 'fiat').filter(
      ({ amount }) => amount !== 0n,
    ),
  );
  const named = (between: ReconciliationView['breaks'][number]['between'], breaks: readonly Break[]) =>
    breaks.map(({ kind, key, asset, left, right }) => ({
      between,
      kind,
      key,
      asset,
      ledger: left?.toString() ?? null,
      other: right?.toString() ?? null,
    }));
  return {
    at: clock.now().toISOString(),
    height,
    headHash: (await node.block(height)).hash,
    ledger: { balanced: trial.balanced, entries: trial.entries },
    matched: {
      chainLines: byChain.matched,
      chainBalances: byBalance.matched,
      windowLines: byWindow.matched,
      merchantLines: byMerchant.matched,
    },
    foreignLogs: chain.foreign,
    breaks: [
      ...named('ledger and chain', byChain.breaks),
      ...named('ledger and chain balances', byBalance.breaks),
      ...named('ledger and windows', byWindow.breaks),
      ...named('ledger and merchants', byMerchant.breaks),
    ],
  };
}

async function logsUpTo({ node, deployment }: ReconciliationDependencies, height: number) {
  const logs: ObservedLog[] = [];
  for (let from = deployment.firstHeight; from <= height; from += LOG_RANGE) {
    const to = Math.min(height, from + LOG_RANGE - 1);
    logs.push(...(await node.logs(from, to, [deployment.escrow, deployment.wallet])));
  }
  return logs;
}

/** What wallet, escrow and deposit addresses must hold of each asset, by the books. */
function balancesOfBooks({ assets }: ReconciliationDependencies, accounts: readonly AccountBalance[]): readonly Line[] {
  const account = (path: string, asset: string) => accounts.find((one) => one.path === path && one.asset === asset);
  return assets.onChainAssets().flatMap(({ code }) => {
    const wallet = account('intermediary/chain', code);
    const payers = account('payers/onchain', code);
    const fees = account('intermediary/fees', code);
    const held = (wallet?.pendingDebits ?? 0n) + (payers?.pendingDebits ?? 0n);
    const accrued = (fees?.postedCredits ?? 0n) - (fees?.postedDebits ?? 0n);
    const deposits = account('deposits/onchain', code);
    const strays = account('suspense/wallet', code);
    return [
      { key: 'deposits', asset: code, amount: debitOf(deposits) },
      { key: 'wallet', asset: code, amount: debitOf(wallet) + debitOf(strays) },
      { key: 'escrow', asset: code, amount: held + accrued },
    ].map((line) => ({ ...line, key: `${line.key} ${code}` }));
  });
}

function debitOf(account: AccountBalance | undefined): bigint {
  return (account?.postedDebits ?? 0n) - (account?.postedCredits ?? 0n);
}

async function balancesOfChain(
  { database, node, deployment, assets }: ReconciliationDependencies,
  height: number,
): Promise<readonly Line[]> {
  const recipients = await listRecipients(database.drizzle);
  const holders = [
    ['wallet', deployment.wallet],
    ['escrow', deployment.escrow],
  ] as const;
  const atAddresses = assets.onChainAssets().map(async ({ code }) => {
    const balances = await Promise.all(recipients.map(({ address }) => node.balance(tokenOf(code), address, height)));
    return { key: `deposits ${code}`, asset: code, amount: balances.reduce((sum, balance) => sum + balance, 0n) };
  });
  return Promise.all([
    ...atAddresses,
    ...assets.onChainAssets().flatMap(({ code }) =>
      holders.map(async ([name, address]) => ({
        key: `${name} ${code}`,
        asset: code,
        amount: await node.balance(tokenOf(code), address, height),
      })),
    ),
  ]);
}
