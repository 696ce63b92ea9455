/** A table that somebody takes away is heard of at once, on this machine's kernel. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { monitorTables, type Monitor } from '../../src/drivers/nft-monitor.ts';
import { createNamespace, type Namespace } from './netns.ts';

let namespace: Namespace;
let monitor: Monitor;
let changes: number;
let ends: string[];
beforeEach(async () => {
  namespace = createNamespace('monitor');
  [changes, ends] = [0, []];
  await namespace.enter(async () => {
    monitor = monitorTables(
      () => (changes += 1),
      (how) => ends.push(how),
    );
    // It subscribes to the kernel a moment after it has started.
    await settled(500);
  });
});
afterEach(() => {
  monitor.close();
  namespace.remove();
});
const settled = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('a flush that takes a table is one event, soon; what happens inside of tables is none', async () => {
  namespace.run('nft add table inet rustynet');
  await settled(200);
  const added = changes;
  expect(added).toBeGreaterThan(0);
  namespace.run(
    'nft add chain inet rustynet mesh; nft add rule inet rustynet mesh drop; nft flush chain inet rustynet mesh',
  );
  await settled(200);
  expect(changes).toBe(added);
  namespace.run('nft flush ruleset');
  await settled(200);
  expect(changes).toBeGreaterThan(added);
  expect(ends).toEqual([]);
});

test('a monitor that is killed says so', async () => {
  namespace.run('kill $(ip netns pids ' + namespace.name + ' | head -1)');
  await settled(300);
  expect(ends).toEqual([expect.stringMatching(/^nft monitor: wanted it to run on, got /)]);
});
