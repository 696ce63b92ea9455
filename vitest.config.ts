import { defineConfig } from 'vitest/config';
import { timed } from './qemu-test/timed.ts';

const evidence = 'qemu-test/evidence/**/*.test.ts';

const alone = timed.map((name) => `qemu-test/promises/${name}.test.ts`);
const lab = {
  globalSetup: ['qemu-test/image/before.ts'],
  setupFiles: ['qemu-test/evidence/setup.ts'],
  testTimeout: 240_000,
  hookTimeout: 240_000,
};

export default defineConfig({
  test: {
    // Two files at a time keep two cores busy; three starved a router until a command of a second took a minute.
    maxWorkers: 2,
    minWorkers: 1,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['agent/test/**/*.test.ts', 'bundle/**/*.test.ts', evidence],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...lab,
          name: 'lab',
          include: ['qemu-test/**/*.test.ts'],
          exclude: [evidence, ...alone, '**/node_modules/**'],
        },
      },
      { test: { ...lab, name: 'timed', include: alone, poolOptions: { forks: { singleFork: true } } } },
    ],
  },
});
