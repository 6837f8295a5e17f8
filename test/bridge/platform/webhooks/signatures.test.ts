import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { secretFrom, shownSecret, signedHeaders } from '../../../../bridge/platform/webhooks/domain/signatures.ts';
import { verifyWebhook } from '../../../support/webhook-receiver.ts';

const NOW = 1_614_265_330;
const message = {
  id: 'e1b0d5c8-0000-8000-8000-000000000001',
  timestampSeconds: NOW,
  body: '{"type":"payment.captured"}',
};
const secret = secretFrom(Buffer.alloc(32, 7));

function sent(secrets: readonly string[] = [secret]) {
  const headers = signedHeaders(message, secrets);
  return {
    id: headers['webhook-id']!,
    timestamp: headers['webhook-timestamp']!,
    signature: headers['webhook-signature']!,
    body: message.body,
  };
}

describe('signatures of Standard Webhooks', () => {
  test('the example of the specification’s own libraries comes out the same', () => {
    const headers = signedHeaders(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1_614_265_330, body: '{"test": 2432232314}' },
      ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    );
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('an independent library signs the same, and the verifier written from the text takes it', () => {
    const theirs = new Webhook(shownSecret(secret)).sign(message.id, new Date(NOW * 1000), message.body);
    expect(sent().signature).toBe(theirs);
    expect(verifyWebhook(shownSecret(secret), sent(), NOW)).toBe(true);
  });

  test('during a rotation each of the two secrets is enough', () => {
    const older = secretFrom(Buffer.alloc(32, 9));
    const both = sent([secret, older]);
    expect(both.signature.split(' ')).toHaveLength(2);
    expect(verifyWebhook(shownSecret(secret), both, NOW)).toBe(true);
    expect(verifyWebhook(shownSecret(older), both, NOW)).toBe(true);
    expect(verifyWebhook(shownSecret(secretFrom(Buffer.alloc(32, 8))), both, NOW)).toBe(false);
  });

  test('whichever byte of body, id, timestamp or signature is changed, nobody takes it', () => {
    const genuine = sent();
    let tampered = 0;
    for (const field of ['body', 'id', 'timestamp', 'signature'] as const) {
      for (let index = 0; index < genuine[field].length; index += 1) {
        for (const bit of [1, 2, 16]) {
          const bytes = Buffer.from(genuine[field]);
          bytes[index]! ^= bit;
          const changed = { ...genuine, [field]: bytes.toString('latin1') };
          // The last character of the base64 holds two bits that stand for nothing; a strict verifier compares text.
          expect([field, index, verifyWebhook(shownSecret(secret), changed, NOW)]).toEqual([field, index, false]);
          tampered += 1;
        }
      }
    }
    expect(tampered).toBeGreaterThan(300);
    expect(verifyWebhook(shownSecret(secret), { ...genuine, body: `${genuine.body} ` }, NOW)).toBe(false);
    expect(verifyWebhook(shownSecret(secret), genuine, NOW + 301)).toBe(false);
    expect(verifyWebhook(shownSecret(secret), genuine, NOW - 301)).toBe(false);
  });
});
