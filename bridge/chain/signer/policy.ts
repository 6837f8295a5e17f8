import { z } from 'zod';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';
import type { Address, Deployment } from '../domain.ts';
import { NATIVE_TOKEN } from '../escrow.ts';
import { addressSchema, digitsSchema } from './intents.ts';

const milliseconds = z.number().int().min(0);

const keySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('keystore'), file: z.string(), passwordFile: z.string() }),
  z.strictObject({
    kind: z.literal('pkcs11'),
    library: z.string(),
    tokenLabel: z.string(),
    keyLabel: z.string(),
    pinFile: z.string(),
  }),
  z.strictObject({ kind: z.literal('web3signer'), url: z.string().regex(/^https?:\/\//), address: addressSchema }),
]);

const NO_HASH = `0x${'0'.repeat(64)}` as const;

/** Everything that is true of one signer, whoever asks it. Amounts are token units; the zero address is the chain's coin. */
export const policySchema = z.strictObject({
  chain: z.strictObject({
    chainId: z.number().int().positive(),
    /** The signer's own node: it believes no other. */
    rpcUrl: z.string().regex(/^https?:\/\//),
    finalityDepth: z.number().int().min(0),
    escrow: addressSchema,
    wallet: addressSchema,
    feeReceiver: addressSchema,
    /** Makes deposit addresses; without it none is swept, and nothing is returned from one. */
    deposits: addressSchema.optional(),
  }),
  /** A socket of this machine; where there are none, a port of loopback and a secret. */
  listen: z.union([
    z.strictObject({ path: z.string() }),
    z.strictObject({ port: z.number().int().min(0).max(65_535), secretFile: z.string() }),
  ]),
  /** Whose signature puts a payee on the list. */
  treasurer: addressSchema,
  coolingMilliseconds: milliseconds,
  /** In wei for each unit of gas. */
  maximumFeePerGas: digitsSchema,
  /** What may leave the wallet, by token; what is not named here may not. */
  caps: z.record(
    z.string().regex(/^0x[0-9a-f]{40}$/),
    z.strictObject({ perCall: digitsSchema, perHour: digitsSchema, perDay: digitsSchema }),
  ),
  /** In the order of their use: the last one that has its role on chain takes new calls. */
  keys: z.array(keySchema).min(1),
  /** Nonces below these were spent elsewhere, and somebody has accounted for them. */
  acceptedNonces: z.record(z.string().regex(/^0x[0-9a-f]{40}$/), z.number().int().min(0)).default({}),
});

export type SignerPolicy = Readonly<z.infer<typeof policySchema>>;
export type KeySettings = SignerPolicy['keys'][number];
export type Caps = Readonly<{ perCall: bigint; perHour: bigint; perDay: bigint }>;

/** Errors: thrown CONFIGURATION_INVALID with the field that cannot be used. */
export function parsePolicy(json: unknown): SignerPolicy {
  const parsed = policySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = `policy.${issue?.path.join('.') ?? ''}`;
  throw new SettlementError('CONFIGURATION_INVALID', `${param}: ${issue?.message ?? 'cannot be used'}`, { param });
}

export function deploymentOfPolicy({ chain }: SignerPolicy): Deployment {
  const { chainId, escrow, wallet, feeReceiver, deposits = NATIVE_TOKEN } = chain;
  // A call is built from terms alone: what foretells addresses and reads logs is the bridge's.
  const unread = { depositInitCodeHash: NO_HASH, tokenDomains: {}, firstHeight: 0, filledAtHeight: 0 };
  return { chainId, escrow, wallet, feeReceiver, deposits, ...unread };
}

export function capsOf({ caps }: Pick<SignerPolicy, 'caps'>, token: Address): Caps {
  const found = caps[token];
  if (!found) return { perCall: 0n, perHour: 0n, perDay: 0n };
  return { perCall: BigInt(found.perCall), perHour: BigInt(found.perHour), perDay: BigInt(found.perDay) };
}

const HOUR_MILLISECONDS = 3_600_000;
const DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS;

type Exceeded = Readonly<{
  cap: 'perCall' | 'perHour' | 'perDay';
  limit: bigint;
  wouldBe: bigint;
  /** When it would fit, if it ever does. */
  freeAt?: number;
}>;

/** What has been signed away of each token lately. The hour and the day are those before now, so none begins anew. */
export class Spending {
  readonly #byToken = new Map<Address, readonly [hour: Window, day: Window]>();

  /** Moments never go back. */
  add(token: Address, at: number, amount: bigint): void {
    for (const window of this.#windowsOf(token)) window.add(at, amount);
  }

  /** Which cap an amount would exceed; undefined when it may go. */
  exceeded(token: Address, at: number, amount: bigint, caps: Caps): Exceeded | undefined {
    if (amount > caps.perCall) return { cap: 'perCall', limit: caps.perCall, wouldBe: amount };
    const [hour, day] = this.#windowsOf(token);
    return (
      hour.exceeded('perHour', caps.perHour, at, amount) ?? day.exceeded('perDay', caps.perDay, at, amount) ?? undefined
    );
  }

  #windowsOf(token: Address): readonly [Window, Window] {
    const known = this.#byToken.get(token);
    if (known) return known;
    const windows = [new Window(HOUR_MILLISECONDS), new Window(DAY_MILLISECONDS)] as const;
    this.#byToken.set(token, windows);
    return windows;
  }
}

const KEPT_BEFORE_COMPACTION = 1_024;

class Window {
  readonly #width: number;
  #entries: Readonly<{ at: number; amount: bigint }>[] = [];
  /** Those before it have left the window. */
  #first = 0;
  #sum = 0n;

  constructor(width: number) {
    this.#width = width;
  }

  add(at: number, amount: bigint): void {
    this.#moveTo(at);
    this.#entries.push({ at, amount });
    this.#sum += amount;
  }

  exceeded(cap: 'perHour' | 'perDay', limit: bigint, at: number, amount: bigint): Exceeded | undefined {
    this.#moveTo(at);
    const wouldBe = this.#sum + amount;
    if (wouldBe <= limit) return undefined;
    // The oldest leave the window first.
    let left = this.#sum;
    for (let index = this.#first; index < this.#entries.length && amount <= limit; index += 1) {
      const entry = this.#entries[index]!;
      left -= entry.amount;
      if (left + amount <= limit) return { cap, limit, wouldBe, freeAt: entry.at + this.#width };
    }
    return { cap, limit, wouldBe };
  }

  #moveTo(at: number): void {
    for (;;) {
      const oldest = this.#entries[this.#first];
      if (!oldest || oldest.at > at - this.#width) break;
      this.#sum -= oldest.amount;
      this.#first += 1;
    }
    if (this.#first < KEPT_BEFORE_COMPACTION) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
