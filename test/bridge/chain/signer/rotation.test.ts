import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFunctionData, keccak256, stringToHex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { intermediaryWalletAbi } from '../../../../bridge/chain/bindings/intermediary-wallet.ts';
import type { Address, Deployment } from '../../../../bridge/chain/domain.ts';
import { termsFromJson, voidCall } from '../../../../bridge/chain/escrow.ts';
import { submitCalls } from '../../../../bridge/chain/operations/submit-calls.ts';
import { connectSignerChain } from '../../../../bridge/chain/signer/chain-view.ts';
import { SignerCore } from '../../../../bridge/chain/signer/core.ts';
import { openRecordFile } from '../../../../bridge/chain/signer/log-file.ts';
import { signThrough } from '../../../../bridge/chain/signing.ts';
import { createLogger } from '../../../../ledger-service/platform/logging.ts';
import { systemClock } from '../../../../ledger-service/platform/ports.ts';
import { deployContracts, openSender } from '../../../../scripts/contracts/deploy.ts';
import { privateKeyOf } from '../../../../scripts/local/seed-world.ts';
import { localPolicy } from '../../../../scripts/local/signer-process.ts';
import { localAccount } from '../../../../scripts/local/world.ts';
import { type ChainStage, startChainStage } from '../../../support/chain-stage.ts';
import { keyOf, termsWith } from '../../../support/signer-stage.ts';

const OLD = privateKeyToAccount(privateKeyOf('operator'));
const NEW = privateKeyToAccount(generatePrivateKey());
const lower = (address: string) => address.toLowerCase() as Address;
const OPERATOR_ROLE = keccak256(stringToHex('OPERATOR_ROLE'));

let folder: string;
let stage: ChainStage;
let deployment: Deployment;
let core: SignerCore;
let later = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'specie-rotation-'));
  stage = await startChainStage();
  ({ deployment } = await deployContracts({
    rpcUrl: stage.chain.url,
    deployerPrivateKey: privateKeyOf('deployer'),
    admin: localAccount('deployer').address,
    operator: OLD.address,
    treasurer: localAccount('treasurer').address,
    pauser: localAccount('pauser').address,
    feeReceiver: localAccount('feeReceiver').address,
    caps: { perCall: 1n, perHour: 1n, perDay: 1n },
  }));
  const policy = localPolicy(folder, {
    deployment,
    rpcUrl: stage.chain.url,
    treasurer: localAccount('treasurer').address,
  });
  core = new SignerCore({
    policy,
    file: openRecordFile(join(folder, 'records')),
    keys: [keyOf(OLD), keyOf(NEW)],
    chain: connectSignerChain(policy),
    clock: { now: () => new Date(systemClock.now().getTime() + later) },
  });
});
afterAll(async () => {
  core?.close();
  await stage?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A void of a payment that nobody has made: it reverts, and spends its nonce as any other call. */
function ask(subject: string, sequence: number): Promise<string> {
  const terms = termsFromJson(termsWith({ salt: BigInt(stringToHex(subject)).toString() }));
  const { callId, ...call } = voidCall(deployment, terms, sequence);
  return stage.ask(`${subject} ${sequence}`, { ...call, callId, subject, sequence }).then(() => callId);
}

function submit(): Promise<number> {
  const { database, node, outbox } = stage;
  const clocks = { clock: systemClock, machineClock: systemClock };
  const logger = createLogger('silent');
  const signer = signThrough(core);
  return submitCalls({ database, node, signer, outbox, ...clocks, logger, maximumFeePerGas: 10n ** 12n });
}

const placeOf = async (callId: string) => {
  const { state, nonce, signer } = (await stage.call(callId)) as Awaited<ReturnType<ChainStage['call']>> & {
    signer: string;
  };
  return { state, nonce, signer };
};

test('a new key takes new calls once it has its role; the old one finishes its own, and a payment stays with one key', async () => {
  const first = await ask('pay one', 1);
  const other = await ask('pay two', 1);
  await submit();
  expect(await placeOf(first)).toEqual({ state: 'signed', nonce: 0, signer: lower(OLD.address) });
  expect(await placeOf(other)).toEqual({ state: 'signed', nonce: 1, signer: lower(OLD.address) });

  const admin = await openSender(stage.chain.url, privateKeyOf('deployer'));
  const data = encodeFunctionData({
    abi: intermediaryWalletAbi,
    functionName: 'grantRole',
    args: [OPERATOR_ROLE, NEW.address],
  });
  await admin.send([
    { to: deployment.escrow, data, value: 0n },
    { to: deployment.wallet, data, value: 0n },
    { to: NEW.address, data: '0x', value: 10n ** 18n },
  ]);
  later += 60_000;

  const second = await ask('pay one', 2);
  const fresh = await ask('pay three', 1);
  await submit();
  expect(await placeOf(fresh)).toEqual({ state: 'signed', nonce: 0, signer: lower(NEW.address) });
  expect(await placeOf(second)).toEqual({ state: 'due', nonce: null, signer: null });

  await stage.untilState(first, 'reverted');
  await submit();
  expect(await placeOf(second)).toEqual({ state: 'signed', nonce: 1, signer: lower(NEW.address) });
  await stage.untilState(second, 'reverted');
  await stage.untilState(other, 'reverted');
});
