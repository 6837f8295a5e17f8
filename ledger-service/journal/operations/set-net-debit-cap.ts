import { sql } from 'drizzle-orm';
import { type Database, inDatabaseTransaction } from '../../platform/database.ts';
import type { AccountPath } from '../../vocabulary/journal-entries.ts';
import type { Amount } from '../../vocabulary/money.ts';
import { accountIdOf } from '../domain.ts';
import { lockAccounts } from '../store.ts';

/**
 * Says how far an account's debits, held ones included, may pass its credits.
 *
 * Units:   minor units of the cap's asset
 * Effects: the account is made if it is not there; a lower cap than what is owed already only stops more
 */
export async function setNetDebitCap(
  database: Database,
  account: Readonly<{ shard: number; path: AccountPath }>,
  cap: Amount,
): Promise<void> {
  await inDatabaseTransaction(database, async (transaction) => {
    await lockAccounts(transaction, [{ ...account, asset: cap.asset }]);
    await transaction.execute(sql`
      update ledger.accounts set limit_kind = 'net_debit_cap', limit_amount = ${cap.minorUnits.toString()}::numeric
      where shard = ${account.shard} and account_id = ${accountIdOf(account.shard, account.path, cap.asset)}::uuid`);
  });
}
