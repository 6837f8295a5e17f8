import type { Database } from '../../ledger-service/platform/database.ts';

/** Tables that only a decision changes; what a chain adds block by block is not among them. */
const TABLES = [
  ...['bridge.payments', 'bridge.payment_movements', 'bridge.quotes', 'bridge.once_keys', 'bridge.outbox'],
  ...['bridge.chain_calls', 'bridge.chain_submissions', 'bridge.chain_payouts', 'bridge.chain_keys'],
  ...['bridge.presentments', 'bridge.obligations', 'bridge.merchant_payouts', 'bridge.settlement_windows'],
  ...['bridge.webhook_endpoints', 'bridge.webhook_secrets', 'bridge.api_keys', 'bridge.exposures'],
  ...['ledger.transfers', 'ledger.accounts'],
];

/** One text for everything that could have moved: the same text, the same books. */
export async function stateOf(database: Database): Promise<Readonly<Record<string, string>>> {
  const state: Record<string, string> = {};
  for (const table of TABLES) {
    const [row] = await database.client.unsafe(
      `select count(*)::text || ' ' || coalesce(md5(string_agg(row_to_json(t)::text, ',' order by row_to_json(t)::text)), '') as digest from ${table} t`,
    );
    state[table] = String(row!.digest);
  }
  return state;
}
