import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Many minutes each: by `npm run test:qemu` alone.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env.SEKISHO_QEMU === 'long' ? [] : ['test/qemu/long/**']),
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
