import { defineConfig } from 'vitest/config';

const evidence = 'qemu-test/evidence/**/*.test.ts';

/** These judge milliseconds, or each single packet: nothing else may run beside them. */
const timed = [
  'adding-a-peer-disturbs-nobody',
  'agent-restarted-in-lease-drops-nobody',
  'broker-loss-changes-nothing',
  'closed-while-firewall-stopped',
  'map-expires',
  'package-installs-upgrades-leaves',
  'removed-member-is-cut-off',
  'revoke-cuts-live-flow',
].map((name) => `qemu-test/promises/${name}.test.ts`);

const lab = { setupFiles: ['qemu-test/evidence/setup.ts'], testTimeout: 240_000, hookTimeout: 240_000 };

export default defineConfig({
  test: {
    // Most of a promise is waiting: two files at a time keep two cores busy, and three would starve routers.
    maxWorkers: 2,
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
          ...lab,
          name: 'lab',
          include: ['qemu-test/**/*.test.ts'],
          exclude: [evidence, ...timed, '**/node_modules/**'],
        },
      },
      { test: { ...lab, name: 'timed', include: timed, poolOptions: { forks: { singleFork: true } } } },
    ],
  },
});
