import { parseTransaction } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashDeposit } from '../../../../bridge/chain/deposits.ts';
import type { Address, Hex } from '../../../../bridge/chain/domain.ts';
import { hashTerms, termsFromJson } from '../../../../bridge/chain/escrow.ts';
import {
  CHAIN,
  codeOf,
  FEES,
  KEY,
  keyOf,
  listEntry,
  MERCHANT,
  nonceOfRaw,
  payoutIntent,
  SignerStage,
  STRANGER,
  signEntry,
  TOKEN,
  TREASURER,
  termsWith,
  voidIntent,
} from '../../../support/signer-stage.ts';

const HOUR = 3_600_000;
let stage: SignerStage;

beforeEach(() => {
  stage = new SignerStage();
});
afterEach(() => stage.remove());

describe('signer: nonces', () => {
  test('a call is answered with the same bytes for ever, at whatever price it is asked again, and after a restart', async () => {
    const first = await stage.sign(voidIntent(1), 0);
    const dearer = { fees: { maxFeePerGas: 9_000_000_000n, maxPriorityFeePerGas: 2_000_000_000n } };
    expect(await stage.sign(voidIntent(1), 0, dearer)).toEqual(first);
    stage.restart();
    expect(await stage.sign(voidIntent(1), 0, dearer)).toEqual(first);
  });

  test('two calls for one nonce: the second is refused with what was signed, and after a restart too', async () => {
    const first = await stage.sign(voidIntent(1), 0);
    for (const again of [1, 2]) {
      const second = await stage.sign(voidIntent(2), 0);
      expect(second).toMatchObject({
        outcome: 'refused',
        code: 'SIGNER_NONCE_TAKEN',
        signed: { key: KEY, nonce: 0, raw: first.outcome === 'signed' ? first.raw : '' },
      });
      if (again === 1) stage.restart();
    }
  });

  test('a call under a second nonce is refused with its first', async () => {
    await stage.sign(voidIntent(1), 0);
    expect(await stage.sign(voidIntent(1), 1)).toMatchObject({
      code: 'SIGNER_CALL_HAS_NONCE',
      signed: { nonce: 0 },
    });
  });

  test('a call of the same name that says something else is refused', async () => {
    await stage.allow();
    const capture = (amount: string) => ({
      kind: 'capture' as const,
      terms: termsWith(),
      amount,
      fee: '0',
      sequence: 1,
    });
    await stage.sign(capture('10'), 0);
    expect(codeOf(await stage.sign(capture('11'), 0))).toBe('SIGNER_CALL_DIFFERS');
  });

  test('a gap is refused, before the first call and after it', async () => {
    stage.spent = 5;
    expect(codeOf(await stage.sign(voidIntent(1), 6))).toBe('SIGNER_NONCE_AHEAD');
    expect(nonceOfRaw(await stage.sign(voidIntent(1), 5))).toBe(5);
    expect(codeOf(await stage.sign(voidIntent(2), 7))).toBe('SIGNER_NONCE_AHEAD');
  });

  test('of several calls those behind a refused one are not signed', async () => {
    const answers = await stage.core.sign({
      key: KEY,
      fees: FEES,
      calls: [
        { nonce: 0, intent: voidIntent(1) },
        { nonce: 1, intent: payoutIntent(1, [{ payee: STRANGER, amount: 1 }]) },
        { nonce: 2, intent: voidIntent(2) },
      ],
    });
    expect(answers.map(codeOf)).toEqual(['signed', 'SIGNER_PAYEE_NOT_LISTED', 'SIGNER_NONCE_AHEAD']);
  });

  test('a higher price for the same nonce is signed when it is asked for, and is the one that is answered from then on', async () => {
    await stage.sign(voidIntent(1), 0);
    const dearer = { fees: { maxFeePerGas: 3_000_000_000n, maxPriorityFeePerGas: 2_000_000_000n }, replaces: true };
    const second = await stage.sign(voidIntent(1), 0, dearer);
    expect(second.outcome === 'signed' && second.raw).toMatch(/^0x02/);
    expect(second).not.toEqual(await new SignerStage().sign(voidIntent(1), 0));
    stage.restart();
    expect(await stage.sign(voidIntent(1), 0)).toEqual(second);
    const cheaper = { fees: FEES, replaces: true };
    expect(await stage.sign(voidIntent(1), 0, cheaper)).toEqual(second);
    expect(codeOf(await stage.sign(voidIntent(2), 0, dearer))).toBe('SIGNER_NONCE_TAKEN');
  });

  test('fields of the right form that make no call are refused, and the calls beside them are not', async () => {
    const wide = { kind: 'refund' as const, terms: termsWith(), amount: (2n ** 256n).toString(), sequence: 1 };
    const broken = { kind: 'authorize' as const, terms: termsWith(), signature: `0x${'12'.repeat(65)}` as const };
    const calls = [voidIntent(1), wide, broken].map((intent, nonce) => ({ nonce, intent }));
    const answers = await stage.core.sign({ key: KEY, fees: FEES, calls });
    expect(answers.map(codeOf)).toEqual(['signed', 'SIGNER_REQUEST_INVALID', 'SIGNER_REQUEST_INVALID']);
  });

  test('a price above the limit is refused', async () => {
    const fees = { maxFeePerGas: 500_000_000_001n, maxPriorityFeePerGas: 1n };
    expect(codeOf(await stage.sign(voidIntent(1), 0, { fees }))).toBe('SIGNER_FEE_EXCEEDED');
  });

  test('a call has another nonce once its first is spent for good, and is counted once', async () => {
    await stage.allow();
    const pay = payoutIntent(1, [{ payee: MERCHANT, amount: 1_000 }]);
    await stage.sign(pay, 0);
    await stage.sign(voidIntent(1), 1);
    expect(codeOf(await stage.sign(pay, 2))).toBe('SIGNER_CALL_HAS_NONCE');
    stage.finallySpent = 1;
    const again = await stage.sign(pay, 2);
    expect(nonceOfRaw(again)).toBe(2);
    stage.restart();
    expect(await stage.sign(pay, 2)).toEqual(again);
    expect(codeOf(await stage.sign(payoutIntent(2, [{ payee: MERCHANT, amount: 500 }]), 3))).toBe('signed');
  });

  test('only a transfer of nothing may take a nonce that a call has', async () => {
    const first = await stage.sign(voidIntent(1), 0);
    const filler = await stage.sign({ kind: 'nonceFiller' }, 0);
    const moved = filler.outcome === 'signed' ? parseTransaction(filler.raw) : undefined;
    expect(moved).toMatchObject({ to: KEY, nonce: 0 });
    expect([moved?.value, moved?.data]).toEqual([undefined, undefined]);
    stage.restart();
    expect(await stage.sign({ kind: 'nonceFiller' }, 0)).toEqual(filler);
    expect(await stage.sign(voidIntent(1), 0)).toEqual(first);
    expect(codeOf(await stage.sign(voidIntent(2), 0))).toBe('SIGNER_NONCE_TAKEN');
    expect(codeOf(await stage.sign({ kind: 'nonceFiller' }, 2))).toBe('SIGNER_NONCE_AHEAD');
    expect(nonceOfRaw(await stage.sign({ kind: 'nonceFiller' }, 1))).toBe(1);
  });

  test('behind nonces that somebody else has spent for good it goes on, and remembers them', async () => {
    await stage.sign(voidIntent(1), 0);
    stage.spent = 3;
    expect(codeOf(await stage.sign(voidIntent(2), 3))).toBe('SIGNER_NONCE_AHEAD');
    stage.finallySpent = 3;
    expect(nonceOfRaw(await stage.sign(voidIntent(2), 3))).toBe(3);
    expect(codeOf(await stage.sign(voidIntent(3), 5))).toBe('SIGNER_NONCE_AHEAD');
    stage.spent = 4;
    stage.restart();
    expect(nonceOfRaw(await stage.sign(voidIntent(3), 4))).toBe(4);
    expect(codeOf(await stage.sign(voidIntent(4), 1))).toBe('SIGNER_NONCE_SPENT');
    expect(codeOf(await stage.sign({ kind: 'nonceFiller' }, 1))).toBe('signed');
  });

  test('a withdrawn call is never signed, and a signed one cannot be withdrawn', async () => {
    const first = await stage.sign(voidIntent(1), 0);
    const taken = await stage.sign(voidIntent(2), 0);
    const callId = taken.outcome === 'refused' ? taken.signed!.callId : '';
    expect(await stage.core.withdraw(callId)).toMatchObject({ signed: { nonce: 0 } });
    expect(await stage.sign(voidIntent(1), 0)).toEqual(first);
    const other = await new SignerStage().sign(voidIntent(2), 0);
    expect(other.outcome).toBe('signed');
    const { callId: name } = await nameOf(voidIntent(2));
    expect(await stage.core.withdraw(name)).toEqual({});
    stage.restart();
    expect(codeOf(await stage.sign(voidIntent(2), 1))).toBe('SIGNER_CALL_WITHDRAWN');
  });

  test('a chain that knows more nonces than the store has signed: nothing is signed until somebody accounts for them', async () => {
    await stage.sign(voidIntent(1), 0);
    stage.spent = 2;
    stage.restart();
    await expect(stage.sign(voidIntent(2), 1)).rejects.toMatchObject({
      code: 'SIGNER_STORE_BEHIND',
      details: { spent: 2, next: 1 },
    });
    stage.policy = { ...stage.policy, acceptedNonces: { [KEY]: 2 } };
    stage.restart();
    expect(nonceOfRaw(await stage.sign(voidIntent(2), 2))).toBe(2);
  });
});

