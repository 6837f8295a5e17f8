import { type Database, inSnapshot } from '../../platform/database.ts';
import type { AssetRegistry } from '../../vocabulary/assets.ts';
import { type Amount, formatAmount } from '../../vocabulary/money.ts';

const LINES_AT_ONCE = 5_000;

const LINES = `
  declare journal no scroll cursor for
  select t.entry_id, to_char(t.event_at, 'YYYY-MM-DD'), f.entry_kind, f.subject, d.path, c.path, d.asset, t.amount
  from ledger.transfers t
  join ledger.transfers f on f.shard = t.shard and f.entry_id = t.entry_id and f.position = 0
  join ledger.accounts d on d.shard = t.shard and d.account_id = t.debit_account_id
  join ledger.accounts c on c.shard = t.shard and c.account_id = t.credit_account_id
  where t.kind in ('post', 'post_pending')
  order by t.event_at, t.entry_id, t.position`;

/**
 * Writes what was posted as a journal for hledger, ledger and their kin, so that accountants check it with tools of their own.
 *
 * Shape:   a journal entry per entry, two lines per transfer; a debit is positive, as those tools have it. What is only
 *          held is not in it
 * Units:   decimals of each asset; an asset that is not in `assets` stays in minor units
 * Effects: reads in one snapshot, page by page
 */
export async function exportHledger(
  database: Database,
  assets: AssetRegistry,
  write: (text: string) => void | Promise<void>,
): Promise<number> {
  return inSnapshot(database, async (execute) => {
    let entries = 0;
    let current = '';
    await execute(LINES, []);
    for (;;) {
      const rows = await execute(`fetch ${LINES_AT_ONCE} from journal`, []);
      if (rows.length === 0) return entries;
      let text = '';
      for (const row of rows) {
        const [entryId, day, kind, subject, debit, credit, asset, minorUnits] = row as string[];
        if (entryId !== current) {
          current = entryId!;
          entries += 1;
          text += `\n${day} * ${oneLine(`${kind} | ${subject}`)}  ; entry:${entryId}\n`;
        }
        const amount = { minorUnits: BigInt(minorUnits!), asset: asset! };
        text += line(debit!, amount, assets) + line(credit!, { ...amount, minorUnits: -amount.minorUnits }, assets);
      }
      await write(text);
    }
  });
}

/** A description ends at a semicolon or at the end of its line. */
function oneLine(text: string): string {
  return text.replace(/[;\s]+/g, ' ');
}

function line(path: string, { minorUnits, asset }: Amount, assets: AssetRegistry): string {
  const known = assets.find(asset);
  const quantity = known ? formatAmount(minorUnits, known) : minorUnits.toString();
  // Only letters may stand without quotes in the name of a commodity.
  const commodity = /^[A-Za-z]+$/.test(asset) ? asset : `"${asset.replaceAll('"', '')}"`;
  return `    ${path.replaceAll('/', ':')}  ${quantity} ${commodity}\n`;
}
