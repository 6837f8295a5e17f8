// Plain JavaScript without dependencies: the first thing that runs on a new machine, also under an old Node.
// It brings the locked packages (and with them Node 24) when they are missing or out of date, then hands over.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REQUIRED_NODE_MAJOR = 24;
const root = fileURLToPath(new URL('..', import.meta.url));
const isWindows = process.platform === 'win32';
const [target, ...targetArguments] = process.argv.slice(2);
const quiet = targetArguments.includes('--json');

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(problem, remedy) {
  say(`✖ ${problem}\n  ${remedy}`);
  process.exit(1);
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

const stampFile = join(root, 'node_modules', '.specie-installed');

function isInstalled() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === lockDigest();
}

function install() {
  const started = Date.now();
  if (!quiet) say('▸ Installing the locked packages; about 90 s, the first time only');
  const line = setInterval(() => {
    if (!quiet) say(`  … still installing, ${Math.round((Date.now() - started) / 1000)} s`);
  }, 10_000);
  // npm itself must run under Node 24: packages with a lower bound on Node are left out silently otherwise.
  const ownNodeIsNew = Number(process.versions.node.split('.')[0]) >= REQUIRED_NODE_MAJOR;
  const [command, commandArguments] = ownNodeIsNew
    ? ['npm', ['ci']]
    : ['npx', ['--yes', '--package', `node@${REQUIRED_NODE_MAJOR}`, '--call', 'npm ci']];
  return new Promise((resolve) => {
    const child = spawn(command, commandArguments, { cwd: root, shell: isWindows, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk) => {
      output = (output + chunk).slice(-8_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => {
      clearInterval(line);
      fail(`npm could not be started: ${error.message}`, 'Install Node.js with npm, then run the same command again.');
    });
    child.on('exit', (code) => {
      clearInterval(line);
      if (code !== 0) {
        say(output);
        fail(
          `npm ci ended with code ${code}`,
          'Look at the lines above; a network that reaches the npm registry is needed once.',
        );
      }
      mkdirSync(join(root, 'node_modules'), { recursive: true });
      writeFileSync(stampFile, `${lockDigest()}\n`);
      if (!quiet) say(`✔ Packages installed in ${Math.round((Date.now() - started) / 1000)} s`);
      resolve();
    });
  });
}

function nodeBinary() {
  if (Number(process.versions.node.split('.')[0]) >= REQUIRED_NODE_MAJOR) return process.execPath;
  const fromPackage = join(root, 'node_modules', 'node', 'bin', isWindows ? 'node.exe' : 'node');
  if (!existsSync(fromPackage)) {
    fail(
      `Node ${REQUIRED_NODE_MAJOR} is missing and the npm package «node» has no binary for this platform`,
      `Install Node ${REQUIRED_NODE_MAJOR} by hand, then run the same command again.`,
    );
  }
  const probe = spawnSync(fromPackage, ['--version'], { encoding: 'utf8' });
  if (probe.status !== 0)
    fail(`${fromPackage} does not run: ${probe.stderr ?? probe.error}`, 'Remove node_modules and try again.');
  return fromPackage;
}

if (!target) fail('bootstrap needs the script to run', 'Example: node scripts/bootstrap.mjs scripts/start.ts');
if (!isInstalled()) await install();
const node = nodeBinary();

const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(root, target), ...targetArguments], {
  cwd: process.cwd(),
  stdio: 'inherit',
  env: {
    ...process.env,
    // Scripts that start further programs find Node 24 and the packages' own commands first.
    PATH: [join(node, '..'), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter),
  },
});
// The child decides how to end; this process only passes the wish on and takes over its exit code.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A terminal sends SIGINT to the whole group, so the child has it already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) =>
  fail(`${target} could not be started: ${error.message}`, 'Try `npm run reset`, then again.'),
);
child.on('exit', (code, signal) => {
  process.exit(code ?? (signal ? 128 + (constants.signals[signal] ?? 0) : 1));
});
