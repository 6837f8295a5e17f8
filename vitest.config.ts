import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres-global.ts'],
    pool: 'forks',
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