describe('signer: payees and caps', () => {
  test('whoever is not on the list is not paid, and the answer says which items are in the way', async () => {
    await stage.allow();
    const mixed = payoutIntent(1, [
      { payee: MERCHANT, amount: 1 },
      { payee: STRANGER, amount: 1 },
    ]);
    expect(await stage.sign(mixed, 0)).toMatchObject({ code: 'SIGNER_PAYEE_NOT_LISTED', items: [1] });
    expect(codeOf(await stage.sign(payoutIntent(2, [{ payee: MERCHANT, amount: 1 }]), 0))).toBe('signed');
  });

  test('only the treasurer puts somebody on the list: not another key, not for another chain or wallet, not twice, not late', async () => {
    const entry = listEntry();
    const refused = { code: 'SIGNER_LIST_ENTRY_INVALID' };
    const attacker = privateKeyToAccount(`0x${'9'.repeat(64)}`);
    await expect(stage.core.list(entry, await signEntry(entry, attacker))).rejects.toMatchObject(refused);
    const elsewhere = await signEntry(entry, TREASURER, { ...CHAIN, chainId: 1 });
    await expect(stage.core.list(entry, elsewhere)).rejects.toMatchObject(refused);
    const otherWallet = await signEntry(entry, TREASURER, { ...CHAIN, wallet: STRANGER });
    await expect(stage.core.list(entry, otherWallet)).rejects.toMatchObject(refused);
    const signature = await signEntry(entry);
    await expect(stage.core.list({ ...entry, payee: STRANGER }, signature)).rejects.toMatchObject(refused);
    const late = listEntry({ expiresAt: 1_790_000_001 });
    await expect(stage.core.list(late, await signEntry(late))).rejects.toMatchObject(refused);
    const early = listEntry({ issuedAt: 1_899_999_999 });
    await expect(stage.core.list(early, await signEntry(early))).rejects.toMatchObject(refused);
    await stage.core.list(entry, signature);
    const sameName = { ...entry, payee: STRANGER };
    await expect(stage.core.list(sameName, await signEntry(sameName))).rejects.toMatchObject(refused);
    expect(await stage.core.payees()).toEqual([{ payee: MERCHANT, name: entry.name, effectiveAt: stage.now }]);
  });

  test('a new payee cools; a removed one is not paid any more, and its old entry does not bring it back', async () => {
    stage.policy = { ...stage.policy, coolingMilliseconds: HOUR };
    stage.restart();
    const entry = listEntry();
    const signature = await signEntry(entry);
    await stage.core.list(entry, signature);
    const pay = (name: number) => payoutIntent(name, [{ payee: MERCHANT, amount: 1 }]);
    expect(codeOf(await stage.sign(pay(1), 0))).toBe('SIGNER_PAYEE_NOT_LISTED');
    stage.now += HOUR;
    stage.restart();
    expect(codeOf(await stage.sign(pay(1), 0))).toBe('signed');
    const removal = listEntry({ action: 'remove' });
    await stage.core.list(removal, await signEntry(removal));
    await stage.core.list(entry, signature);
    stage.now += 2 * HOUR;
    stage.restart();
    expect(codeOf(await stage.sign(pay(2), 1))).toBe('SIGNER_PAYEE_NOT_LISTED');
  });

  test('an address with both ends of a listed one is refused', async () => {
    await stage.allow();
    const double = `0x3333${'9'.repeat(32)}3333` as Address;
    const entry = listEntry({ payee: double });
    await expect(stage.core.list(entry, await signEntry(entry))).rejects.toThrow(/looks like/);
  });

  test('caps hold per call, in any hour and in any day, across restarts; a window frees what has left it', async () => {
    await stage.allow();
    const pay = (name: number, amount: number) => payoutIntent(name, [{ payee: MERCHANT, amount }]);
    expect(codeOf(await stage.sign(pay(1, 1_001), 0))).toBe('SIGNER_CAP_EXCEEDED');
    expect(codeOf(await stage.sign(pay(2, 1_000), 0))).toBe('signed');
    stage.now += HOUR / 2;
    stage.restart();
    // No hour begins anew at a full hour: 1,000 of 1,500 are spent.
    expect(await stage.sign(pay(3, 501), 1)).toMatchObject({
      code: 'SIGNER_CAP_EXCEEDED',
      retryAfterMilliseconds: HOUR / 2,
    });
    expect(codeOf(await stage.sign(pay(4, 500), 1))).toBe('signed');
    stage.now += HOUR / 2;
    expect(codeOf(await stage.sign(pay(3, 501), 2))).toBe('signed');
    stage.now += HOUR;
    stage.restart();
    expect(await stage.sign(pay(5, 500), 3)).toMatchObject({ code: 'SIGNER_CAP_EXCEEDED' });
    stage.now += 22 * HOUR;
    expect(codeOf(await stage.sign(pay(5, 500), 3))).toBe('signed');
  });

  test('a clock that steps back opens no window again', async () => {
    await stage.allow();
    stage.now += 48 * HOUR;
    await stage.sign(payoutIntent(1, [{ payee: MERCHANT, amount: 1_000 }]), 0);
    stage.now -= 48 * HOUR;
    stage.restart();
    expect(codeOf(await stage.sign(payoutIntent(2, [{ payee: MERCHANT, amount: 1_000 }]), 1))).toBe(
      'SIGNER_CAP_EXCEEDED',
    );
  });

  test('a token without caps does not leave', async () => {
    await stage.allow();
    const other = { ...payoutIntent(1, [{ payee: MERCHANT, amount: 1 }]), token: STRANGER };
    expect(codeOf(await stage.sign(other, 0))).toBe('SIGNER_CAP_EXCEEDED');
  });
});

