import { cpus, totalmem } from 'node:os';

/** One line of a benchmark: ours beside a peer of the same run; `ratio` is above 1 where ours is the larger figure. */
export type Case = Readonly<{
  name: string;
  peer: string;
  peerValue: number;
  ours: number;
  ratio: number;
  unit: string;
  /** What the ratio, or our figure, is held to. */
  target: string;
}>;

/** Each file of scripts/bench/ exports one under this name: `runBenchmark`. */
export type RunBenchmark = (say: (line: string) => void) => Promise<readonly Case[]>;

export function caseOf(
  name: string,
  peer: string,
  unit: string,
  target: string,
  values: Readonly<{ peer: readonly number[]; ours: readonly number[] }>,
): Case {
  const [peerValue, ours] = [median(values.peer), median(values.ours)];
  return {
    name,
    peer,
    peerValue: rounded(peerValue),
    ours: rounded(ours),
    ratio: rounded(ours / peerValue),
    unit,
    target,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}

export function printCases(cases: readonly Case[], asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify({ cases }));
    return;
  }
  const [processor] = cpus();
  console.log(
    `${cpus().length} × ${processor?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}\n`,
  );
  console.log('| case | peer | peer | ours | ratio | unit | held to |\n| --- | --- | ---: | ---: | ---: | --- | --- |');
  for (const { name, peer, peerValue, ours, ratio, unit, target } of cases) {
    const figure = (value: number) => value.toLocaleString('en-US');
    console.log(`| ${name} | ${peer} | ${figure(peerValue)} | ${figure(ours)} | ${ratio} × | ${unit} | ${target} |`);
  }
}
