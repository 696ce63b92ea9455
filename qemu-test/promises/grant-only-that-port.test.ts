// A grant of ports passes these ports and no other: not the one below, not the one above, not the other transport, not
// the way back. Judged by the granting router alone, because the other one sends whatever it likes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { arrivals, noteArrivals, sendEach, tame, unleash } from '../topology/unruly.ts';

const granted = ['tcp 2222', 'udp 5300', 'udp 5310'];
const near = ['icmp', 'tcp 2221', 'tcp 2223', 'tcp 5300', 'udp 2222', 'udp 5299', 'udp 5311'];

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  await Promise.all([...mesh.routers.values()].map(noteArrivals));
  await mesh.setPolicy([
    { from: ['192.168.2.0/24'], to: ['192.168.1.0/24'], protocols: ['tcp:2222', 'udp:5300-5310'] },
    { from: ['member:r2'], to: ['member:r1'], protocols: ['icmp'] },
  ]);
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((router) => router.reaches('enforced', epoch)));
});
afterAll(() => mesh.stop());

async function arrived(from: string, to: string): Promise<readonly string[]> {
  await arrivals(mesh.router(to));
  await sendEach(mesh.router(from), mesh.router(to).hostAddress, [...granted, ...near]);
  return arrivals(mesh.router(to));
}

test('both sides hold to it: what is granted arrives, and nothing beside it', async () => {
  expect(await arrived('r2', 'r1')).toEqual(granted);
  expect(await arrived('r1', 'r2')).toEqual([]);
});

test('the granting side alone holds to it', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await unleash(r2);
  expect(await arrived('r2', 'r1')).toEqual(granted);
  expect(await arrived('r1', 'r2'), 'from the one that holds to it').toEqual([]);
  // The router itself, by its IPv6 mesh address: ICMP is granted between the members, a port is not.
  const address = await r1.guest.run(
    "ip -6 -o addr show dev rn0 scope global | sed 's|.*inet6 \\([0-9a-f:]*\\).*|\\1|'",
  );
  expect(await r2.pings('', address.trim(), 2, 5)).toEqual({ sent: 2, received: 2 });
  const ssh = `echo x | timeout 2 nc ${address.trim()} 53; echo status $?`;
  expect(await r2.guest.run(ssh)).not.toContain('status 0');
  await tame(r2);
});