describe('signer: refunds and receivers', () => {
  const paid = termsWith({ receiver: CHAIN.wallet, maximumFeeBasisPoints: 0 });
  const name = hashTerms(CHAIN.chainId, CHAIN.escrow, termsFromJson(paid));
  const giveBack = (batch: number, amount: number, refunds = paid, payee = paid.payer as Address) =>
    payoutIntent(batch, [{ payee, amount, refunds }]);

  test('a payer is paid back what the chain says was captured, and not more, in one batch or many, across restarts', async () => {
    expect(codeOf(await stage.sign(giveBack(1, 1), 0))).toBe('SIGNER_REFUND_UNPROVEN');
    stage.captured.set(name, 100n);
    expect(codeOf(await stage.sign(giveBack(2, 101), 0))).toBe('SIGNER_REFUND_UNPROVEN');
    expect(codeOf(await stage.sign(giveBack(3, 60), 0))).toBe('signed');
    stage.restart();
    const twice = payoutIntent(4, [
      { payee: paid.payer as Address, amount: 21, refunds: paid },
      { payee: paid.payer as Address, amount: 20, refunds: paid },
    ]);
    expect(await stage.sign(twice, 1)).toMatchObject({ code: 'SIGNER_REFUND_UNPROVEN', items: [0, 1] });
    expect(codeOf(await stage.sign(giveBack(5, 40), 1))).toBe('signed');
    expect(codeOf(await stage.sign(giveBack(6, 1), 2))).toBe('SIGNER_REFUND_UNPROVEN');
  });

  test('nobody else is paid back: not another payee, not another token, not a payment that went to a merchant', async () => {
    stage.captured.set(name, 100n);
    expect(codeOf(await stage.sign(giveBack(1, 1, paid, STRANGER), 0))).toBe('SIGNER_PAYEE_NOT_LISTED');
    const direct = termsWith();
    stage.captured.set(hashTerms(CHAIN.chainId, CHAIN.escrow, termsFromJson(direct)), 100n);
    expect(codeOf(await stage.sign(giveBack(2, 1, direct), 0))).toBe('SIGNER_PAYEE_NOT_LISTED');
    const otherToken = termsWith({ receiver: CHAIN.wallet, token: STRANGER });
    stage.captured.set(hashTerms(CHAIN.chainId, CHAIN.escrow, termsFromJson(otherToken)), 100n);
    expect(codeOf(await stage.sign(giveBack(3, 1, otherToken), 0))).toBe('SIGNER_PAYEE_NOT_LISTED');
  });

  test('who paid by a deposit is paid back what was swept of it, and nobody else is', async () => {
    const deposit = {
      destination: CHAIN.wallet as Address,
      token: TOKEN,
      amount: '100',
      expiresAt: 1_900_000_000,
      returnTo: STRANGER,
      paymentHash: `0x${'0'.repeat(64)}` as Hex,
      salt: `0x${'7'.repeat(64)}` as Hex,
    };
    const giveBackTo = (batch: number, amount: number, payee: Address, of = deposit) =>
      payoutIntent(batch, [{ payee, amount, deposit: of }]);
    expect(codeOf(await stage.sign(giveBackTo(1, 1, STRANGER), 0))).toBe('SIGNER_REFUND_UNPROVEN');
    stage.swept.add(hashDeposit({ ...deposit, amount: 100n }));
    expect(codeOf(await stage.sign(giveBackTo(2, 101, STRANGER), 0))).toBe('SIGNER_REFUND_UNPROVEN');
    expect(codeOf(await stage.sign(giveBackTo(3, 60, STRANGER), 0))).toBe('signed');
    stage.restart();
    expect(codeOf(await stage.sign(giveBackTo(4, 41, STRANGER), 1))).toBe('SIGNER_REFUND_UNPROVEN');
    expect(codeOf(await stage.sign(giveBackTo(5, 40, STRANGER), 1))).toBe('signed');
    expect(codeOf(await stage.sign(giveBackTo(6, 1, paid.payer as Address), 2))).toBe('SIGNER_PAYEE_NOT_LISTED');
    const toEscrow = { ...deposit, destination: CHAIN.escrow as Address };
    expect(codeOf(await stage.sign(giveBackTo(7, 1, STRANGER, toEscrow), 2))).toBe('SIGNER_PAYEE_NOT_LISTED');
  });

  test('a payer is not made to pay a stranger: receiver and fee receiver are the wallet, the list and ours', async () => {
    const capture = (change: Readonly<Record<string, unknown>>, salt: string) => ({
      kind: 'capture' as const,
      terms: termsWith({ ...change, salt }),
      amount: '1',
      fee: '0',
      sequence: 1,
    });
    expect(codeOf(await stage.sign(capture({}, '1'), 0))).toBe('SIGNER_PAYEE_NOT_LISTED');
    await stage.allow();
    expect(codeOf(await stage.sign(capture({}, '1'), 0))).toBe('signed');
    expect(codeOf(await stage.sign(capture({ receiver: CHAIN.wallet }, '2'), 1))).toBe('signed');
    expect(codeOf(await stage.sign(capture({ feeReceiver: STRANGER }, '3'), 2))).toBe('SIGNER_PAYEE_NOT_LISTED');
    const authorize = {
      kind: 'authorize' as const,
      terms: termsWith({ receiver: STRANGER }),
      signature: '0x12' as const,
    };
    expect(codeOf(await stage.sign(authorize, 2))).toBe('SIGNER_PAYEE_NOT_LISTED');
    // What is held always goes back to who paid it.
    const giveBackAll = { kind: 'void' as const, terms: termsWith({ receiver: STRANGER }), sequence: 1 };
    expect(codeOf(await stage.sign(giveBackAll, 2))).toBe('signed');
  });
});

