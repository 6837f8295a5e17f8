/**
 * A disk whose power can be cut: nbdkit keeps in its cache what was not flushed, and is killed. What an operating system
 * had written but not flushed is then gone, as with a real disk.
 *
 * Needs root, Debian's nbdkit and libnbd-bin, a loop device and FUSE.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const SIZE_BYTES = 2 * 1024 ** 3;
const PATIENCE_MILLISECONDS = 10_000;
const POLL_MILLISECONDS = 50;

/** What this machine lacks for a power cut; empty when it has everything. */
export function missingForPowerCuts(): readonly string[] {
  const programs = ['nbdkit', 'nbdfuse', 'losetup', 'mkfs.ext4', 'mount', 'umount'];
  const missing = programs.filter((program) => !isThere(program)).map((program) => `the program ${program}`);
  if (process.getuid?.() !== 0) missing.unshift('root');
  for (const device of ['/dev/fuse', '/dev/loop-control']) {
    if (!existsSync(device)) missing.push(device);
  }
  return missing;
}

export class PowerDisk {
  readonly #folder: string;
  #server: ChildProcess | undefined;
  #fuse: ChildProcess | undefined;
  #loop = '';
  #isFormatted = false;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(this.mountPoint, { recursive: true });
    mkdirSync(this.#fuseFolder, { recursive: true });
    writeFileSync(this.#image, '');
    truncateSync(this.#image, SIZE_BYTES);
  }

  get mountPoint(): string {
    return join(this.#folder, 'disk');
  }

  get #fuseFolder(): string {
    return join(this.#folder, 'nbd');
  }

  get #image(): string {
    return join(this.#folder, 'disk.img');
  }

  /** Effects: the disk is mounted; a journal that was being written is replayed by the file system itself. */
  async powerOn(): Promise<void> {
    const socket = join(this.#folder, 'nbd.sock');
    rmSync(socket, { force: true });
    const server = ['-f', '-U', socket, '--filter=cache', 'file', this.#image, 'cache=writeback'];
    this.#server = spawn('nbdkit', server, { stdio: 'ignore', env: { ...process.env, TMPDIR: this.#folder } });
    await until(() => existsSync(socket), 'nbdkit');
    const device = join(this.#fuseFolder, 'nbd');
    this.#fuse = spawn('nbdfuse', ['-C', '1', device, `nbd+unix:///?socket=${socket}`], { stdio: 'ignore' });
    await until(() => existsSync(device), 'nbdfuse');
    this.#loop = run('losetup', ['--find', '--show', device]);
    if (!this.#isFormatted) run('mkfs.ext4', ['-q', '-F', '-E', 'nodiscard', this.#loop]);
    this.#isFormatted = true;
    run('mount', ['-o', 'nodiscard', this.#loop, this.mountPoint]);
  }

  /** Everything written so far reaches the disk. */
  flush(): void {
    run('sync', ['-f', this.mountPoint]);
  }

  /**
   * The cut: from here on nothing reaches the disk.
   *
   * Effects: whatever runs on it gets errors; end it before {@link clearAway}
   */
  cut(): void {
    this.#server?.kill('SIGKILL');
  }

  /** Takes away what the machine still holds of the dead disk, pages in memory included. */
  async clearAway(): Promise<void> {
    await eventually(() => run('umount', ['-f', this.mountPoint]));
    await eventually(() => run('losetup', ['-d', this.#loop]));
    this.#fuse?.kill('SIGKILL');
    await eventually(() => run('umount', ['-l', this.#fuseFolder]));
  }

  async destroy(): Promise<void> {
    this.cut();
    await this.clearAway().catch(() => {});
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isThere(program: string): boolean {
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .some((folder) => existsSync(join(folder, program)));
}

function run(program: string, parameters: readonly string[]): string {
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  return execFileSync(program, [...parameters], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: path },
  }).trim();
}

/** What is busy now may be let go of a moment later. */
async function eventually(act: () => unknown): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    try {
      act();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await wait(POLL_MILLISECONDS);
    }
  }
}

async function until(isDone: () => boolean, name: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  while (!isDone()) {
    if (performance.now() > deadline) throw new Error(`${name} did not start`);
    await wait(POLL_MILLISECONDS);
  }
}
