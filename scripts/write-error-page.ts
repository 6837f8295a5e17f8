/** Writes docs/errors.md from the catalogue; with `--check` it only compares. */
import { readFileSync, writeFileSync } from 'node:fs';
import { errorCatalogue } from '../ledger-service/vocabulary/errors.ts';

const page = new URL('../docs/errors.md', import.meta.url);

export function renderErrorPage(): string {
  const sections = Object.entries(errorCatalogue)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(
      ([code, { status, retryable, title, cause, remedy }]) =>
        `## ${code}\n\n${title}. HTTP ${status}, ${retryable ? 'worth trying again unchanged' : 'final for this request'}.\n\n- Cause: ${cause}\n- Remedy: ${remedy}\n`,
    );
  return `# Errors\n\nEvery code Specie answers with, written from \`ledger-service/vocabulary/errors.ts\` by \`node scripts/write-error-page.ts\`.\n\n${sections.join('\n')}`;
}

if (import.meta.main) {
  const rendered = renderErrorPage();
  if (process.argv.includes('--check')) {
    if (readFileSync(page, 'utf8') !== rendered) {
      console.error('docs/errors.md is stale: run `node scripts/write-error-page.ts`');
      process.exit(1);
    }
  } else {
    writeFileSync(page, rendered);
  }
}
