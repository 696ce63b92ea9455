import { defineConfig } from 'vitest/config';
import { guestless } from './qemu-test/guestless.ts';
import { timed } from './qemu-test/timed.ts';

const evidence = 'qemu-test/evidence/**/*.test.ts';

const pathsOf = (names: readonly string[]): string[] => names.map((name) => `qemu-test/promises/${name}.test.ts`);
const [alone, onHost] = [pathsOf(timed), pathsOf(guestless)];
const setupFiles = ['qemu-test/evidence/setup.ts'];
const lab = {
  globalSetup: ['qemu-test/image/before.ts'],
  setupFiles,
  testTimeout: 240_000,
  hookTimeout: 240_000,
};

export default defineConfig({
  test: {
    // Two meshes at a time keep two cores busy: with three, a file takes half as long again, and all of them as long.
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
          exclude: [evidence, ...alone, ...onHost, '**/node_modules/**'],
        },
      },
      { test: { name: 'host', include: onHost, setupFiles, testTimeout: 60_000, hookTimeout: 60_000 } },
      { test: { ...lab, name: 'timed', include: alone, poolOptions: { forks: { singleFork: true } } } },
    ],
  },
});
