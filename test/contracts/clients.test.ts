import { BrowserProvider, Contract, type Eip1193Provider, Wallet } from 'ethers';
import { type Abi, concatHex, numberToHex, parseSignature, toFunctionSignature } from 'viem';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { paymentEscrowAbi } from '../../bridge/chain/bindings/payment-escrow.ts';
import type { Address, Hex } from '../../bridge/chain/domain.ts';
import { authorizationTypedData, hashTerms, NATIVE_TOKEN, type PaymentTerms } from '../../bridge/chain/escrow.ts';
import { type ActorName, openScene, privateKeyOf, SCENE_TIME, type Scene } from '../../scripts/contracts/scene.ts';

/** One client's way to sign and to send; everything else of a scenario is the same for both. */
type Client = Readonly<{
  sign(typedData: TypedData): Promise<Hex>;
  send(
    from: ActorName,
    contract: ContractRole,
    signature: string,
    args: readonly unknown[],
    value: bigint,
  ): Promise<void>;
}>;
type TypedData = Readonly<{
  domain: object;
  types: Record<string, readonly Readonly<{ name: string; type: string }>[]>;
  primaryType: string;
  message: object;
}>;
type ContractRole = 'token' | 'escrow' | 'wallet';

const TERMS = '(address,address,address,uint120,uint48,uint48,uint48,uint16,uint16,address,uint256)';
const FEES = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n } as const;
const GAS_LIMIT = 16_000_000n;
const UNIT = 10n ** 6n;

const outcomes: Record<string, Awaited<ReturnType<typeof play>>> = {};

beforeAll(async () => {
  for (const [name, clientOf] of [
    ['viem', viemClient],
    ['ethers', ethersClient],
  ] as const) {
    const scene = await openScene();
    outcomes[name] = await play(scene, clientOf(scene));
    await scene.close();
  }
}, 300_000);

afterAll(() => {
  for (const name of Object.keys(outcomes)) delete outcomes[name];
});

it('the same scenarios through viem and through ethers are the same chain, block for block', () => {
  expect(outcomes.ethers!.head).toBe(outcomes.viem!.head);
});

it('every payment, balance, fee and credit reads the same through both', () => {
  expect(outcomes.ethers!.state).toEqual(outcomes.viem!.state);
});

it('and the scenarios have done what they say', () => {
  expect(outcomes.viem!.state).toMatchObject({
    'escrow holds': `${30n * UNIT}`,
    'receiver holds': `${(50n + 100n + 80n) * UNIT - 3n * UNIT + 5n * UNIT + 100n * UNIT - 20n * UNIT}`,
    'fees owed': '0',
    'fee receiver holds': `${3n * UNIT}`,
    'escrow coins': '0',
  });
});

