import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { html, raw } from 'hono/html';
import { createRoom, type Room } from '../../ledger-service/platform/http/room.ts';
import { errorCatalogue } from '../../ledger-service/vocabulary/errors.ts';

const SWAGGER_FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};
/** Pages load nothing from anywhere else; the API page styles itself inline. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

const STYLE = `
  :root { color-scheme: light dark; --line: #8884; }
  body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; font-family: ui-monospace, monospace; margin: 2rem 0 .25rem; }
  h2:target { background: #fd03; outline: 2px solid #c90; outline-offset: 4px; }
  a { color: inherit; } code { font-family: ui-monospace, monospace; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
  dt { opacity: .75; } dd { margin: 0; }
  ul { padding-left: 1.2rem; } li { margin: .3rem 0; }
  .muted { opacity: .75; }
  @media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
`;

/** The pages for people: where to go, the API with every address, and every error with cause and remedy. */
export function pageRoutes(
  dependencies: Readonly<{ title: string; chainId: number; describe(): Record<string, unknown> }>,
): Room {
  const room = createRoom();
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const files = new Map<string, Uint8Array<ArrayBuffer>>();

  room.use(async (context, next) => {
    await next();
    const type = context.res.headers.get('content-type') ?? '';
    if (type.startsWith('text/html')) context.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    context.header('X-Content-Type-Options', 'nosniff');
  });

  room.get('/', (context) =>
    context.html(
      page(
        dependencies.title,
        html`<h1>${dependencies.title}</h1>
          <p>Settles payments between whoever pays and whoever is paid. Chain ${dependencies.chainId}.</p>
          <ul>
            <li><a href="/docs">API</a>: every address, to read and to try</li>
            <li><a href="/docs/errors">Errors</a>: every code with its cause and remedy</li>
            <li><a href="/openapi.json">openapi.json</a>: the same for programs</li>
            <li><a href="/readyz">Readiness</a> · <a href="/metrics">metrics</a></li>
          </ul>`,
      ),
    ),
  );

  room.get('/docs/errors', (context) => {
    const sections = Object.entries(errorCatalogue)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(
        ([code, { status, retryable, title, cause, remedy }]) =>
          html`<h2 id="${code}">${code}</h2>
            <dl>
              <dt>Means</dt>
              <dd>${title}. HTTP ${status}; ${retryable ? 'worth trying again unchanged' : 'final for this request'}.</dd>
              <dt>Cause</dt>
              <dd>${withCode(cause)}</dd>
              <dt>Remedy</dt>
              <dd>${withCode(remedy)}</dd>
            </dl>`,
      );
    return context.html(page('Errors', html`<h1>Errors</h1>${sections}`));
  });

  room.get('/docs', (context) =>
    context.html(html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>${dependencies.title} API</title>
          <link rel="icon" href="/docs/assets/favicon-32x32.png" />
          <link rel="stylesheet" href="/docs/assets/swagger-ui.css" />
        </head>
        <body>
          <div id="page"></div>
          <script src="/docs/assets/swagger-ui-bundle.js"></script>
          <script src="/docs/assets/start.js"></script>
        </body>
      </html>`),
  );

  room.get('/docs/assets/start.js', (context) =>
    context.body(
      "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true, validatorUrl: null, persistAuthorization: true });\n",
      200,
      { 'Content-Type': 'text/javascript; charset=utf-8' },
    ),
  );

  room.get('/docs/assets/:file', (context) => {
    const name = context.req.param('file');
    const type = SWAGGER_FILES[name];
    if (!type) return context.notFound();
    const body = files.get(name) ?? new Uint8Array(readFileSync(join(folder, name)));
    files.set(name, body);
    return context.body(body, 200, { 'Content-Type': type, 'Cache-Control': 'max-age=3600' });
  });

  room.get('/openapi.json', (context) => context.json(dependencies.describe()));
  return room;
}

/** Words between backticks are names of fields and commands. */
function withCode(text: string) {
  return text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
}

function page(title: string, body: unknown) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html>`;
}
