import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

/** A server that speaks what Web3Signer speaks in eth1 mode, with a real key; `change` makes it sign something else. */
export type Web3SignerDouble = {
  readonly url: string;
  change: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
};

type Call = Readonly<Record<'from' | 'to' | 'data', Hex>> &
  Readonly<Record<'value' | 'nonce' | 'gas' | 'maxFeePerGas' | 'maxPriorityFeePerGas', string>>;

export async function startWeb3Signer(secret: Hex, chainId = 31_337): Promise<Web3SignerDouble> {
  const account = privateKeyToAccount(secret);
  const double: { change: Readonly<Record<string, unknown>> } = { change: {} };
  const sign = (asked: Call) => {
    if (asked.from.toLowerCase() !== account.address.toLowerCase()) throw new Error('no such key');
    const call = { ...asked, ...double.change } as Call;
    return account.signTransaction({
      type: 'eip1559',
      chainId,
      nonce: Number(call.nonce),
      to: call.to,
      data: call.data,
      value: BigInt(call.value),
      gas: BigInt(call.gas),
      maxFeePerGas: BigInt(call.maxFeePerGas),
      maxPriorityFeePerGas: BigInt(call.maxPriorityFeePerGas),
    });
  };
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', async () => {
      const { id, method, params } = JSON.parse(Buffer.concat(pieces).toString('utf8')) as {
        id: number;
        method: string;
        params: [Call];
      };
      const answer = await Promise.resolve()
        .then(() => {
          if (method !== 'eth_signTransaction') throw new Error(`no method ${method}`);
          return sign(params[0]);
        })
        .then(
          (result) => ({ result }),
          (error: Error) => ({ error: { code: -32_000, message: error.message } }),
        );
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(double, {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
