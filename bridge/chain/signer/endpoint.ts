import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';

/** Where a signer listens: a socket of this machine, or a port of loopback with a secret. */
export type SignerEndpoint = Readonly<{ path: string }> | Readonly<{ host: '127.0.0.1'; port: number; secret: string }>;

/** Errors: thrown CONFIGURATION_INVALID for an address that is neither `unix:…` nor `tcp://127.0.0.1:…` with a secret. */
export function parseSignerEndpoint(url: string, secret: string | undefined): SignerEndpoint {
  const path = /^unix:(.+)$/.exec(url)?.[1];
  if (path) return { path };
  const port = /^tcp:\/\/127\.0\.0\.1:(\d{1,5})$/.exec(url)?.[1];
  if (port && secret) return { host: '127.0.0.1', port: Number(port), secret };
  throw new SettlementError(
    'CONFIGURATION_INVALID',
    'SIGNER_URL is unix:/path/of/the/socket, or tcp://127.0.0.1:port with a SIGNER_SECRET',
    { param: 'SIGNER_URL' },
  );
}
