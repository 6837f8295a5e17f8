import type { AccountPath } from '../vocabulary/journal-entries.ts';

export type NormalSide = 'debit' | 'credit';

/**
 * How far an account may go. `not_below_zero`: what is available on its normal side, posted less pending out, is never
 * negative. `net_debit_cap`: debits, held ones included, never pass credits by more than the amount in its row.
 */
export type LimitKind = 'unlimited' | 'not_below_zero' | 'net_debit_cap';
export type AccountRule = Readonly<{ normalSide: NormalSide; limitKind: LimitKind }>;

const NAME = '[a-z][a-z0-9-]{0,31}';
const open = (normalSide: NormalSide): AccountRule => ({ normalSide, limitKind: 'unlimited' });

/** docs/chart-of-accounts.md, as rules. */
const CHART: readonly (readonly [pattern: RegExp, rule: AccountRule])[] = [
  [new RegExp(`^issuer/${NAME}/position$`), open('credit')],
  [new RegExp(`^acquirer/${NAME}/(position|fees)$`), open('credit')],
  [new RegExp(`^acquirer/${NAME}/losses$`), open('debit')],
  [new RegExp(`^merchant/${NAME}/(payable|onchain|reserve)$`), open('credit')],
  [new RegExp(`^merchant/${NAME}/receivable$`), open('debit')],
  [/^network\/(clearing|settlement|scheme-fees)$/, open('credit')],
  [/^payers\/onchain$/, open('debit')],
  // The wallet promises no coins that it does not have.
  [/^intermediary\/chain$/, { normalSide: 'debit', limitKind: 'not_below_zero' }],
  [/^intermediary\/(position|clearing|settlement|spread|fees|treasury)$/, open('credit')],
  [/^intermediary\/losses$/, open('debit')],
  [/^deposits\/onchain$/, open('debit')],
  [/^deposits\/(held|returnable|dust)$/, { normalSide: 'credit', limitKind: 'not_below_zero' }],
  [/^intermediary\/unfinal$/, open('debit')],
  [/^suspense\/onchain$/, open('credit')],
  [/^suspense\/wallet$/, { normalSide: 'debit', limitKind: 'not_below_zero' }],
  [/^shard\/(0|[1-9]\d{0,3})\/clearing$/, open('credit')],
];

const MOST_REMEMBERED = 50_000;
const remembered = new Map<AccountPath, AccountRule>();

/** The rule of an account, or undefined for a path that the chart does not know. */
export function ruleOf(path: AccountPath): AccountRule | undefined {
  const known = remembered.get(path);
  if (known) return known;
  const rule = CHART.find(([pattern]) => pattern.test(path))?.[1];
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  if (rule) remembered.set(path, rule);
  return rule;
}
