import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './bridge/schema/*.ts',
  out: './bridge/migrations',
  schemaFilter: ['bridge', 'issuer_host'],
});
