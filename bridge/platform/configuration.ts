import { z } from 'zod';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'a port number')
  .transform(Number)
  .refine((number) => number <= 65_535, 'a port number');
const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'a whole number')
  .transform(Number);
const url = (protocols: RegExp, example: string) => z.string().regex(protocols, `a URL such as ${example}`);

/** Every variable that the bridge reads, with what it is when it is not set. */
export const environmentSchema = z.object({
  DATABASE_URL: url(/^postgres(ql)?:\/\//, 'postgres://user:password@127.0.0.1:5432/specie'),
  /** One node, or several with commas between them, which then have to agree. */
  RPC_URL: url(/^https?:\/\/[^\s,]+(,\s*https?:\/\/[^\s,]+)*$/, 'http://127.0.0.1:8545'),
  /** How many of several nodes have to say the same: more than half, which it is when it is not set. */
  RPC_QUORUM: wholeNumber.optional(),
  REDIS_URL: url(/^rediss?:\/\//, 'redis://127.0.0.1:6379').optional(),
  PORT: port.default(4_000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** A local run may sign in this process. Only on chain 31337 on loopback. */
  OPERATOR_PRIVATE_KEY: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, '0x and 64 hexadecimal digits')
    .optional(),
  /** Where the signer listens; see docs/signer.md. */
  SIGNER_URL: z.string().optional(),
  /** What a signer on a port wants to hear first. */
  SIGNER_SECRET: z.string().min(32).optional(),
  FINALITY_DEPTH: wholeNumber.default(3),
  /** Captures that count before they are final: an asset, fewer units than, from this depth on; several with commas. */
  EARLY_ACCEPTANCE: z
    .string()
    .regex(/^\S+ \d{1,38} \d{1,4}(, ?\S+ \d{1,38} \d{1,4})*$/, 'eip155:1/erc20:0x… 5000000 2')
    .optional(),
  WATCH_MILLISECONDS: wholeNumber.default(250),
  ISSUER_DEADLINE_MILLISECONDS: wholeNumber.default(2_000),
  DATABASE_POOL_SIZE: wholeNumber.default(24),
  CHAIN_STUCK_AFTER_MILLISECONDS: wholeNumber.default(30_000),
  CHAIN_REPLACED_ANYWAY_AFTER_WAITS: wholeNumber.default(3),
  CHAIN_MAXIMUM_FEE_GWEI: wholeNumber.default(500),
  /** A local run on a past day: where the books' clock begins. Only on chain 31337 on loopback. */
  LOCAL_CLOCK_STARTS_AT: z.iso.datetime().optional(),
  /** A local run sends webhooks to receivers on its own machine, over http too. Only on chain 31337 on loopback. */
  WEBHOOKS_TO_LOOPBACK: z.enum(['true', 'false']).default('false'),
  WEBHOOK_DEADLINE_MILLISECONDS: wholeNumber.default(10_000),
  /** How many requests of the API one process works on at once; above it they are refused with 503. */
  API_REQUESTS_AT_ONCE: wholeNumber.default(512),
  /** On a graceful stop: how long readiness says no before the listener closes. */
  DRAIN_MILLISECONDS: wholeNumber.default(0),
  /** Worker and watcher, run apart, answer probes and metrics here; unset: they open no port. */
  METRICS_PORT: port.optional(),
  /** Spans are sent here by OTLP over HTTP; unset: none are made, and nothing of OpenTelemetry is loaded. */
  OTEL_EXPORTER_OTLP_ENDPOINT: url(/^https?:\/\//, 'http://127.0.0.1:4318').optional(),
  OTEL_SERVICE_NAME: z.string().max(100).default('specie'),
  /** How often the watcher compares the books with chain and windows; 0: never. */
  RECONCILIATION_MILLISECONDS: wholeNumber.default(60_000),
});

export type Configuration = Readonly<{
  databaseUrl: string;
  /** The first node; all of them where there are several. */
  rpcUrl: string;
  rpcUrls?: readonly string[] | undefined;
  rpcQuorum?: number | undefined;
  redisUrl?: string | undefined;
  port: number;
  logLevel: string;
  operatorPrivateKey?: `0x${string}` | undefined;
  signerUrl?: string | undefined;
  signerSecret?: string | undefined;
  finalityDepth: number;
  earlyAcceptance?: readonly Readonly<{ asset: string; below: bigint; depth: number }>[] | undefined;
  watchMilliseconds: number;
  issuerDeadlineMilliseconds: number;
  databasePoolSize: number;
  /** When a chain call counts as stuck, and the most that one may offer for a unit of gas, in wei. */
  chainCare?:
    | Readonly<{ stuckAfterMilliseconds: number; replacedAnywayAfterWaits: number; maximumFeePerGas: bigint }>
    | undefined;
  localClockStartsAt?: Date | undefined;
  webhooksToLoopback?: boolean | undefined;
  webhookDeadlineMilliseconds?: number | undefined;
  apiRequestsAtOnce?: number | undefined;
  drainMilliseconds?: number | undefined;
  metricsPort?: number | undefined;
  reconciliationMilliseconds?: number | undefined;
  traces?: Readonly<{ endpoint: string; serviceName: string }> | undefined;
}>;

/**
 * Reads the environment once.
 *
 * Errors: thrown CONFIGURATION_INVALID with the variable and what it should look like; its value is not repeated, since
 *         it may be a secret.
 */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(set);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const variable = String(issue?.path[0] ?? '');
    const missing = set[variable] === undefined;
    throw new SettlementError(
      'CONFIGURATION_INVALID',
      `${variable} ${missing ? 'is missing' : `must be ${issue?.message ?? 'set otherwise'}`}`,
      { param: variable },
    );
  }
  const values = parsed.data;
  const rpcUrls = values.RPC_URL.split(',').map((one) => one.trim());
  return {
    databaseUrl: values.DATABASE_URL,
    rpcUrl: rpcUrls[0]!,
    rpcUrls,
    rpcQuorum: values.RPC_QUORUM,
    redisUrl: values.REDIS_URL,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
    operatorPrivateKey: values.OPERATOR_PRIVATE_KEY as `0x${string}` | undefined,
    signerUrl: values.SIGNER_URL,
    signerSecret: values.SIGNER_SECRET,
    finalityDepth: values.FINALITY_DEPTH,
    earlyAcceptance: values.EARLY_ACCEPTANCE?.split(',').map(readEarlyAcceptance),
    watchMilliseconds: values.WATCH_MILLISECONDS,
    issuerDeadlineMilliseconds: values.ISSUER_DEADLINE_MILLISECONDS,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    chainCare: {
      stuckAfterMilliseconds: values.CHAIN_STUCK_AFTER_MILLISECONDS,
      replacedAnywayAfterWaits: values.CHAIN_REPLACED_ANYWAY_AFTER_WAITS,
      maximumFeePerGas: BigInt(values.CHAIN_MAXIMUM_FEE_GWEI) * 1_000_000_000n,
    },
    localClockStartsAt: values.LOCAL_CLOCK_STARTS_AT ? new Date(values.LOCAL_CLOCK_STARTS_AT) : undefined,
    webhooksToLoopback: values.WEBHOOKS_TO_LOOPBACK === 'true',
    webhookDeadlineMilliseconds: values.WEBHOOK_DEADLINE_MILLISECONDS,
    apiRequestsAtOnce: values.API_REQUESTS_AT_ONCE,
    drainMilliseconds: values.DRAIN_MILLISECONDS,
    metricsPort: values.METRICS_PORT,
    reconciliationMilliseconds: values.RECONCILIATION_MILLISECONDS,
    traces: values.OTEL_EXPORTER_OTLP_ENDPOINT
      ? { endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT, serviceName: values.OTEL_SERVICE_NAME }
      : undefined,
  };
}

function readEarlyAcceptance(text: string) {
  const [asset, below, depth] = text.trim().split(' ');
  return { asset: asset!, below: BigInt(below!), depth: Number(depth) };
}

/** The configuration of this process. */
export function configurationOfProcess(): Configuration {
  return readConfiguration(process.env);
}

export type SignerConfiguration = Readonly<{ folder: string; logLevel: string }>;

/** Where a signer has its policy, its keys and its store; everything else stands in the policy. */
export function signerConfigurationOfProcess(): SignerConfiguration {
  const { SIGNER_FOLDER: folder, LOG_LEVEL: logLevel = 'info' } = process.env;
  if (folder) return { folder, logLevel };
  throw new SettlementError('CONFIGURATION_INVALID', 'SIGNER_FOLDER is missing', { param: 'SIGNER_FOLDER' });
}

/** True for a chain that only this machine can reach. */
export function isLoopback(rpcUrl: string): boolean {
  const { hostname } = new URL(rpcUrl);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
