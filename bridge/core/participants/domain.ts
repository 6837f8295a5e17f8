import type { AssetCode } from '../../../ledger-service/vocabulary/assets.ts';
import type { Shard } from '../../../ledger-service/vocabulary/identifiers.ts';

type Common = Readonly<{ shard: Shard; participantId: string; displayName: string }>;

/** A merchant is paid fiat by its acquirer, or coins at its address. */
export type Merchant = Common &
  Readonly<{
    kind: 'merchant';
    payoutAsset: AssetCode;
    acquirerId?: string;
    address?: `0x${string}`;
    /** What it pays for each captured amount; 100 basis points are 1 %. */
    merchantFeeBasisPoints: number;
  }>;

export type Participant = Merchant | (Common & Readonly<{ kind: 'issuer' | 'acquirer' | 'payer' }>);

/** Names that can stand in an account path. */
export const PARTICIPANT_NAME = /^[a-z][a-z0-9-]{0,31}$/;
