import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import { type Hex, parseTransaction, recoverTransactionAddress, type TransactionSerialized, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Address } from '../../../../bridge/chain/domain.ts';
import { LIGHT_SCRYPT, openKeystore, sealKeystore } from '../../../../bridge/chain/signer/keys/keystore.ts';
import { openTokenKey } from '../../../../bridge/chain/signer/keys/pkcs11.ts';
import {
  ethereumSignature,
  type SigningKey,
  type UnsignedTransaction,
} from '../../../../bridge/chain/signer/keys/signing-key.ts';
import { openWeb3SignerKey } from '../../../../bridge/chain/signer/keys/web3signer.ts';
import { startWeb3Signer, type Web3SignerDouble } from '../../../support/web3signer.ts';

const CHAIN_ID = 31_337;
const SECRET: Hex = `0x${'7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'}`;
const ACCOUNT = privateKeyToAccount(SECRET);
const ADDRESS = ACCOUNT.address.toLowerCase() as Address;

const TRANSACTION: UnsignedTransaction = {
  type: 'eip1559',
  chainId: CHAIN_ID,
  nonce: 7,
  to: `0x${'c'.repeat(40)}`,
  data: '0x12345678',
  value: 3n,
  gas: 90_000n,
  maxFeePerGas: 2_000_000_000n,
  maxPriorityFeePerGas: 1_000_000_000n,
};

async function expectSigned(key: SigningKey, nonce = 7): Promise<void> {
  const raw = (await key.sign({ ...TRANSACTION, nonce })) as TransactionSerialized;
  expect((await recoverTransactionAddress({ serializedTransaction: raw })).toLowerCase()).toBe(key.address);
  const { r, s, v, yParity, type, ...fields } = parseTransaction(raw);
  const { type: _, ...asked } = TRANSACTION;
  expect(fields).toEqual({ ...asked, nonce });
}