/** Every verb in both forms of a signature, twice where once is enough, in blocks whose times are set. */
async function play(scene: Scene, client: Client) {
  const { actors, token, escrow, wallet } = scene;
  let time = SCENE_TIME + 60n;
  let salt = 0n;
  const act = async (
    from: ActorName,
    contract: ContractRole,
    signature: string,
    args: readonly unknown[],
    value = 0n,
  ): Promise<void> => {
    time += 1n;
    await scene.provider.request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(time)] });
    await client.send(from, contract, signature, args, value);
  };
  const newTerms = (maximumAmount: bigint, asset: Address = token): PaymentTerms => {
    salt += 1n;
    return {
      payer: actors.payer.address,
      receiver: actors.receiver.address,
      token: asset,
      maximumAmount,
      preApprovalExpiry: SCENE_TIME + 3_600n,
      authorizationExpiry: SCENE_TIME + 7_200n,
      refundExpiry: SCENE_TIME + 86_400n,
      minimumFeeBasisPoints: 0,
      maximumFeeBasisPoints: 500,
      feeReceiver: actors.feeReceiver.address,
      salt,
    };
  };
  const authorization = (terms: PaymentTerms): Promise<Hex> =>
    client.sign(authorizationTypedData({ ...deploymentOf(scene), escrow }, terms));
  const overTerms = (terms: PaymentTerms): Promise<Hex> => client.sign(termsTypedData(scene, terms));
  const parts = async (terms: PaymentTerms) => {
    const { r, s, yParity } = parseSignature(await authorization(terms));
    return [yParity + 27, r, s] as const;
  };

  await act('minter', 'token', 'mint(address,uint256)', [actors.payer.address, 1_000n * UNIT]);
  await act('minter', 'token', 'mint(address,uint256)', [wallet, 1_000n * UNIT]);
  await act('receiver', 'token', 'approve(address,uint256)', [escrow, 1_000n * UNIT]);
  await act('payer', 'token', 'approve(address,uint256)', [escrow, 1_000n * UNIT]);

  const first = newTerms(100n * UNIT);
  const authorize = `authorize(${TERMS},uint256,uint8,bytes32,bytes32)`;
  await act('operator', 'escrow', authorize, [first, 100n * UNIT, ...(await parts(first))]);
  for (let again = 0; again < 2; again += 1) {
    await act('operator', 'escrow', `capture(${TERMS},uint256,uint256,uint256)`, [first, 50n * UNIT, 0n, 1n]);
  }
  await act('operator', 'escrow', `refund(${TERMS},uint256,uint256)`, [first, 20n * UNIT, 2n]);
  await act('operator', 'escrow', `void(${TERMS},uint256)`, [first, 3n]);

  const second = newTerms(100n * UNIT);
  const charge = `charge(${TERMS},uint256,uint256,uint8,bytes32,bytes32)`;
  await act('operator', 'escrow', charge, [second, 100n * UNIT, 3n * UNIT, ...(await parts(second))]);
  await act('stranger', 'escrow', 'sweepFees(address,address)', [token, actors.feeReceiver.address]);

  const third = newTerms(100n * UNIT);
  const byBytes = `authorize(${TERMS},uint256,bytes)`;
  await act('operator', 'escrow', byBytes, [third, 60n * UNIT, await authorization(third)]);
  await act('operator', 'escrow', `incrementAuthorization(${TERMS},uint256,uint256)`, [third, 10n * UNIT, 1n]);
  await act('operator', 'escrow', `capture(${TERMS},uint256,uint256,uint256)`, [third, 80n * UNIT, 0n, 2n]);

  const fourth = newTerms(30n * UNIT);
  const bySignature = `authorizeWithAllowance(${TERMS},uint256,bytes)`;
  await act('operator', 'escrow', bySignature, [fourth, 30n * UNIT, await overTerms(fourth)]);
  const fifth = newTerms(100n * UNIT);
  const chargeBySignature = `chargeWithAllowance(${TERMS},uint256,uint256,bytes)`;
  await act('operator', 'escrow', chargeBySignature, [fifth, 100n * UNIT, 0n, await overTerms(fifth)]);

  const coins = newTerms(10n ** 18n, NATIVE_TOKEN);
  await act('payer', 'escrow', `authorizeNative(${TERMS})`, [coins], 10n ** 18n);
  await act('operator', 'escrow', `capture(${TERMS},uint256,uint256,uint256)`, [coins, 10n ** 17n, 0n, 1n]);
  await act('receiver', 'escrow', `refund(${TERMS},uint256,uint256)`, [coins, 10n ** 16n, 2n], 10n ** 16n);

  const caps = { perCall: 1_000n * UNIT, perHour: 1_000n * UNIT, perDay: 1_000n * UNIT };
  await act('treasurer', 'wallet', 'setCaps(address,(uint128,uint128,uint128))', [token, caps]);
  const items = concatHex(
    [actors.receiver.address, actors.stranger.address].map((payee) =>
      concatHex([payee, numberToHex(5n * UNIT, { size: 12 })]),
    ),
  );
  for (let again = 0; again < 2; again += 1) {
    await act('operator', 'wallet', 'payoutBatch(bytes32,address,bytes)', [numberToHex(7, { size: 32 }), token, items]);
  }
  time = coins.authorizationExpiry;
  await act('payer', 'escrow', `reclaim(${TERMS})`, [coins]);

  const { client: reader } = scene;
  const balance = (holder: Address) =>
    reader.readContract({
      address: token,
      abi: scene.artifacts.LocalDollar.abi,
      functionName: 'balanceOf',
      args: [holder],
    });
  const payments = await Promise.all(
    [first, second, third, fourth, fifth, coins].map((terms) =>
      reader.readContract({
        address: escrow,
        abi: paymentEscrowAbi,
        functionName: 'payments',
        args: [hashTerms(scene.chainId, escrow, terms)],
      }),
    ),
  );
  return {
    head: (await reader.getBlock()).hash,
    state: {
      payments: JSON.stringify(payments, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      'escrow holds': `${await balance(escrow)}`,
      'receiver holds': `${await balance(actors.receiver.address)}`,
      'payer holds': `${await balance(actors.payer.address)}`,
      'fee receiver holds': `${await balance(actors.feeReceiver.address)}`,
      'fees owed': `${await reader.readContract({
        address: escrow,
        abi: paymentEscrowAbi,
        functionName: 'accruedFees',
        args: [actors.feeReceiver.address, token],
      })}`,
      'escrow coins': `${await reader.getBalance({ address: escrow })}`,
      'payer coins': `${await reader.getBalance({ address: actors.payer.address })}`,
    },
  };
}

