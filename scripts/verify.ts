/**
 * Recomputes the books from their entries and says whether they fit: `npm run verify`.
 *
 * Reads DATABASE_URL, or else the books of the local run, whether it is up or not. With `--json` the last line is the
 * whole verification. Exit code 0 when everything fits, 1 when something does not, 2 when there are no books.
 */
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../ledger-service/platform/database.ts';
import { verifyBooks } from '../ledger-service/statements/operations/verify-books.ts';
import { findBooks } from './local/books.ts';

const folder = process.env.SPECIE_FOLDER ?? fileURLToPath(new URL('../.specie', import.meta.url));

const books = await findBooks(folder);
if (!books) {
  console.error('There are no books: set DATABASE_URL, or start a local run first.');
  process.exit(2);
}
const database = openDatabase(books.url, { poolSize: 2 });
const started = performance.now();
const verification = await verifyBooks(database);
const seconds = ((performance.now() - started) / 1_000).toFixed(1);
await database.close();
await books.stop();
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(verification, (_, value) => (typeof value === 'bigint' ? value.toString() : value)));
} else {
  const { transfers, entries, accounts, seals, unsealedEntries, links, misfits } = verification;
  console.log(`${transfers} transfers of ${entries} entries in ${accounts} accounts, ${seals} seals, in ${seconds} s`);
  if (unsealedEntries > 0) console.log(`${unsealedEntries} entries wait for their seal`);
  for (const { shard, sealNumber, hash } of links) console.log(`shard ${shard}: seal ${sealNumber} is ${hash}`);
  const [first] = misfits;
  if (!first) console.log('✔ everything fits');
  else {
    console.log(
      `✖ ${first.check}\n  shard ${first.shard}, ${first.where}\n  expected ${first.expected}\n  found    ${first.found}`,
    );
    if (misfits.length > 1)
      console.log(
        `  and ${misfits.length - 1} more: ${misfits
          .slice(1)
          .map(({ check }) => check)
          .join('; ')}`,
      );
  }
}
process.exit(verification.misfits.length === 0 ? 0 : 1);