describe('a keystore', () => {
  // From the format's own definition, of the password «testpassword».
  const vector = {
    version: 3,
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
      ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
      kdf: 'pbkdf2',
      kdfparams: {
        c: 262_144,
        dklen: 32,
        prf: 'hmac-sha256',
        salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
      },
      mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
    },
  };

  test('opens as the format defines it, and as another program writes it', async () => {
    const key = openKeystore(vector, 'testpassword');
    expect(key.address).toBe(ADDRESS);
    await expectSigned(key);
    const written = await new Wallet(SECRET).encrypt('a password');
    expect(openKeystore(JSON.parse(written), 'a password').address).toBe(ADDRESS);
  });

  test('that we write is opened by us and by another program', async () => {
    const json = sealKeystore(SECRET, 'a password', (length) => new Uint8Array(length).fill(9), LIGHT_SCRYPT);
    expect(openKeystore(json, 'a password').address).toBe(ADDRESS);
    const opened = await Wallet.fromEncryptedJson(JSON.stringify(json), 'a password');
    expect(opened.privateKey).toBe(SECRET);
  });

  test('does not open with another password, nor after a byte of it was changed', () => {
    const json = sealKeystore(SECRET, 'a password', (length) => new Uint8Array(length).fill(9), LIGHT_SCRYPT);
    const invalid = expect.objectContaining({ code: 'CONFIGURATION_INVALID' });
    expect(() => openKeystore(json, 'A password')).toThrow(invalid);
    const text = JSON.stringify(json);
    const changed = JSON.parse(
      text.replace(/"ciphertext":"(.)/, (_, digit) => `"ciphertext":"${digit === '0' ? 1 : 0}`),
    );
    expect(() => openKeystore(changed, 'a password')).toThrow(invalid);
    expect(() => openKeystore({ version: 3 }, 'a password')).toThrow(invalid);
  });
});

describe('a signature of something that knows nothing of Ethereum', () => {
  const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const digest: Hex = `0x${'ab'.repeat(32)}`;

  test('is brought into the lower half, with the parity that leads to the key', async () => {
    const { r, s, yParity } = await ACCOUNT.sign({ hash: digest }).then((signature) => ({
      r: BigInt(signature.slice(0, 66)),
      s: BigInt(`0x${signature.slice(66, 130)}`),
      yParity: signature.endsWith('1b') ? 0 : 1,
    }));
    const expected = { r: toHex(r, { size: 32 }), s: toHex(s, { size: 32 }), yParity };
    expect(await ethereumSignature(digest, { r, s }, ADDRESS)).toEqual(expected);
    expect(await ethereumSignature(digest, { r, s: ORDER - s }, ADDRESS)).toEqual(expected);
    await expect(ethereumSignature(digest, { r, s: s + 1n }, ADDRESS)).rejects.toMatchObject({
      code: 'SIGNER_UNAVAILABLE',
    });
  });
});

describe('a key at a Web3Signer', () => {
  let double: Web3SignerDouble;
  beforeAll(async () => {
    double = await startWeb3Signer(SECRET);
  });
  afterAll(() => double?.stop());

  test('signs what it is asked', async () => {
    const key = openWeb3SignerKey({ url: double.url, address: ADDRESS }, CHAIN_ID);
    for (const nonce of [0, 7, 300]) {
      const raw = await key.sign({ ...TRANSACTION, nonce });
      expect(await ACCOUNT.signTransaction({ ...TRANSACTION, nonce })).toBe(raw);
    }
  });

  test.each([
    ['another recipient', { to: `0x${'d'.repeat(40)}` }],
    ['other data', { data: '0x87654321' }],
    ['another nonce', { nonce: '0x8' }],
    ['another value', { value: '0x4' }],
    ['a higher price', { maxFeePerGas: '0xee6b2800' }],
  ])('that signs %s is not believed', async (_, change) => {
    double.change = change;
    const key = openWeb3SignerKey({ url: double.url, address: ADDRESS }, CHAIN_ID);
    await expect(key.sign(TRANSACTION)).rejects.toThrow(/signed something else/);
    double.change = {};
  });

  test('that signs for another chain or with another key, refuses, or is gone, is unavailable', async () => {
    const unavailable = { code: 'SIGNER_UNAVAILABLE' };
    const elsewhere = openWeb3SignerKey({ url: double.url, address: ADDRESS }, 1);
    await expect(elsewhere.sign({ ...TRANSACTION, chainId: 1 })).rejects.toMatchObject(unavailable);
    const other = openWeb3SignerKey({ url: double.url, address: `0x${'1'.repeat(40)}` }, CHAIN_ID);
    await expect(other.sign(TRANSACTION)).rejects.toThrow(/no such key/);
    const nobody = openWeb3SignerKey({ url: 'http://127.0.0.1:9', address: ADDRESS }, CHAIN_ID);
    await expect(nobody.sign(TRANSACTION)).rejects.toMatchObject(unavailable);
  });
});

/** Debian's softhsm2 and npm's pkcs11js (`npm install --no-save pkcs11js@2.1.7`); skipped where they are not there. */
const LIBRARY = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'].find(
  existsSync,
);
const hasToken = LIBRARY !== undefined && hasBinding();

describe.skipIf(!hasToken)('a key in a PKCS#11 token (SoftHSM2)', () => {
  let folder: string;
  const settings = {
    kind: 'pkcs11' as const,
    library: LIBRARY ?? '',
    tokenLabel: 'specie',
    keyLabel: 'operator',
    pinFile: '',
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'specie-token-'));
    await writeFile(join(folder, 'softhsm2.conf'), `directories.tokendir = ${folder}\nobjectstore.backend = file\n`);
    process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf');
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', 'specie', '--pin', '1234', '--so-pin', '5678']);
    makeKey(settings.library);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('signs, in the lower half, and never shows its secret', async () => {
    const key = await openTokenKey(settings, '1234');
    try {
      for (let nonce = 0; nonce < 20; nonce += 1) await expectSigned(key, nonce);
    } finally {
      key.close();
    }
  });

  test.each([
    ['a wrong PIN', {}, '0000'],
    ['a token that is not there', { tokenLabel: 'nobody' }, '1234'],
    ['a key that is not there', { keyLabel: 'nobody' }, '1234'],
    ['a library that is not there', { library: '/nowhere.so' }, '1234'],
  ])('does not open with %s', async (_, change, pin) => {
    await expect(openTokenKey({ ...settings, ...change }, pin)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });
});

function hasBinding(): boolean {
  try {
    createRequire(import.meta.url).resolve('pkcs11js');
    return true;
  } catch {
    return false;
  }
}

/** Makes a secp256k1 pair inside the token, in a process of its own: a library is initialized once in a process. */
function makeKey(library: string): void {
  const program = `
    const pkcs11js = require('pkcs11js');
    const token = new pkcs11js.PKCS11();
    token.load(${JSON.stringify(library)});
    token.C_Initialize();
    const slot = token.C_GetSlotList(true).find((one) => token.C_GetTokenInfo(one).label.trim() === 'specie');
    const session = token.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    token.C_Login(session, pkcs11js.CKU_USER, '1234');
    const label = { type: pkcs11js.CKA_LABEL, value: 'operator' };
    const ours = { type: pkcs11js.CKA_TOKEN, value: true };
    token.C_GenerateKeyPair(session, { mechanism: pkcs11js.CKM_EC_KEY_PAIR_GEN }, [
      label, ours,
      { type: pkcs11js.CKA_VERIFY, value: true },
      { type: pkcs11js.CKA_EC_PARAMS, value: Buffer.from('06052b8104000a', 'hex') },
    ], [
      label, ours,
      { type: pkcs11js.CKA_SIGN, value: true },
      { type: pkcs11js.CKA_SENSITIVE, value: true },
      { type: pkcs11js.CKA_EXTRACTABLE, value: false },
    ]);
    token.C_Finalize();`;
  execFileSync(process.execPath, ['-e', program], { cwd: import.meta.dirname });
}
