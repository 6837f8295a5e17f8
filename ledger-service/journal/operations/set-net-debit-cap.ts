import { type Database, executeIn, inDatabaseTransaction } from '../../platform/database.ts';
import { uuidFromMeaning } from '../../vocabulary/identifiers.ts';
import type { AccountPath } from '../../vocabulary/journal-entries.ts';
import type { Amount } from '../../vocabulary/money.ts';
import { accountKey } from '../domain.ts';
import { HASH_OF_LINES, lockAccounts } from '../store.ts';

const AGREE = `
  with agreed as (
    insert into ledger.account_terms as t
      (shard, account_id, revision, path, asset, normal_side, limit_kind, limit_amount, recorded_at)
    select shard, account_id, revision + 1, path, asset, normal_side, 'net_debit_cap', $3::numeric, $4::timestamptz
    from ledger.accounts where shard = $1::smallint and account_id = $2::integer
    returning t.*, t::text as line),
  listed as (
    insert into ledger.unsealed (shard, unsealed_id, hash, entry_ids, terms)
    select shard, $5::uuid, (select ${HASH_OF_LINES} from agreed), '{}', array[account_id, revision] from agreed)
  update ledger.accounts a
  set limit_kind = agreed.limit_kind, limit_amount = agreed.limit_amount, revision = agreed.revision
  from agreed where a.shard = agreed.shard and a.account_id = agreed.account_id`;

/**
 * Says how far an account's debits, held ones included, may pass its credits.
 *
 * Units:   minor units of the cap's asset
 * Effects: the account is made if it is not there, and a revision of its terms is written; a lower cap than what is
 *          owed already only stops more; the cap that is in force already changes nothing
 */
export async function setNetDebitCap(
  database: Database,
  account: Readonly<{ shard: number; path: AccountPath }>,
  cap: Amount,
  context: Readonly<{ now: Date }>,
): Promise<void> {
  const { shard, path } = account;
  await inDatabaseTransaction(database, async (transaction) => {
    const execute = executeIn(transaction);
    const locked = await lockAccounts(execute, shard, [{ path, asset: cap.asset }], context.now);
    const before = locked.get(accountKey(path, cap.asset))!;
    if (before.limitKind === 'net_debit_cap' && before.limitAmount === cap.minorUnits) return;
    await execute(AGREE, [
      shard,
      before.accountId,
      cap.minorUnits.toString(),
      context.now.toISOString(),
      uuidFromMeaning('terms', shard, path, cap.asset, before.revision + 1),
    ]);
  });
}
