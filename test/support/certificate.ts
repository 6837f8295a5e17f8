import { generateKeyPairSync, sign } from 'node:crypto';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const OIDS = {
  ecdsaWithSha256: '06082a8648ce3d040302',
  commonName: '0603550403',
  subjectAltName: '0603551d11',
  basicConstraints: '0603551d13',
};

/** One element of DER: tag, length, content. */
function der(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)));
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** A fresh key and a certificate that it signed for itself, good for one host name (RFC 5280, as little as is needed). */
export function selfSignedCertificate(host: string): Readonly<{ key: string; cert: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(SEQUENCE, OIDS.ecdsaWithSha256);
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, OIDS.commonName, der(UTF8_STRING, Buffer.from(host)))));
  const validity = der(
    SEQUENCE,
    der(UTC_TIME, Buffer.from('200101000000Z')),
    der(GENERALIZED_TIME, Buffer.from('21200101000000Z')),
  );
  const hostName = der(0x82, Buffer.from(host));
  const extensions = der(
    SEQUENCE,
    der(SEQUENCE, OIDS.subjectAltName, der(OCTET_STRING, der(SEQUENCE, hostName))),
    der(SEQUENCE, OIDS.basicConstraints, '0101ff', der(OCTET_STRING, der(SEQUENCE, '0101ff'))),
  );
  const content = der(
    SEQUENCE,
    ...[der(0xa0, der(INTEGER, '02')), der(INTEGER, '01'), algorithm, name, validity, name],
    ...[publicKey.export({ type: 'spki', format: 'der' }), der(0xa3, extensions)],
  );
  const signature = der(BIT_STRING, '00', sign('sha256', content, privateKey));
  const text = der(SEQUENCE, content, algorithm, signature)
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`,
  };
}
