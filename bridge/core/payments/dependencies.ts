import type { Database } from '../../../ledger-service/platform/database.ts';
import type { Logger } from '../../../ledger-service/platform/logging.ts';
import type { AssetRegistry } from '../../../ledger-service/vocabulary/assets.ts';
import type { IdentifierSource } from '../../../ledger-service/vocabulary/identifiers.ts';
import type { Clock, Timers } from '../../../ledger-service/vocabulary/time.ts';
import type { Deployment } from '../../chain/domain.ts';
import type { Outbox } from '../../platform/outbox.ts';
import type { Gate } from '../authorization/gates.ts';
import type { IssuerPort } from '../authorization/issuer-port.ts';
import type { Marks } from '../controls/exposure/domain.ts';

/** What scheme and issuers take of a captured amount; a merchant's own fee stands in its record. */
export type NetworkFees = Readonly<{ interchangeBasisPoints: number; schemeFeeBasisPoints: number }>;

export type PaymentDependencies = Readonly<{
  database: Database;
  /** The books' time. */
  clock: Clock;
  /** Real time, for waits on the network and for measurements. */
  machineClock: Clock;
  timers: Timers;
  identifiers: IdentifierSource;
  assets: AssetRegistry;
  outbox: Outbox;
  gates: readonly Gate[];
  issuer: IssuerPort;
  issuerDeadlineMilliseconds: number;
  deployment: Deployment;
  networkFees: NetworkFees;
  /** The most that one payment may ask for, by asset in minor units; an asset that is not named has no limit. */
  paymentLimits: ReadonlyMap<string, bigint>;
  /** What assets count for against the limits of exposure. */
  marks: Marks;
  /** Who bears coins that left for a card payment whose issuer says too late that it never stood. */
  lateReversalsBorneBy: 'merchant' | 'intermediary';
  logger: Logger;
}>;

/** The consumers that payments ring: signing and sending, and the reversals of what was not answered. */
export const CHAIN_SUBMISSION = 'chain-submission';
export const REVERSALS = 'reversals';
