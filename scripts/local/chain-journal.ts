/**
 * The journal of the local chain: `chain.ndjson`, a header and then one line per block.
 *
 * Hardhat keeps its chain in memory only; from the same first date and the same signed transactions at the same
 * timestamps it makes the same block hashes again, so this file is the chain. A block counts once its line is on disk.
 */
import { mkdirSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Hex } from 'viem';
import { z } from 'zod';
import { SettlementError } from '../../ledger-service/vocabulary/errors.ts';

const hex = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})+$/)
  .transform((text) => text as Hex);
const headerLine = z.strictObject({
  journal: z.literal('specie-chain'),
  version: z.literal(1),
  chainId: z.int(),
  initialDate: z.iso.datetime(),
  hardfork: z.string(),
  genesisHash: hex,
});
const blockLine = z.strictObject({
  height: z.int(),
  timestamp: z.int(),
  transactions: z.array(hex),
  hash: hex,
});

/** `initialDate` is the timestamp of block 0, in whole seconds. */
export type JournalHeader = Readonly<z.infer<typeof headerLine>>;
/** `transactions` are the raw signed ones, in the order in which the block holds them; `timestamp` is in seconds. */
export type JournalBlock = Readonly<z.infer<typeof blockLine>>;
/** `soundBytes` is how much of the file is whole lines; what follows was cut off in the middle of a write. */
export type JournalContent = Readonly<{ header: JournalHeader; blocks: readonly JournalBlock[]; soundBytes: number }>;

const NEWLINE = 0x0a;
const CLOSING_BRACE = 0x7d;

/**
 * Shape:  → what the file says; `undefined` when there is none, or a crash came before its first line was whole
 * Errors: thrown JOURNAL_MISMATCH, naming the line, for any damage but a last line that was not written to its end
 */
export async function readJournal(file: string): Promise<JournalContent | undefined> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!bytes) return undefined;
  const soundBytes = bytes.lastIndexOf(NEWLINE) + 1;
  const lines = soundBytes === 0 ? [] : bytes.toString('utf8', 0, soundBytes - 1).split('\n');
  refuseUnlessTorn(bytes.subarray(soundBytes), lines.length + 1);
  const [first, ...rest] = lines;
  if (first === undefined) return undefined;
  const header = readLine(headerLine, first, 1);
  const blocks = rest.map((line, index) => {
    const block = readLine(blockLine, line, index + 2);
    if (block.height !== index + 1) throw damaged(index + 2, `it says height ${block.height}, not ${index + 1}`);
    return block;
  });
  return { header, blocks, soundBytes };
}

/** A line has one closing brace, its last byte: a tail that goes on after one was not cut off, it was changed. */
function refuseUnlessTorn(tail: Buffer, line: number): void {
  const end = tail.indexOf(CLOSING_BRACE);
  if (end !== -1 && end !== tail.length - 1) throw damaged(line, 'bytes follow its end');
}

function readLine<Shape extends z.ZodType>(shape: Shape, text: string, line: number): z.infer<Shape> {
  try {
    return shape.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(line, 'it cannot be read', error);
  }
}

function damaged(line: number, why: string, cause?: unknown): SettlementError {
  return new SettlementError(
    'JOURNAL_MISMATCH',
    `line ${line} of the chain journal is damaged: ${why}`,
    { line },
    { cause },
  );
}

/** Appends to the journal; every line is on disk when its promise is kept. One writer at a time. */
export class JournalWriter {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** A new journal. Effects: the file, readable by its owner only, with its header on disk. */
  static async create(path: string, header: JournalHeader): Promise<JournalWriter> {
    mkdirSync(dirname(path), { recursive: true });
    const writer = new JournalWriter(await open(path, 'w', 0o600));
    await writer.#append(header);
    // The name of a new file is in its folder, which has a disk write of its own. Windows cannot open folders.
    if (process.platform !== 'win32') {
      const folder = await open(dirname(path), 'r');
      await folder.sync();
      await folder.close();
    }
    return writer;
  }

  /** Goes on with a journal that was read. Effects: cuts off what follows its last whole line. */
  static async resume(path: string, content: JournalContent): Promise<JournalWriter> {
    const cut = await open(path, 'r+');
    await cut.truncate(content.soundBytes);
    await cut.sync();
    await cut.close();
    return new JournalWriter(await open(path, 'a'));
  }

  append(block: JournalBlock): Promise<void> {
    return this.#append(block);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #append(line: JournalHeader | JournalBlock): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify(line)}\n`);
    await this.#file.datasync();
  }
}
