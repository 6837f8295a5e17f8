/**
 * Takes a day's file through the API of an installation and writes its reports, as a process of its own: what is killed
 * meanwhile is killed in the middle of requests. Started again, it goes on under the same keys.
 *
 * Exit code 0 when every line was taken through and everything reconciled.
 */
import { readFileSync } from 'node:fs';
import { createPublicClient, http } from 'viem';
import { systemClock } from '../../ledger-service/platform/ports.ts';
import { createApiClient } from '../../scripts/api-client.ts';
import { isReconciled, summarize, writeReports } from '../../scripts/day/reports.ts';
import { runDay } from '../../scripts/day/run-day.ts';
import { localWallets } from '../../scripts/day/wallets.ts';

const [url = '', apiKey = '', rpcUrl = '', file = '', out = ''] = process.argv.slice(2);
const client = createApiClient({ url, apiKey });
const result = await runDay({
  client,
  wallets: localWallets(rpcUrl),
  text: readFileSync(file, 'utf8'),
  now: systemClock.now(),
  // What is down comes up again; a window that closed without some of its lines would be another day.
  attempts: 60,
  // An issuer whose books are being restarted gives no answer either.
  asksUnansweredAgain: true,
});
const head = await createPublicClient({ transport: http(rpcUrl), cacheTime: 0 }).getBlock();
const summary = summarize(result, { headHash: head.hash, height: Number(head.number) });
await writeReports(out, result, summary, client);
for (const { line, reason } of result.failed) process.stderr.write(`${line.reference}: ${reason}\n`);
if (!isReconciled(summary)) process.stderr.write(`${JSON.stringify(result.reconciliation.breaks)}\n`);
process.stdout.write(`${JSON.stringify(summary)}\n`);
process.exit(result.failed.length === 0 && isReconciled(summary) ? 0 : 1);
