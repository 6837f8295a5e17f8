import { isIP } from 'node:net';
import { SettlementError } from '../../../../ledger-service/vocabulary/errors.ts';
import { isLoopbackAddress, isPublicAddress } from './addresses.ts';

export type Reach = Readonly<{
  /** A local run sends to receivers on its own machine, and there without TLS too. */
  loopback: boolean;
}>;

const LONGEST_URL = 2_048;

/**
 * Reads where an endpoint is. Names are looked up elsewhere; an address in the URL is judged here, however it is
 * written: the standard's parser turns 0x7f.1, 2130706433 and 0177.0.0.1 into 127.0.0.1 first.
 *
 * Errors: thrown WEBHOOK_URL_REFUSED with the reason
 */
export function readEndpointUrl(text: string, reach: Reach): URL {
  if (text.length > LONGEST_URL) throw refusedUrl('length', `a URL has at most ${LONGEST_URL} characters`);
  if (!URL.canParse(text)) throw refusedUrl('form', 'this is no URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refusedUrl('credentials', 'a URL here holds no credentials');
  if (url.hash !== '') throw refusedUrl('fragment', 'a fragment is never sent');
  const host = hostOf(url);
  const isLocal = reach.loopback && (host === 'localhost' || isLoopbackAddress(host));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal)) {
    throw refusedUrl('scheme', 'webhooks go over https');
  }
  if (isIP(host) !== 0 && !mayConnectTo(host, reach)) throw refusedAddress();
  return url;
}

/** The host as a name or an address, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

export function mayConnectTo(address: string, reach: Reach): boolean {
  return isPublicAddress(address) || (reach.loopback && isLoopbackAddress(address));
}

export function refusedAddress(): SettlementError {
  // Which address a name has inside is not told: it would map a network from outside.
  return refusedUrl('address', 'the host is, or has, an address that webhooks are never sent to');
}

export function refusedUrl(reason: string, message: string): SettlementError {
  return new SettlementError('WEBHOOK_URL_REFUSED', message, { param: 'url', reason });
}
