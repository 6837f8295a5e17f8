import { readAccount } from '../../../ledger-service/journal/operations/read-books.ts';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';

/** What merchants were credited before it was final on chain. */
export const UNFINAL_ACCOUNT = 'intermediary/unfinal';

/** What the intermediary bears of some assets if the chain gave up everything that is accepted and not final. */
export async function acceptedNotFinal(
  reader: Database['drizzle'] | DatabaseTransaction,
  shard: Shard,
  assets: readonly AssetCode[],
): Promise<ReadonlyMap<AssetCode, bigint>> {
  const accounts = await readAccount(reader, shard, UNFINAL_ACCOUNT, assets);
  return new Map(accounts.map(({ asset, postedDebits, postedCredits }) => [asset, postedDebits - postedCredits]));
}
