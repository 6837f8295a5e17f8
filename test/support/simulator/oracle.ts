/** What one client was told under one key, for good: an answer, or a refusal that changed nothing. */
export type Told = Readonly<{
  caller: string;
  key: string;
  operation: string;
  subject: string;
  amount: bigint;
  answer: string;
}>;

/**
 * Knows only what clients were told: what was acknowledged has to be there in the end, and one key has one answer.
 */
export class Oracle {
  readonly told = new Map<string, Told>();
  readonly violations: string[] = [];
  answers = 0;

  hear(caller: string, key: string, about: Omit<Told, 'caller' | 'key' | 'answer'>, answer: unknown): void {
    this.answers += 1;
    const text = canonical(answer);
    const name = `${caller} ${key}`;
    const before = this.told.get(name);
    if (before && before.answer !== text) {
      this.violations.push(`two answers to ${name}:\n    ${before.answer}\n    ${text}`);
      return;
    }
    this.told.set(name, { caller, key, ...about, answer: text });
  }

  complain(violation: string): void {
    this.violations.push(violation);
  }

  of(operation: string): readonly Told[] {
    return [...this.told.values()].filter((told) => told.operation === operation);
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([left], [right]) => (left < right ? -1 : 1)))
      : typeof one === 'bigint'
        ? one.toString()
        : one,
  );
}
