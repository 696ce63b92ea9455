// A LAN is reached through the mesh only where its router announces it and the map grants it to that router: either
// alone opens nothing, for nobody, on neither side.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { arrivals, noteArrivals, sendEach, tame, unleash } from '../topology/unruly.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  await noteArrivals(mesh.router('r1'));
});
afterAll(() => mesh.stop());

/** The map's word: r1 is entered again with its own keys. */
async function grantLan(isGranted: boolean): Promise<void> {
  const r1 = mesh.router('r1');
  const { identity_key: identity, wireguard_key: wireGuard } = await r1.status();
  await mesh.operator('member', 'remove', 'r1');
  const keys = { identity: String(identity), wireGuard: String(wireGuard) };
  if (isGranted) await mesh.addMember('r1', keys, { endpoint: true });
  else
    await mesh.operator(
      'member',
      'add',
      'r1',
      '--identity',
      keys.identity,
      '--wireguard',
      keys.wireGuard,
      '--endpoint',
      '198.51.100.11:51820',
    );
  const epoch = await mesh.release();
  await Promise.all([...mesh.routers.values()].map((router) => router.reaches('enforced', epoch)));
}

/** The router's own word. */
async function announceLan(isAnnounced: boolean): Promise<void> {
  const r1 = mesh.router('r1');
  await r1.guest.run(`rustynet announce ${isAnnounced ? '192.168.1.0/24' : 'off'}`);
  await r1.until(({ state }) => state === 'enforced', 'enforced');
}

interface Seen {
  readonly arrived: readonly string[];
  readonly answered: boolean;
  readonly routed: boolean;
}

/** What arrives at r1's LAN host, whether it answers, and whether r2 has a route to it. */
async function seen(): Promise<Seen> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await arrivals(r1);
  await sendEach(r2, r1.hostAddress, ['icmp', 'tcp 80']);
  const { received } = await r2.hostPings(r1.hostAddress, 2);
  const route = await r2.guest.run(`ip route get ${r1.hostAddress} 2>&1; true`);
  return { arrived: await arrivals(r1), answered: received === 2, routed: route.includes('dev rn0') };
}

test('announced and granted: it is reached', async () => {
  expect(await seen()).toEqual({ arrived: ['icmp', 'tcp 80'], answered: true, routed: true });
});

test('granted and not announced: r1 lets nothing in, even from a router that keeps to nothing', async () => {
  await announceLan(false);
  await unleash(mesh.router('r2'));
  expect(await seen()).toEqual({ arrived: [], answered: false, routed: true });
  await tame(mesh.router('r2'));
  await announceLan(true);
  expect((await seen()).arrived, 'announced again').toEqual(['icmp', 'tcp 80']);
});

test('announced and not granted: nobody routes it, and nothing arrives', async () => {
  await grantLan(false);
  expect(await seen()).toEqual({ arrived: [], answered: false, routed: false });
  await grantLan(true);
  expect(await seen(), 'granted again').toEqual({ arrived: ['icmp', 'tcp 80'], answered: true, routed: true });
});
