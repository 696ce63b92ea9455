// One invite, one router: of two that hold it one becomes a peer in the kernel, and so does one of two hundred.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asks } from '../../agent/test/operator/joiner.ts';
import { inTurns, say } from '../topology/askers.ts';
import type { Mesh } from '../topology/mesh.ts';
import { bootedMesh } from '../topology/saved.ts';
import { bundledOperator } from '../topology/operator.ts';
import type { Router } from '../topology/router.ts';
import { buildOperator } from '../../bundle/build.ts';

const clients = 200;

let mesh: Mesh;
beforeAll(async () => {
  await buildOperator();
  mesh = await bootedMesh({ routers: ['r1', 'r2', 'r3'] });
  await mesh.addMember('r1', await mesh.join('r1'), { endpoint: true });
  await mesh.setPolicy([{ from: ['any'], to: ['any', '192.168.1.0/24'], protocols: ['any'] }]);
  await mesh.router('r1').reaches('enforced', await mesh.release());
});
afterAll(() => mesh.stop());

const kernelPeers = async ({ guest }: Router): Promise<string[]> =>
  (await guest.run('wg show rn0 peers')).split('\n').filter(Boolean);

interface Approved {
  readonly approved: readonly { readonly wireguard: string; readonly addresses: readonly string[] }[];
}
/** As two people might, or a person and a service: the same tool twice at once, each a process of its own. */
async function approveTwiceAtOnce(): Promise<Approved['approved']> {
  const one = async (): Promise<Approved['approved']> => {
    const folder = `${mesh.folder}/network`;
    const said = await bundledOperator(folder, ['approve', '--all', '--json', ...mesh.operatorLogin]).catch(
      (error: { stdout?: string }) => error.stdout ?? '',
    );
    return (JSON.parse(said) as Partial<Approved>).approved ?? [];
  };
  return (await Promise.all([one(), one()])).flat();
}

test('of two routers that hold one invite, one becomes a peer in the kernel and forgets the invite, the other waits', async () => {
  const [r1, r2, r3] = ['r1', 'r2', 'r3'].map((name) => mesh.router(name)) as [Router, Router, Router];
  const invite = await mesh.invite('--name', 'attic', '--ttl', '1h');
  await Promise.all([r2, r3].map(({ name }) => mesh.join(name, invite)));
  for (const router of [r2, r3]) {
    const { why } = await router.until(({ why: words }) => String(words).includes('epoch 1'), 'the map without it');
    expect(why).toMatch(/^waits for the operator to approve invite [0-9a-f]{16}: this router is no member in epoch 1$/);
    expect(await router.guest.run('stat -c %a /etc/rustynet/invite.key')).toBe('600\n');
  }
  const requests = async (): Promise<number> => {
    const said = await mesh.operator('approve', '--json', ...mesh.operatorLogin);
    return (JSON.parse(said) as { requests: readonly unknown[] }).requests.length;
  };
  await expect.poll(requests, { timeout: 30_000, interval: 500 }).toBe(2);
  const approved = await approveTwiceAtOnce();
  expect(approved).toHaveLength(1);
  const epoch = await mesh.release();
  await r1.reaches('enforced', epoch);
  expect(await kernelPeers(r1)).toEqual([approved[0]?.wireguard]);
  const keys = await Promise.all([r2, r3].map(async (router) => String((await router.status())['wireguard_key'])));
  const [winner, loser] = keys[0] === approved[0]?.wireguard ? [r2, r3] : [r3, r2];
  await winner.reaches('enforced', epoch);
  const waits = await loser.until(({ why }) => String(why).includes(`epoch ${epoch}`), 'the map without it');
  expect(waits).toMatchObject({ state: 'closed', peers: 0, why: expect.stringMatching(/^waits for the operator/) });
  expect((await loser.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect((await winner.guest.exec('ls /etc/rustynet/invite.key')).status).not.toBe(0);
  const address = approved[0]?.addresses.find((each) => each.startsWith('10.')) ?? '';
  // The invite gave no endpoint: the newcomer calls first.
  await winner.guest.run('ping -c 1 -W 5 192.168.1.1 || true', { timeoutMs: 20_000 });
  expect(await r1.hostPings(address, 5)).toEqual({ sent: 5, received: 5 });
});

test('of 200 clients that ask with one invite, one becomes a peer in the kernel, and the invite is used', async () => {
  const r1 = mesh.router('r1');
  const before = await kernelPeers(r1);
  const invite = await mesh.invite('--name', 'shed', '--ttl', '1h');
  const asking = Array.from({ length: clients }, (_, at) => asks(invite, `client ${at}`));
  const place = { url: mesh.broker.hostUrl, ca: readFileSync(mesh.caFile, 'utf8') };
  await inTurns(asking, 8, ({ node, topic, payload }) => say(place, node, topic, payload));
  expect(await approveTwiceAtOnce()).toHaveLength(1);
  await r1.reaches('enforced', await mesh.release());
  const added = (await kernelPeers(r1)).filter((key) => !before.includes(key));
  expect(added).toHaveLength(1);
  expect(asking.map(({ request }) => request.wireGuardKey)).toContain(added[0]);
  // Those that were not looked at ask on, and so does the router that lost: it changes nothing any more.
  expect(await approveTwiceAtOnce()).toEqual([]);
  const { invites } = JSON.parse(await mesh.operator('invite', 'list', '--json')) as { invites: { state: string }[] };
  expect(invites.map(({ state }) => state)).toEqual(['used', 'used']);
}, 600_000);
