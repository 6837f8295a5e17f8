export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function secondsSince(started: number): number {
  return Math.round((performance.now() - started) / 100) / 10;
}
