/** When a call counts as stuck, and how far its price may go. */
export type CarePolicy = Readonly<{
  /** A call that was handed to a node so long ago, by the machine's clock, and is in no block, is stuck. */
  stuckAfterMilliseconds: number;
  /** After so many times that wait it is replaced even where its price is above that of now. */
  replacedAnywayAfterWaits: number;
  /** In wei for each unit of gas; no call of ours offers more. */
  maximumFeePerGas: bigint;
}>;

export const CARE_POLICY: CarePolicy = {
  stuckAfterMilliseconds: 30_000,
  replacedAnywayAfterWaits: 3,
  maximumFeePerGas: 500_000_000_000n,
};
