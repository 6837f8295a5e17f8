import type { Database } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { IdentifierSource, Shard } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Chance, Clock, Timers } from '../../../ledger-service/vocabulary/time.ts';
import type { Reach } from './domain/endpoint-url.ts';
import type { Resolver } from './resolve.ts';

export type WebhookDependencies = Readonly<{
  database: Database;
  /** The books' time dates endpoints. */
  clock: Clock;
  /** Real time: attempts, pauses between them, and the ends of secrets. */
  machineClock: Clock;
  timers: Timers;
  identifiers: IdentifierSource;
  chance: Chance;
  reach: Reach;
  resolver: Resolver;
  /** Errors: thrown PARTICIPANT_UNKNOWN. */
  requireMerchant(shard: Shard, merchantId: string): Promise<unknown>;
  /** Has whoever delivers look for what is due. */
  ring(): void;
  logger: Logger;
}>;
