import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isLoopbackAddress } from './domain/addresses.ts';
import { hostOf, mayConnectTo, type Reach, refusedAddress, refusedUrl } from './domain/endpoint-url.ts';

export type Resolver = (hostname: string) => Promise<readonly string[]>;

/** Every address that the machine's own resolver has for a name. */
export const systemResolver: Resolver = async (hostname) => {
  const found = await lookup(hostname, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
};

/**
 * The one address to connect to. Every address of the name is judged, since whoever connects later might take any of
 * them; and the judged one is handed on, so that no second look-up can answer otherwise.
 *
 * Errors: thrown WEBHOOK_URL_REFUSED, reason `address` or `unresolvable`
 */
export async function judgedAddress(url: URL, resolver: Resolver, reach: Reach): Promise<string> {
  const host = hostOf(url);
  const addresses = isIP(host) === 0 ? await resolver(host).catch(() => []) : [host];
  const [first] = addresses;
  if (first === undefined) throw refusedUrl('unresolvable', 'the host has no address');
  // Without TLS nobody proves who answers: plain http stays on this machine.
  const may = url.protocol === 'https:' ? (address: string) => mayConnectTo(address, reach) : isLoopbackAddress;
  if (!addresses.every(may)) throw refusedAddress();
  return first;
}
