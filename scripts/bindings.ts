/**
 * Writes what the bridge knows of the contracts, their interfaces, from the compiled sources.
 *
 * `--check` writes nothing and ends with code 1 when a file is not as it would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ContractName, compileAllContracts } from './contracts/compile.ts';

const FILES: Readonly<Record<ContractName, readonly [file: string, constant: string]>> = {
  PaymentEscrow: ['payment-escrow', 'paymentEscrowAbi'],
  IntermediaryWallet: ['intermediary-wallet', 'intermediaryWalletAbi'],
  DepositAddresses: ['deposit-addresses', 'depositAddressesAbi'],
  CoinRegister: ['coin-register', 'coinRegisterAbi'],
  CoinPages: ['coin-pages', 'coinPagesAbi'],
  LocalDollar: ['local-dollar', 'localDollarAbi'],
};

const artifacts = await compileAllContracts();
const isCheck = process.argv.includes('--check');
let different = 0;
for (const [name, [file, constant]] of Object.entries(FILES) as [ContractName, readonly [string, string]][]) {
  const path = fileURLToPath(new URL(`../bridge/chain/bindings/${file}.ts`, import.meta.url));
  const text = `// Written by scripts/bindings.ts from ${name}.sol.\nexport const ${constant} = ${JSON.stringify(
    artifacts[name].abi,
    null,
    1,
  )} as const;\n`;
  if (isCheck) {
    if (safeRead(path) === text) continue;
    different += 1;
    console.error(`${path} is not what its contract says; run node scripts/bindings.ts`);
  } else writeFileSync(path, text);
}
process.exit(different === 0 ? 0 : 1);

function safeRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
