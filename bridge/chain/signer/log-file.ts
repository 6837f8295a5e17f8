import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { SettlementError } from '../../../ledger-service/vocabulary/errors.ts';

/** Where a signer keeps its records: a file, or a simulation's memory. */
export interface RecordFile {
  /** Everything that was ever appended and is durable. */
  read(): Buffer;
  readAt(place: Place): Buffer;
  /** Returns once the bytes are on the disk. */
  append(bytes: Buffer): void;
  length(): number;
  /** Lets go of what a crash left half written at the end. */
  truncate(length: number): void;
  /** The last line that was said to be there; may lag behind a crash, is never ahead of the file. */
  readHead(): string | undefined;
  writeHead(head: string): void;
  close(): void;
}

/** Where a line stands, in bytes, without its end. */
export type Place = Readonly<{ from: number; length: number }>;

/**
 * A file that is only ever appended to.
 *
 * It is opened for synchronous writing: Node's permission model takes `fsync` away, and a write that returns only when
 * its bytes are on the disk is what is needed here anyway.
 */
export function openRecordFile(path: string): RecordFile {
  const { O_APPEND, O_CREAT, O_DSYNC, O_SYNC, O_WRONLY } = constants;
  const descriptor = openSync(path, O_WRONLY | O_CREAT | O_APPEND | (O_DSYNC ?? O_SYNC ?? 0), 0o600);
  const headPath = `${path}.head`;
  return {
    read: () => readWhole(path),
    readAt: ({ from, length }) => readPart(path, from, length),
    length: () => fstatSync(descriptor).size,
    append(bytes) {
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    },
    truncate: (length) => truncateSync(path, length),
    readHead: () => (existsSync(headPath) ? readFileSync(headPath, 'utf8') : undefined),
    writeHead(head) {
      const file = openSync(headPath, O_WRONLY | O_CREAT, 0o600);
      writeSync(file, head, 0);
      closeSync(file);
    },
    close: () => closeSync(descriptor),
  };
}

function readWhole(path: string): Buffer {
  return readPart(path, 0, statSync(path).size);
}

function readPart(path: string, from: number, length: number): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    const bytes = Buffer.alloc(length);
    for (let read = 0; read < length; ) {
      const more = readSync(descriptor, bytes, read, length - read, from + read);
      if (more === 0) return bytes.subarray(0, read);
      read += more;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}

const NEWLINE = 0x0a;
const HASH_LENGTH = 64;
const FIRST_HASH = '0'.repeat(HASH_LENGTH);
/** Wide enough for every number of lines, so that each head overwrites the one before it. */
const COUNT_WIDTH = 12;

/**
 * Lines that name each other: `<hash> <JSON>`, the hash over the hash before and the JSON.
 *
 * A line that a crash cut short has no end and was never answered, so it is taken away. Any other line that does not
 * fit, or a file that ends before its head, was changed by somebody.
 */
export class RecordLog {
  readonly #file: RecordFile;
  #hash = FIRST_HASH;
  #count = 0;
  #length = 0;
  #isBroken = false;

  private constructor(file: RecordFile) {
    this.#file = file;
  }

  /**
   * Shape:  `each` gets every record in order
   * Errors: thrown SIGNER_STORE_TAMPERED
   */
  static open(file: RecordFile, each: (record: unknown, place: Place) => void): RecordLog {
    const log = new RecordLog(file);
    const head = readHead(file.readHead());
    const bytes = file.read();
    let from = 0;
    let headFound = head === undefined || head.count === 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, from);
      if (end === -1) break;
      const json = log.#check(bytes.toString('utf8', from, end));
      if (head?.count === log.#count) headFound = head.hash === log.#hash;
      each(JSON.parse(json), { from, length: end - from });
      from = end + 1;
    }
    if (!headFound) {
      throw tampered(`the store has ${log.#count} lines and had ${head?.count}`, log.#count);
    }
    if (from < bytes.length) file.truncate(from);
    log.#length = from;
    return log;
  }

  /** How many lines there are, and the hash of the last one. */
  get head(): Readonly<{ count: number; hash: string }> {
    return { count: this.#count, hash: this.#hash };
  }

  /**
   * Shape:   → where each of them stands
   * Effects: durable when it returns; all of them or, after a crash, a first part of them
   * Errors:  thrown SIGNER_UNAVAILABLE once a write has failed: what it left is only known by reading the file anew
   */
  append(records: readonly unknown[]): readonly Place[] {
    if (records.length === 0) return [];
    if (this.#isBroken) throw new SettlementError('SIGNER_UNAVAILABLE', 'the store could not be written; start again');
    let hash = this.#hash;
    let length = this.#length;
    const places: Place[] = [];
    const lines = records.map((record) => {
      const json = JSON.stringify(record);
      hash = hashOf(hash, json);
      const line = Buffer.from(`${hash} ${json}\n`, 'utf8');
      places.push({ from: length, length: line.length - 1 });
      length += line.length;
      return line;
    });
    this.#isBroken = true;
    // Another signer on the same store would be the end of every promise.
    if (this.#file.length() !== this.#length) throw tampered('somebody else writes to the store', this.#count);
    this.#file.append(Buffer.concat(lines));
    this.#isBroken = false;
    [this.#hash, this.#length] = [hash, length];
    this.#count += records.length;
    this.#file.writeHead(`${String(this.#count).padStart(COUNT_WIDTH, '0')} ${hash}\n`);
    return places;
  }

  /** A record as it stands at its place. */
  readAt(place: Place): unknown {
    return JSON.parse(
      this.#file
        .readAt(place)
        .toString('utf8')
        .slice(HASH_LENGTH + 1),
    );
  }

  close(): void {
    this.#file.close();
  }

  #check(line: string): string {
    const json = line.slice(HASH_LENGTH + 1);
    this.#count += 1;
    const hash = hashOf(this.#hash, json);
    if (line.slice(0, HASH_LENGTH) !== hash)
      throw tampered(`line ${this.#count} is not as it was written`, this.#count);
    this.#hash = hash;
    return json;
  }
}

function readHead(text: string | undefined): Readonly<{ count: number; hash: string }> | undefined {
  const found = /^(\d{12}) ([0-9a-f]{64})\n$/.exec(text ?? '');
  // A head that a crash cut short says nothing; the chain is the other witness.
  return found ? { count: Number(found[1]), hash: found[2]! } : undefined;
}

function hashOf(before: string, json: string): string {
  return createHash('sha256').update(before).update(json).digest('hex');
}

function tampered(message: string, line: number): SettlementError {
  return new SettlementError('SIGNER_STORE_TAMPERED', message, { line });
}
