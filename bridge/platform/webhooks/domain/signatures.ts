import { createHmac } from 'node:crypto';

/**
 * Standard Webhooks 1.0: what is signed is `id.timestamp.body`, the signature is `v1,` and the HMAC-SHA256 of it in
 * base64; several signatures are separated by a space.
 */
export const SECRET_PREFIX = 'whsec_';
export const SECRET_BYTES = 32;

export type Message = Readonly<{ id: string; timestampSeconds: number; body: string }>;

/** Shape: the message and secrets in base64, the newest first → the headers that it is sent with. */
export function signedHeaders(message: Message, secrets: readonly string[]): Readonly<Record<string, string>> {
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestampSeconds),
    'webhook-signature': secrets.map((secret) => signatureOf(message, secret)).join(' '),
  };
}

function signatureOf({ id, timestampSeconds, body }: Message, secret: string): string {
  const key = Buffer.from(secret, 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`, 'utf8').digest('base64')}`;
}

export function secretFrom(chance: Uint8Array): string {
  return Buffer.from(chance).toString('base64');
}

/** As its owner is shown it, once. */
export function shownSecret(secret: string): string {
  return `${SECRET_PREFIX}${secret}`;
}
