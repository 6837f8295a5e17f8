import type { Socket } from 'node:net';

/** More than the largest request: what is longer is no request. */
const MOST_BYTES = 4 << 20;

/** Cuts what arrives into lines; a line that is too long ends the connection. */
export function readLines(socket: Socket, take: (line: string) => void): void {
  let pieces: Buffer[] = [];
  let length = 0;
  socket.on('data', (bytes: Buffer) => {
    let from = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, from)) {
      pieces.push(bytes.subarray(from, end));
      const line = Buffer.concat(pieces).toString('utf8');
      [pieces, length, from] = [[], 0, end + 1];
      take(line);
    }
    pieces.push(bytes.subarray(from));
    length += bytes.length - from;
    if (length > MOST_BYTES) socket.destroy();
  });
}
