// Nothing passes that no rule names: without a rule two members are no peers of each other, and with a rule for one pair
// nothing else passes between them, in either direction, whatever the other side sends.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRules, type Mesh, type PolicyRule } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { arrivals, noteArrivals, sendEach, tame, unleash } from '../topology/unruly.ts';

const kinds = ['icmp', 'tcp 22', 'tcp 443', 'udp 53', 'udp 5353'];

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  await Promise.all([...mesh.routers.values()].map(noteArrivals));
});
afterAll(() => mesh.stop());

async function inForce(rules: readonly PolicyRule[]): Promise<void> {
  await mesh.setPolicy(rules);
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((router) => router.reaches('enforced', epoch)));
}

async function arrived(from: string, to: string): Promise<readonly string[]> {
  await arrivals(mesh.router(to));
  await sendEach(mesh.router(from), mesh.router(to).hostAddress, kinds);
  return arrivals(mesh.router(to));
}

test('with a rule for everything, each kind arrives: what follows has something to stop', async () => {
  await inForce(openRules(mesh.routers.values()));
  expect(await arrived('r1', 'r2')).toEqual([...kinds].sort());
  expect(await arrived('r2', 'r1')).toEqual([...kinds].sort());
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
});

test('without a rule nothing arrives, and the members are no peers in the kernel', async () => {
  await inForce([]);
  expect(await arrived('r1', 'r2')).toEqual([]);
  expect(await arrived('r2', 'r1')).toEqual([]);
  for (const router of mesh.routers.values()) expect(await router.guest.run('wg show rn0 peers')).toBe('');
});

test('a rule for one address and one port lets nothing else in, even from a router that keeps to nothing', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await inForce([{ from: ['192.168.2.0/24'], to: ['192.168.1.2/32'], protocols: ['tcp:22'] }]);
  await unleash(r2);
  expect(await arrived('r2', 'r1')).toEqual(['tcp 22']);
  const own = await r1.guest.run('ip -4 -o addr show dev rn0 | sed "s|.*inet \\([0-9.]*\\).*|\\1|"');
  for (const address of [own.trim(), '192.168.1.1'])
    expect(await r2.pings('ip netns exec host', address, 2, 5), address).toMatchObject({ received: 0 });
  await tame(r2);
  expect(await arrived('r1', 'r2')).toEqual([]);
});
