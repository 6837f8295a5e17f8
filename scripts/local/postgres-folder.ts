/** Where the embedded Postgres of a run keeps its cluster. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const OTHERS_MAY_ENTER = 0o001;
const SHARED_FOLDER = '/var/tmp';

/**
 * The run's own folder; but Postgres never runs as root, and the user it then runs as may not be able to enter a folder
 * below root's home: the cluster is then kept beside, under a name made from the run's folder.
 */
export function postgresFolderOf(folder: string): string {
  const inside = join(resolve(folder), 'postgres');
  if (process.getuid?.() !== 0 || canOthersEnter(resolve(folder))) return inside;
  const name = createHash('sha256').update(inside).digest('hex').slice(0, 12);
  return join(SHARED_FOLDER, `specie-postgres-${name}`);
}

function canOthersEnter(folder: string): boolean {
  for (let path = folder; ; path = dirname(path)) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && (stat.mode & OTHERS_MAY_ENTER) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
