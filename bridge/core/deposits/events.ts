import type { EventData, EventType } from '../../platform/events/catalogue.ts';
import type { DomainEvent } from '../../platform/outbox.ts';
import type { PaymentRow } from '../payments/operations/settle-deposit.ts';

type DepositEventType = Extract<EventType, `deposit.${string}`>;

/** An event of a payment's deposit, numbered within the payment; `mark` tells it from others of the same topic. */
export function depositEvent<Type extends DepositEventType>(
  { shard, paymentId, merchantId }: Pick<PaymentRow, 'shard' | 'paymentId' | 'merchantId'>,
  topic: Type,
  mark: readonly (string | number)[],
  told: Omit<EventData<Type>['deposit'], 'paymentId'>,
): DomainEvent {
  const data = { deposit: { paymentId, ...told } };
  return {
    shard,
    topic,
    subject: paymentId,
    meaning: [...mark],
    payload: { paymentId },
    published: { ownerId: merchantId, data },
  };
}
