import {
  type Amount,
  multiplyByBasisPointsDown,
  multiplyByBasisPointsUp,
  subtractAmounts,
} from '../../../ledger-service/vocabulary/money.ts';

/** What each party takes of one captured amount. 100 basis points are 1 %. */
export type FeeSchedule = Readonly<{
  /** From the acquirer's side back to the issuer's. */
  interchangeBasisPoints: bigint;
  /** From the acquirer's side to the network. */
  schemeFeeBasisPoints: bigint;
  /** From the merchant to its acquirer, or to the intermediary where there is no acquirer. */
  merchantFeeBasisPoints: bigint;
}>;

export type Fees = Readonly<{ interchange: Amount; schemeFee: Amount; merchantFee: Amount; merchantNet: Amount }>;

/**
 * Works out the fees of one captured amount.
 *
 * Units:   minor units of the captured amount's asset; interchange is rounded down, what the network and the acquirer
 *          take is rounded up to a whole unit, and never above the amount itself
 * Effects: none; `merchantFee + merchantNet` is always the amount, so no unit is lost
 */
export function feesOf(captured: Amount, schedule: FeeSchedule): Fees {
  const merchantFee = smaller(multiplyByBasisPointsUp(captured, schedule.merchantFeeBasisPoints), captured);
  return {
    interchange: smaller(multiplyByBasisPointsDown(captured, schedule.interchangeBasisPoints), captured),
    schemeFee: smaller(multiplyByBasisPointsUp(captured, schedule.schemeFeeBasisPoints), captured),
    merchantFee,
    merchantNet: subtractAmounts(captured, merchantFee),
  };
}

function smaller(left: Amount, right: Amount): Amount {
  return left.minorUnits <= right.minorUnits ? left : right;
}
