import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './ledger-service/schema/*.ts',
  out: './ledger-service/migrations',
  schemaFilter: ['ledger'],
});