function viemClient(scene: Scene): Client {
  return {
    sign: (typedData) => scene.actors.payer.signTypedData(typedData as never),
    async send(from, contract, signature, args, value) {
      const abi = abiOf(scene, contract).filter(
        (part) => part.type === 'function' && toFunctionSignature(part) === signature,
      );
      const functionName = signature.slice(0, signature.indexOf('('));
      await scene.send(from, scene[contract], { abi, functionName, args }, { value });
    },
  };
}

function ethersClient(scene: Scene): Client {
  const provider = new BrowserProvider(scene.provider as unknown as Eip1193Provider, undefined, { cacheTimeout: -1 });
  const walletOf = (name: ActorName) => new Wallet(privateKeyOf(name), provider);
  return {
    async sign({ domain, types, message }) {
      const own = Object.fromEntries(Object.entries(types).map(([name, fields]) => [name, [...fields]]));
      return (await walletOf('payer').signTypedData(domain, own, message)) as Hex;
    },
    async send(from, contract, signature, args, value) {
      const target = new Contract(scene[contract], abiOf(scene, contract) as never, walletOf(from));
      const sent = await target.getFunction(signature).send(...args, { value, gasLimit: GAS_LIMIT, type: 2, ...FEES });
      const receipt = await provider.getTransactionReceipt(sent.hash);
      if (receipt?.status !== 1) throw new Error(`${signature} reverted`);
    },
  };
}

function abiOf(scene: Scene, contract: ContractRole): Abi {
  const names = { token: 'LocalDollar', escrow: 'PaymentEscrow', wallet: 'IntermediaryWallet' } as const;
  return scene.artifacts[names[contract]].abi;
}

function deploymentOf({ chainId, token, actors }: Scene) {
  return {
    chainId,
    feeReceiver: actors.feeReceiver.address,
    tokenDomains: { [token.toLowerCase()]: { name: 'Local Dollar', version: '1' } },
    firstHeight: 0,
  };
}

/** What a payer signs when the money comes by an allowance. */
function termsTypedData({ chainId, escrow }: Scene, terms: PaymentTerms): TypedData {
  return {
    domain: { name: 'Specie PaymentEscrow', version: '1', chainId, verifyingContract: escrow },
    types: {
      PaymentTerms: [
        { name: 'chain', type: 'uint256' },
        { name: 'escrow', type: 'address' },
        { name: 'payer', type: 'address' },
        { name: 'receiver', type: 'address' },
        { name: 'token', type: 'address' },
        { name: 'maximumAmount', type: 'uint120' },
        { name: 'preApprovalExpiry', type: 'uint48' },
        { name: 'authorizationExpiry', type: 'uint48' },
        { name: 'refundExpiry', type: 'uint48' },
        { name: 'minimumFeeBasisPoints', type: 'uint16' },
        { name: 'maximumFeeBasisPoints', type: 'uint16' },
        { name: 'feeReceiver', type: 'address' },
        { name: 'salt', type: 'uint256' },
      ],
    },
    primaryType: 'PaymentTerms',
    message: { chain: chainId, escrow, ...terms },
  };
}
