import type { Hex } from 'viem';
import { publicKeyToAddress } from 'viem/utils';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import type { Address } from '../../domain.ts';
import type { KeySettings } from '../policy.ts';
import { keyOverDigests, type SigningKey } from './signing-key.ts';

type TokenSettings = Extract<KeySettings, { kind: 'pkcs11' }>;
type Handle = Buffer;
type Attribute = Readonly<{ type: number; value?: Buffer | string | number | boolean }>;

/** What is used of npm's `pkcs11js`, whose native part is built where it is installed. */
type Binding = Readonly<{
  load(path: string): void;
  C_Initialize(): void;
  C_Finalize(): void;
  C_GetSlotList(withToken: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): Readonly<{ label: string }>;
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, user: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: Attribute[]): void;
  C_FindObjects(session: Handle, most: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: Attribute[]): { type: number; value: Buffer }[];
  C_SignInit(session: Handle, mechanism: Readonly<{ mechanism: number }>, key: Handle): void;
  C_Sign(session: Handle, data: Buffer, into: Buffer): Buffer;
}>;

/** Numbers of the PKCS#11 standard, version 2.40. */
const CKA = { class: 0x0, label: 0x3, ecPoint: 0x181 } as const;
const CKO = { publicKey: 0x2, privateKey: 0x3 } as const;
const CKM_ECDSA = 0x1041;
const CKF_SERIAL_SESSION = 0x4;
const CKU_USER = 1;
/** An uncompressed point: 04, x and y; tokens wrap it as a DER octet string. */
const POINT_BYTES = 65;

/**
 * A key inside a token that signs 32 bytes with ECDSA over secp256k1. The key never leaves it.
 *
 * Errors: thrown CONFIGURATION_INVALID without the binding, the token, the key, or with a wrong PIN; signing throws
 *         SIGNER_UNAVAILABLE when the token does not answer
 */
export async function openTokenKey(settings: TokenSettings, pin: string): Promise<SigningKey> {
  const binding = await loadBinding();
  try {
    binding.load(settings.library);
    binding.C_Initialize();
    const session = openSession(binding, settings.tokenLabel, pin);
    const privateKey = find(binding, session, CKO.privateKey, settings.keyLabel);
    const address = addressOf(binding, session, find(binding, session, CKO.publicKey, settings.keyLabel));
    const signDigest = async (digest: Hex) => {
      try {
        binding.C_SignInit(session, { mechanism: CKM_ECDSA }, privateKey);
        const signature = binding.C_Sign(session, Buffer.from(digest.slice(2), 'hex'), Buffer.alloc(64));
        const half = signature.length / 2;
        const number = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);
        return { r: number(signature.subarray(0, half)), s: number(signature.subarray(half)) };
      } catch (error) {
        throw new SettlementError('SIGNER_UNAVAILABLE', `the token: ${wordsOf(error)}`, {}, { cause: error });
      }
    };
    return keyOverDigests(address, signDigest, () => {
      binding.C_CloseSession(session);
      binding.C_Finalize();
    });
  } catch (error) {
    if (error instanceof SettlementError) throw error;
    throw invalid(`the token: ${wordsOf(error)}`);
  }
}

async function loadBinding(): Promise<Binding> {
  try {
    // Not among the dependencies: it is compiled where it is installed, and few need it.
    const name = 'pkcs11js';
    const { PKCS11 } = (await import(name)) as { PKCS11: new () => Binding };
    return new PKCS11();
  } catch (error) {
    throw invalid(`pkcs11js cannot be loaded: ${wordsOf(error)}; see docs/signer.md`);
  }
}

function openSession(binding: Binding, tokenLabel: string, pin: string): Handle {
  const slot = binding.C_GetSlotList(true).find((one) => binding.C_GetTokenInfo(one).label.trim() === tokenLabel);
  if (!slot) throw invalid(`no token is labelled ${tokenLabel}`);
  const session = binding.C_OpenSession(slot, CKF_SERIAL_SESSION);
  binding.C_Login(session, CKU_USER, pin);
  return session;
}

function find(binding: Binding, session: Handle, objectClass: number, label: string): Handle {
  binding.C_FindObjectsInit(session, [
    { type: CKA.class, value: objectClass },
    { type: CKA.label, value: label },
  ]);
  const found = binding.C_FindObjects(session, 2);
  binding.C_FindObjectsFinal(session);
  if (found.length === 1) return found[0]!;
  throw invalid(`${found.length} objects of the token are labelled ${label}`);
}

function addressOf(binding: Binding, session: Handle, publicKey: Handle): Address {
  const [point] = binding.C_GetAttributeValue(session, publicKey, [{ type: CKA.ecPoint }]);
  const bytes = point!.value.subarray(-POINT_BYTES);
  if (bytes.length !== POINT_BYTES || bytes[0] !== 4) throw invalid('the key is not of secp256k1');
  return publicKeyToAddress(`0x${bytes.toString('hex')}`).toLowerCase() as Address;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n')[0]!.slice(0, 200) : String(error);
}

function invalid(message: string): SettlementError {
  return new SettlementError('CONFIGURATION_INVALID', message, { param: 'pkcs11' });
}
