import { defineConfig } from 'vitest/config';

const evidence = 'qemu-test/evidence/**/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['agent/test/**/*.test.ts', 'bundle/**/*.test.ts', evidence],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['qemu-test/**/*.test.ts'],
          exclude: [evidence, '**/node_modules/**'],
          setupFiles: ['qemu-test/evidence/setup.ts'],
          // One topology at a time: emulated routers share two cores.
          poolOptions: { forks: { singleFork: true } },
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
