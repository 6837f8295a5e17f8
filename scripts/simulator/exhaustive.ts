import { type CrashPoint, crashPointsOf, simulateCrash } from '../../test/support/simulator/crash-points.ts';
import { explainViolations } from '../../test/support/simulator/report.ts';
import type { SimulatorServer } from '../../test/support/simulator/server.ts';
import { printJson, secondsSince } from './lines.ts';

type Options = Readonly<{ part: number; parts: number; json: boolean }>;

const POINTS_BETWEEN_LINES = 100;

/** Dies once at every step of one payment per quadrant. Shape: → whether every payment came to its end all the same */
export async function runExhaustive(server: SimulatorServer, { part, parts, json }: Options): Promise<boolean> {
  const started = performance.now();
  const all = await crashPointsOf(server);
  const points = all.filter((_, index) => index % parts === part - 1);
  const counts = countBy(points, ({ quadrant, fault }) => `${quadrant} ${fault}`);
  if (!json) console.log(`${all.length} points, of which ${points.length} are tried`);
  const failures: { point: CrashPoint; violations: readonly string[] }[] = [];
  for (const [index, point] of points.entries()) {
    const result = await simulateCrash(server, point);
    if (result.violations.length > 0) {
      failures.push({ point, violations: result.violations });
      if (!json) console.log(`✖ ${point.quadrant}, step ${point.step}, ${point.fault}\n${explainViolations(result)}`);
    }
    if (!json && (index + 1) % POINTS_BETWEEN_LINES === 0) {
      console.log(`${index + 1} of ${points.length} points, ${failures.length} failed · ${secondsSince(started)} s`);
    }
  }
  const seconds = secondsSince(started);
  if (json) printJson({ points: all.length, tried: points.length, counts, failures, seconds });
  else {
    for (const [kind, count] of Object.entries(counts)) console.log(`  ${kind.padEnd(36)} ${count}`);
    console.log(`${points.length} points tried, ${failures.length} failed · ${seconds} s`);
  }
  return failures.length === 0;
}

function countBy<Item>(items: readonly Item[], nameOf: (item: Item) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return counts;
}
