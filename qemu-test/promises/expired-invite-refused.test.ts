// An invite ends by the operator's clock, and one that was revoked lets nobody in; a later one does.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rightUnixS, setClock } from '../topology/clock.ts';
import { openRules, type Mesh } from '../topology/mesh.ts';
import { bootedMesh } from '../topology/saved.ts';

/** The shortest that there is. */
const ttlS = 60;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await bootedMesh({ routers: ['r1', 'r2'] });
  await mesh.addMember('r1', await mesh.join('r1'), { endpoint: true });
  await mesh.setPolicy(openRules(mesh.routers.values()));
  await mesh.router('r1').reaches('enforced', await mesh.release());
});
afterAll(() => mesh.stop());

const operatorSays = (...argv: readonly string[]): Promise<string> =>
  mesh.operator(...argv).catch((error: Error) => error.message);
const peersOfR1 = (): Promise<string> => mesh.router('r1').guest.run('wg show rn0 peers');
const waits = /^waits for the operator to approve invite [0-9a-f]{16}: /;

/** The router asks, and its request is at the broker. */
async function asks(invite: string): Promise<void> {
  await mesh.join('r2', invite);
  const r2 = mesh.router('r2');
  await r2.until(({ why }) => waits.test(String(why)) && String(why).includes('no member'), 'a router that waits');
  const asked = (): Promise<string> => mesh.operator('approve', ...mesh.operatorLogin);
  await expect.poll(asked, { timeout: 30_000, interval: 500 }).toContain('attic: node');
}

test('asked in time and approved too late, also with a clock of the router set back: nobody is let in', async () => {
  const r2 = mesh.router('r2');
  const madeMs = performance.now();
  const invite = await mesh.invite('--name', 'attic', '--ttl', `${ttlS}s`, '--subnet', '192.168.2.0/24');
  await asks(invite);
  await setClock(r2, rightUnixS() - 86_400);
  await r2.guest.run('/etc/init.d/rustynet restart');
  await r2.until(({ state, why }) => state === 'unclocked' && waits.test(String(why)), 'a router that waits');
  await new Promise((resolve) => setTimeout(resolve, ttlS * 1000 + 1000 - (performance.now() - madeMs)));
  expect(await operatorSays('approve', '--all', ...mesh.operatorLogin)).toContain('no router asks');
  expect(await operatorSays('invite', 'list')).toContain('expired');
  const epoch = await mesh.release();
  await mesh.router('r1').reaches('enforced', epoch);
  expect(await peersOfR1()).toBe('');
  await setClock(r2, rightUnixS());
  await r2.guest.run('/etc/init.d/rustynet restart');
  await r2.until(({ state, why }) => state === 'closed' && waits.test(String(why)), 'a closed router that waits');
  expect((await r2.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect(await r2.hostPings(mesh.router('r1').hostAddress)).toMatchObject({ received: 0 });
});

test('an invite that was revoked while the router asked lets nobody in', async () => {
  const r2 = mesh.router('r2');
  await r2.guest.run('rustynet leave');
  const invite = await mesh.invite('--name', 'attic', '--ttl', '1h', '--subnet', '192.168.2.0/24');
  await asks(invite);
  const { invites } = JSON.parse(await mesh.operator('invite', 'list', '--json')) as {
    invites: { id: string; state: string }[];
  };
  const { id = '' } = invites.find(({ state }) => state === 'created') ?? {};
  await mesh.operator('invite', 'revoke', id);
  expect(await operatorSays('approve', '--all', ...mesh.operatorLogin)).toContain('no router asks');
  await mesh.router('r1').reaches('enforced', await mesh.release());
  expect(await peersOfR1()).toBe('');
  expect(await r2.hostPings(mesh.router('r1').hostAddress)).toMatchObject({ received: 0 });
});

test('with an invite that holds, the same router becomes a peer in the kernel, and LANs reach each other', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await r2.guest.run('rustynet leave');
  await asks(await mesh.invite('--name', 'attic', '--ttl', '1h', '--subnet', '192.168.2.0/24'));
  expect(await mesh.operator('approve', '--all', ...mesh.operatorLogin)).toContain('added attic');
  const epoch = await mesh.release();
  await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch)));
  expect(await peersOfR1()).toBe(`${String((await r2.status())['wireguard_key'])}\n`);
  await r2.contacts(r1.hostAddress);
  expect(await r1.hostPings(r2.hostAddress, 5)).toEqual({ sent: 5, received: 5 });
});
