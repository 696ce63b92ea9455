// What cannot be kept is not believed: a router whose flash takes no write is closed when the next map comes, says why,
// and opens by itself once it can write. What it has kept before holds, also over a reboot.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pause } from '../topology/leak.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

/** To the last byte of what root may use, and the file that does it is where the agent's files are. */
const fill =
  'dd if=/dev/zero of=/overlay/fill bs=1M 2>/dev/null; cat /dev/zero >>/overlay/fill 2>/dev/null; sync; true';

test.each([
  ['is full', fill, 'rm /overlay/fill', 'ENOSPC'],
  // As the kernel does it to a flash with errors.
  ['is read-only', 'echo u >/proc/sysrq-trigger; sleep 1', 'mount -o remount,rw /overlay', 'EROFS'],
])('flash that %s: the next map closes the router, which says why, and opens once there is room', async (...row) => {
  const [, spoil, mend, code] = row;
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await r1.contacts(r2.hostAddress);
  await r1.guest.run(spoil);
  expect(await r1.hostPings(r2.hostAddress, 3), 'with what was kept').toMatchObject({ received: 3 });
  const epoch = await mesh.release();
  await r2.reaches('enforced', epoch);
  const closed = await r1.reaches('closed');
  expect(String(closed['why'])).toMatch(new RegExp(`could not be written to flash: ${code}: `));
  expect(await r1.guest.run('wg show rn0 peers 2>/dev/null; true')).toBe('');
  expect(await r1.hostPings(r2.hostAddress, 3), 'from inside').toMatchObject({ received: 0 });
  expect(await r2.hostPings(r1.hostAddress, 3), 'from the mesh').toMatchObject({ received: 0 });
  await r1.guest.run(mend);
  await r1.reaches('enforced', epoch, 120_000);
  await r1.contacts(r2.hostAddress);
  expect(await r1.hostPings(r2.hostAddress, 3), 'again').toMatchObject({ received: 3 });
});

test('a boot with a full flash: what was kept before is enforced, and nothing more is needed of it', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const epoch = mesh.signedEpoch();
  await r1.guest.run(fill);
  await r1.guest.reboot();
  await r1.reaches('enforced', epoch, 120_000);
  expect(await r1.guest.run('dd if=/dev/zero of=/overlay/more bs=1M count=1 2>&1; true')).toMatch(/No space left/);
  await r1.contacts(r2.hostAddress);
  // A router that has just booted is busy.
  await pause(5);
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
});
