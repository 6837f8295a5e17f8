import { and, asc, desc, eq, gt, inArray, lt, lte, sql } from 'drizzle-orm';
import type { Database, DatabaseTransaction } from '../../../ledger-service/platform/database.ts';
import { chainBlocks, chainLogs } from '../../schema/chain.ts';
import type { Address, Hex } from '../domain.ts';

type Reader = Database['drizzle'] | DatabaseTransaction;
export type FinalBlock = Readonly<{ height: number; blockHash: Hex; minedAt: Date }>;

/** The newest final block, or the newest that was mined before a moment. */
export async function finalBlock(reader: Reader, chainId: number, minedBefore?: Date): Promise<FinalBlock | undefined> {
  const [row] = await reader
    .select({ height: chainBlocks.height, blockHash: chainBlocks.blockHash, minedAt: chainBlocks.minedAt })
    .from(chainBlocks)
    .where(
      and(
        eq(chainBlocks.chainId, chainId),
        eq(chainBlocks.canonical, true),
        eq(chainBlocks.final, true),
        minedBefore ? lt(chainBlocks.minedAt, minedBefore) : undefined,
      ),
    )
    .orderBy(desc(chainBlocks.height))
    .limit(1);
  return row && { ...row, blockHash: row.blockHash as Hex };
}

/** What final logs say has left a deposit address in blocks after `after`, up to `upTo`. */
export async function outflowOf(
  reader: Reader,
  chainId: number,
  named: Readonly<{ address: Address; token: Address; after: number; upTo: number }>,
): Promise<bigint> {
  const rows = await reader
    .select({ fields: chainLogs.fields })
    .from(chainLogs)
    .where(
      and(
        eq(chainLogs.chainId, chainId),
        eq(chainLogs.canonical, true),
        inArray(chainLogs.event, ['DepositSwept', 'DepositReturned']),
        gt(chainLogs.height, named.after),
        lte(chainLogs.height, named.upTo),
        sql`lower(${chainLogs.fields} ->> 'depositAddress') = ${named.address}`,
        sql`lower(${chainLogs.fields} ->> 'token') = ${named.token}`,
      ),
    )
    .orderBy(asc(chainLogs.height), asc(chainLogs.logIndex));
  return rows.reduce((sum, { fields }) => sum + BigInt((fields as Record<string, string>).amount!), 0n);
}
