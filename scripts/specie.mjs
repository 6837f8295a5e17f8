#!/usr/bin/env node
// The `specie` command: hands over to scripts/specie.ts under Node 24, from whatever folder it is called.
import { fileURLToPath } from 'node:url';

process.argv = [process.argv[0], fileURLToPath(import.meta.url), 'scripts/specie.ts', ...process.argv.slice(2)];
await import('./bootstrap.mjs');
