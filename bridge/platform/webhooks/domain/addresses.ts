import { BlockList, isIP } from 'node:net';

/**
 * Which addresses webhooks go to: public unicast ones, and nothing else. The lists are those of IANA's registries of
 * special-purpose addresses (RFC 6890), with two that clouds answer on from within.
 */
const REFUSED_IPV4: readonly (readonly [address: string, prefix: number])[] = [
  ['0.0.0.0', 8], // this network; on many systems 0 is the machine itself
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // shared by a carrier's customers; a cloud's metadata too
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // a cloud's platform, reachable from its machines only
  ['169.254.0.0', 16], // link-local: clouds hand out keys at 169.254.169.254
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
];
/**
 * Of IPv6 only 2000::/3 is public at all. So what wraps an IPv4 address outside of it (::ffff:0:0/96, ::/96 and NAT64's
 * 64:ff9b::/96), loopback, link-local, unique local and multicast need no line of their own.
 */
const PUBLIC_IPV6 = ['2000::', 3] as const;
const REFUSED_IPV6: readonly (readonly [address: string, prefix: number])[] = [
  ['2001::', 23], // protocol assignments; Teredo, which wraps IPv4, is one
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which wraps IPv4
  ['3fff::', 20], // documentation
];

const refused = new BlockList();
for (const [address, prefix] of REFUSED_IPV4) refused.addSubnet(address, prefix, 'ipv4');
for (const [address, prefix] of REFUSED_IPV6) refused.addSubnet(address, prefix, 'ipv6');
const publicIpv6 = new BlockList();
publicIpv6.addSubnet(PUBLIC_IPV6[0], PUBLIC_IPV6[1], 'ipv6');
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** False for whatever is not an address, a zone (`fe80::1%eth0`) included. */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%')) return false;
  const family = isIP(address);
  if (family === 4) return !refused.check(address, 'ipv4');
  return family === 6 && publicIpv6.check(address, 'ipv6') && !refused.check(address, 'ipv6');
}

export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0 || address.includes('%')) return false;
  // An address that wraps another one is never loopback here, though a system may take it there.
  if (family === 6) return address === '::1';
  return loopback.check(address, 'ipv4');
}
