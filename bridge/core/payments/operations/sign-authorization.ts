import { verifyTypedData } from 'viem';
import { inDatabaseTransaction } from '../../../../ledger-service/platform/database.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Shard } from '../../../../ledger-service/vocabulary/identifiers.ts';
import { EVERYTHING, type Viewer } from '../../../../ledger-service/vocabulary/viewers.ts';
import { depositFromJson } from '../../../chain/deposits.ts';
import type { Hex } from '../../../chain/domain.ts';
import { authorizationTypedData, authorizeCall, NATIVE_TOKEN, termsFromJson } from '../../../chain/escrow.ts';
import { enqueueChainCalls } from '../../../chain/operations/submit-calls.ts';
import { CHAIN_SUBMISSION, type PaymentDependencies } from '../dependencies.ts';
import { loadMovements, type PaymentRow, savePayment } from '../store.ts';
import { type PaymentView, viewOfPayment } from '../view.ts';
import { requirePayment } from './locked-payment.ts';

/**
 * Takes the payer's signature over the escrow's terms and asks the chain for the money.
 *
 * Shape:   { paymentId, signature } → the payment, `unknown` until the chain has answered
 * Errors:  thrown, nothing changed: PAYMENT_UNKNOWN, PAYMENT_PHASE_UNSUITABLE, AUTHORIZATION_EXPIRED, SIGNATURE_INVALID
 * Effects: phase and chain call in one database transaction; the same signature again changes nothing
 */
export async function signAuthorization(
  dependencies: PaymentDependencies,
  command: Readonly<{ shard: Shard; paymentId: string; signature: Hex }>,
  viewer: Viewer = EVERYTHING,
): Promise<Readonly<{ payment: PaymentView; replayed: boolean }>> {
  const { database, clock, deployment, outbox } = dependencies;
  const result = await inDatabaseTransaction(database, async (transaction) => {
    const { shard, paymentId } = command;
    // Whoever may hand it in, it is the signature that says yes.
    const row = await requirePayment(transaction, shard, paymentId, viewer, ['payerId', 'merchantId']);
    const movements = await loadMovements(transaction, row.shard, [row.paymentId]);
    if (row.signedAt) return { payment: viewOfPayment(row, movements), replayed: true };
    // Whoever pays by a deposit has nothing to sign.
    const terms = row.terms && !depositFromJson(row.terms) ? termsFromJson(row.terms) : undefined;
    if (row.phase !== 'requires_action' || !terms || terms.token === NATIVE_TOKEN) {
      throw new SettlementError('PAYMENT_PHASE_UNSUITABLE', `phase ${row.phase}`, { phase: row.phase });
    }
    const now = clock.now();
    if (now >= row.authorizationExpiresAt) {
      throw new SettlementError('AUTHORIZATION_EXPIRED', 'the time to sign is over', {
        expiredAt: row.authorizationExpiresAt.toISOString(),
      });
    }
    const typedData = authorizationTypedData(deployment, terms);
    const { value, validAfter, validBefore, ...names } = typedData.message;
    const valid =
      isCanonical(command.signature) &&
      (await verifyTypedData({
        ...typedData,
        message: {
          ...names,
          value: BigInt(value),
          validAfter: BigInt(validAfter),
          validBefore: BigInt(validBefore),
        },
        address: terms.payer,
        signature: command.signature,
      }).catch(() => false));
    if (!valid) {
      throw new SettlementError('SIGNATURE_INVALID', 'the signature is not the payer’s over these terms', {
        payer: terms.payer,
      });
    }
    const call = authorizeCall(deployment, terms, command.signature);
    await enqueueChainCalls(transaction, [{ ...call, shard: row.shard, subject: row.paymentId, sequence: 0 }], now);
    const changed: PaymentRow = { ...row, phase: 'unknown', signedAt: now };
    await savePayment(transaction, row, { phase: 'unknown', signedAt: now });
    return { payment: viewOfPayment(changed, movements), replayed: false };
  });
  outbox.ring(CHAIN_SUBMISSION);
  return result;
}

/** secp256k1: half of the group's order. */
const HIGHEST_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/**
 * The one form that the token's contract takes: 65 bytes, the lower of the two possible s, and v as 27 or 28 (OpenZeppelin
 * ECDSA.sol; EIP-2). A library recovers the payer from other forms too; sent on, they would only fail on chain, and the payment with
 * them.
 */
function isCanonical(signature: Hex): boolean {
  if (!/^0x[0-9a-fA-F]{128}1[bcBC]$/.test(signature)) return false;
  return BigInt(`0x${signature.slice(66, 130)}`) <= HIGHEST_S;
}