describe('signer: two keys', () => {
  const next = privateKeyToAccount(`0x${'8'.repeat(64)}`);
  const nextKey = next.address.toLowerCase() as Address;

  test('new calls go to the newest key that has its role on chain; each key has its own nonces', async () => {
    await stage.sign(voidIntent(1), 0);
    stage.keys = [...stage.keys, keyOf(next)];
    stage.roles.add(KEY);
    stage.restart();
    expect((await stage.core.describe()).keys).toEqual([KEY, nextKey]);
    stage.roles.add(nextKey);
    stage.now += 6_000;
    expect((await stage.core.describe()).keys).toEqual([nextKey, KEY]);
    expect(nonceOfRaw(await stage.sign(voidIntent(2), 0, { key: nextKey }))).toBe(0);
    expect(nonceOfRaw(await stage.sign(voidIntent(3), 1))).toBe(1);
    expect(await stage.sign(voidIntent(1), 1, { key: nextKey })).toMatchObject({
      code: 'SIGNER_CALL_HAS_NONCE',
      signed: { key: KEY, nonce: 0 },
    });
    expect(codeOf(await stage.sign(voidIntent(4), 0, { key: STRANGER }))).toBe('SIGNER_KEY_UNKNOWN');
  });
});

async function nameOf(intent: ReturnType<typeof voidIntent>): Promise<{ callId: string }> {
  const other = new SignerStage();
  try {
    await other.sign(intent, 0);
    const taken = await other.sign(voidIntent(99), 0);
    return { callId: taken.outcome === 'refused' ? taken.signed!.callId : '' };
  } finally {
    other.remove();
  }
}
