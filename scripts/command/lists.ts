/** Tables of the `specie` command. */
import { AssetRegistry } from '../../ledger-service/vocabulary/assets.ts';
import { formatAmount } from '../../ledger-service/vocabulary/money.ts';
import type { ApiClient } from '../api-client.ts';
import type { Payment } from '../day/line.ts';
import { alignColumns } from '../day/reports.ts';
import { readDirectory, type SettlementWindow } from '../day/run-day.ts';

export type Listing = Readonly<{ data: unknown; text: string }>;
type WireAmount = Readonly<{ minorUnits: string; asset: string }>;

export function inWords({ minorUnits, asset }: WireAmount, assets: AssetRegistry): string {
  const known = assets.get(asset);
  return `${formatAmount(BigInt(minorUnits), known)} ${known.symbol}`;
}

export async function listPayments(
  client: ApiClient,
  query: Readonly<{ merchant?: string; limit: string }>,
): Promise<Listing> {
  const { assets } = await readDirectory(client);
  const page = await client.get<{ payments: Payment[] }>('/v1/payments', {
    limit: query.limit,
    merchantId: query.merchant,
  });
  const rows = page.payments.map((payment) => [
    payment.paymentId,
    payment.merchantReference ?? '',
    payment.quadrant,
    payment.phase,
    `${payment.payerId} → ${payment.merchantId}`,
    inWords(payment.requested, assets),
    inWords(payment.captured, assets),
  ]);
  const header = ['payment', 'reference', 'quadrant', 'phase', 'who', 'requested', 'captured'];
  return { data: page, text: alignColumns([header, ...rows], new Set([5, 6])) };
}

export async function listPayouts(client: ApiClient, query: Readonly<{ limit: string }>): Promise<Listing> {
  const { assets } = await readDirectory(client);
  type Payout = {
    payoutId: string;
    paymentId: string;
    state: string;
    amount: WireAmount;
    payee: string;
    blockHeight: number | null;
  };
  const page = await client.get<{ payouts: Payout[] }>('/v1/payouts', { limit: query.limit });
  const rows = page.payouts.map((payout) => [
    payout.payoutId,
    payout.paymentId,
    payout.state,
    inWords(payout.amount, assets),
    payout.payee,
    String(payout.blockHeight ?? ''),
  ]);
  const header = ['payout', 'payment', 'state', 'amount', 'payee', 'block'];
  return { data: page, text: alignColumns([header, ...rows], new Set([3, 5])) };
}

export async function listWindows(client: ApiClient): Promise<Listing> {
  const answer = await client.get<{ windows: SettlementWindow[] }>('/v1/settlement-windows');
  const assets = new AssetRegistry();
  const rows = answer.windows.flatMap((window) => [
    [window.windowId, window.asset, window.state, String(window.presentments), ''],
    ...window.netPositions.map(({ participant, minorUnits }) => [
      '',
      '',
      '',
      participant,
      formatAmount(BigInt(minorUnits), assets.get(window.asset)),
    ]),
  ]);
  const header = ['window', 'asset', 'state', 'presentments', 'net'];
  return { data: answer, text: alignColumns([header, ...rows], new Set([4])) };
}

export async function listAccounts(client: ApiClient, prefix: string): Promise<Listing> {
  const { assets } = await readDirectory(client);
  type Account = { path: string; asset: string; balance: string; pendingDebits: string; pendingCredits: string };
  const answer = await client.get<{ accounts: Account[] }>('/v1/ledger/accounts', { prefix: prefix || undefined });
  const amount = (minorUnits: string, asset: string) => formatAmount(BigInt(minorUnits), assets.get(asset));
  const rows = answer.accounts.map(({ path, asset, balance, pendingDebits, pendingCredits }) => [
    path,
    amount(balance, asset),
    assets.get(asset).symbol,
    amount(pendingDebits, asset),
    amount(pendingCredits, asset),
  ]);
  const header = ['account', 'balance', 'asset', 'pending debits', 'pending credits'];
  return { data: answer, text: alignColumns([header, ...rows], new Set([1, 3, 4])) };
}
