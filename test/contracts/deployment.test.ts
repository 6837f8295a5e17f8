import hardhat from 'hardhat';
import { expect, it } from 'vitest';
import { compileContracts } from '../../scripts/contracts/compile.ts';
import specie from '../../scripts/ignition/modules/specie.ts';

const ROLES = {
  admin: '0x00000000000000000000000000000000000000a1',
  operator: '0x00000000000000000000000000000000000000a2',
  treasurer: '0x00000000000000000000000000000000000000a3',
  pauser: '0x00000000000000000000000000000000000000a4',
};

async function deployAfter(transactions: number, sender: number, roles = ROLES): Promise<Record<string, string>> {
  const connection = await hardhat.network.create({ network: 'local' });
  try {
    const accounts = (await connection.provider.request({ method: 'eth_accounts' })) as string[];
    const from = accounts[sender]!;
    for (let count = 0; count < transactions; count += 1) {
      await connection.provider.request({ method: 'eth_sendTransaction', params: [{ from, to: from, value: '0x1' }] });
    }
    const deployed = await connection.ignition.deploy(specie, {
      strategy: 'create2',
      strategyConfig: hardhat.config.ignition.strategyConfig!.create2!,
      defaultSender: from,
      parameters: { Specie: roles },
    });
    const contracts = Object.entries(deployed as Record<string, { address: string }>);
    const addresses = Object.fromEntries(contracts.map(([name, { address }]) => [name, address]));
    for (const address of Object.values(addresses)) {
      const code = await connection.provider.request({ method: 'eth_getCode', params: [address, 'latest'] });
      expect((code as string).length).toBeGreaterThan(1_000);
    }
    return addresses;
  } finally {
    await connection.close();
  }
}

it('deploys to the same addresses whoever deploys and with whatever nonce, and to others for other roles', async () => {
  await compileContracts();
  const first = await deployAfter(0, 0);
  expect(await deployAfter(5, 1)).toEqual(first);
  const others = await deployAfter(0, 0, { ...ROLES, operator: '0x00000000000000000000000000000000000000b2' });
  expect(Object.values(others).filter((address) => Object.values(first).includes(address))).toEqual([]);
});
