import { describe, expect, test } from 'vitest';
import { isPublicAddress } from '../../../../bridge/platform/webhooks/domain/addresses.ts';
import { readEndpointUrl } from '../../../../bridge/platform/webhooks/domain/endpoint-url.ts';
import { judgedAddress } from '../../../../bridge/platform/webhooks/resolve.ts';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';

const PUBLIC = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
  ...['128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'],
  ...['198.17.255.255', '198.20.0.0', '223.255.255.255', '168.63.129.15'],
  ...['2606:4700:4700::1111', '2a00:1450:4001:82a::200e', '2001:4860:4860::8888', '2001:200::1', '3ffe::1'],
];
const REFUSED: readonly (readonly [kind: string, addresses: readonly string[]])[] = [
  ['this network', ['0.0.0.0', '0.1.2.3', '0.255.255.255']],
  ['private', ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255']],
  ['carriers, and metadata in their range', ['100.64.0.1', '100.100.100.200', '100.127.255.255']],
  ['loopback', ['127.0.0.1', '127.1.2.3', '127.255.255.255', '::1']],
  ['link-local, and metadata', ['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::a9fe:a9fe', 'febf::1']],
  ['a cloud’s platform', ['168.63.129.16']],
  ['protocols and documentation', ['192.0.0.8', '192.0.2.1', '198.51.100.7', '203.0.113.9', '2001:db8::1', '3fff::1']],
  ['benchmarks', ['198.18.0.1', '198.19.255.255', '2001:2::1']],
  ['multicast, reserved, broadcast', ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1']],
  ['unspecified', ['::', '::0']],
  ['unique local', ['fc00::1', 'fd00:ec2::254', 'fdff::1']],
  ['site-local, long deprecated', ['fec0::1']],
  ['IPv4 in IPv6', ['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '::ffff:0:127.0.0.1']],
  ['NAT64', ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::808:808', '64:ff9b:1::1']],
  ['6to4 and Teredo', ['2002:7f00:1::1', '2002:808:808::1', '2001:0:1::1', '2001::1']],
  ['a discard-only prefix, and segment routing', ['100::1', '5f00::1']],
  ['a zone', ['fe80::1%eth0', '2606:4700:4700::1111%1', '::1%lo']],
  ['what is no address', ['', 'localhost', '127.1', '0x7f.1', '2130706433', '1.2.3.4.5', '1.2.3.256', ':::1']],
];

describe('addresses: what webhooks may connect to', () => {
  test.each(PUBLIC)('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  test.each(REFUSED.flatMap(([kind, addresses]) => addresses.map((address) => [kind, address] as const)))(
    '%s: %s is refused',
    (_, address) => {
      expect(isPublicAddress(address)).toBe(false);
    },
  );
});

const reasonOf = (work: () => unknown) => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof SettlementError)) throw error;
    expect(error.code).toBe('WEBHOOK_URL_REFUSED');
    return error.details.reason;
  }
};

describe('endpoint URLs', () => {
  const refused: readonly (readonly [url: string, reason: string])[] = [
    ['http://shop.example/hook', 'scheme'],
    ['ftp://shop.example/', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['gopher://127.0.0.1:6379/_', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['shop.example/hook', 'form'],
    ['https://', 'form'],
    ['https://[fe80::1%25eth0]/', 'form'],
    ['https://1.2.3.4.5.6.300/', 'form'],
    ['https://user@shop.example/', 'credentials'],
    ['https://user:secret@shop.example/', 'credentials'],
    ['https://8.8.8.8@127.0.0.1/', 'credentials'],
    ['https://shop.example/#part', 'fragment'],
    [`https://shop.example/${'a'.repeat(2_048)}`, 'length'],
    ['https://127.0.0.1/', 'address'],
    ['https://2130706433/', 'address'],
    ['https://0x7f000001/', 'address'],
    ['https://0177.0.0.1/', 'address'],
    ['https://0x7f.1/', 'address'],
    ['https://127.1/', 'address'],
    ['https://0/', 'address'],
    ['https://１２７.0.0.1/', 'address'],
    ['https://127。0。0。1/', 'address'],
    ['https://169.254.169.254/latest/meta-data', 'address'],
    ['https://0xA9FEA9FE/', 'address'],
    ['https://[::1]/', 'address'],
    ['https://[::ffff:127.0.0.1]/', 'address'],
    ['https://[0:0:0:0:0:ffff:7f00:1]/', 'address'],
    ['https://[64:ff9b::a9fe:a9fe]/', 'address'],
    ['https://[2002:7f00:1::]/', 'address'],
    ['https://[fd00:ec2::254]/', 'address'],
  ];
  test.each(refused)('%s is refused: %s', (url, reason) => {
    expect(reasonOf(() => readEndpointUrl(url, { loopback: false }))).toBe(reason);
  });

  test('a local run may send to this machine, without TLS too, and to no other without it', () => {
    const local = { loopback: true };
    for (const url of ['http://127.0.0.1:9/hook', 'http://localhost:9/', 'http://[::1]:9/', 'https://127.0.0.2/']) {
      expect(readEndpointUrl(url, local).href).toBe(url);
    }
    expect(reasonOf(() => readEndpointUrl('http://shop.example/', local))).toBe('scheme');
    expect(reasonOf(() => readEndpointUrl('http://10.0.0.1/', local))).toBe('scheme');
    expect(reasonOf(() => readEndpointUrl('https://10.0.0.1/', local))).toBe('address');
    expect(reasonOf(() => readEndpointUrl('https://[::ffff:127.0.0.1]/', local))).toBe('address');
  });
});

describe('names are judged by every address they have', () => {
  const url = new URL('https://shop.example/hook');
  const judge = (addresses: readonly string[], loopback = false, at = url) =>
    judgedAddress(at, async () => addresses, { loopback }).catch((error: SettlementError) => error.details.reason);

  test('one private address among public ones is enough to refuse, wherever it stands', async () => {
    expect(await judge(['8.8.8.8', '2606:4700:4700::1111'])).toBe('8.8.8.8');
    expect(await judge(['8.8.8.8', '10.0.0.1'])).toBe('address');
    expect(await judge(['10.0.0.1', '8.8.8.8'])).toBe('address');
    expect(await judge(['8.8.8.8', '::ffff:10.0.0.1'])).toBe('address');
    expect(await judge(['fe80::1%eth0'])).toBe('address');
    expect(await judge(['127.0.0.1'])).toBe('address');
  });

  test('no address, and a resolver that fails', async () => {
    expect(await judge([])).toBe('unresolvable');
    const failing = async () => {
      throw new Error('SERVFAIL');
    };
    await expect(judgedAddress(url, failing, { loopback: false })).rejects.toMatchObject({
      code: 'WEBHOOK_URL_REFUSED',
      details: { reason: 'unresolvable' },
    });
  });

  test('plain http stays on this machine, whatever its name says', async () => {
    const plain = new URL('http://localhost:9/');
    expect(await judge(['127.0.0.1'], true, plain)).toBe('127.0.0.1');
    expect(await judge(['8.8.8.8'], true, plain)).toBe('address');
    expect(await judge(['127.0.0.1', '8.8.8.8'], true, plain)).toBe('address');
  });
});
