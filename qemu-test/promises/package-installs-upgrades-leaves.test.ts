// The package's life on a router, by the stand-in of opkg: upgraded under traffic, removed, installed, joined, removed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { version as older } from '../../bundle/build.ts';
import { Flow } from '../topology/flow.ts';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { newerIpk, newerVersion as newer, traces } from '../topology/package.ts';
import type { Router } from '../topology/router.ts';
import { settled } from '../topology/views.ts';

let mesh: Mesh;
let r1: Router;
let r2: Router;
/** The router as it is without the package. */
let bare: Record<string, string>;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await r1.guest.writeFile('/tmp/newer.ipk', await newerIpk());
});
afterAll(() => mesh.stop());

async function installed(): Promise<string> {
  return (await r1.guest.run('opkg list-installed')).trim();
}

test('upgraded under a flow of 100 pings a second: none is lost, no handshake is made anew, another program runs', async () => {
  const [pid, before] = [await r1.daemonPid(), await r1.handshakes()];
  expect(await installed()).toBe(`rustynet - ${older}-r1`);
  const flow = await Flow.start(r1, r2.hostAddress);
  expect(await r1.guest.run('opkg install /tmp/newer.ipk')).toContain('opkg stand-in: Upgrading rustynet (99.0.0-r1)');
  await r1.until((status) => status['version'] === newer, 'the newer agent');
  await r1.reaches('enforced');
  const { sent, received, lost } = await flow.stop();
  console.warn(`upgrade under a flow: ${received} of ${sent} pings answered, ${lost.length} lost`);
  expect(sent).toBeGreaterThan(100);
  expect(lost).toEqual([]);
  expect(await r1.daemonPid()).not.toBe(pid);
  expect(await r1.handshakes()).toEqual(before);
  expect(await installed()).toBe(`rustynet - ${newer}-r1`);
});

test('left and removed: no file, rule, route, section or process is left', async () => {
  await r1.guest.run('rustynet leave; opkg remove rustynet');
  expect(await r1.guest.run(traces)).toBe('');
  bare = await settled(r1);
});

test('installed again: the service is up and closed, and nothing of the router is touched', async () => {
  await r1.guest.run('opkg install /lab/rustynet.ipk');
  expect(await installed()).toBe(`rustynet - ${older}-r1`);
  await r1.reaches('closed');
  expect(await r1.guest.run('uci show network; uci show firewall')).not.toContain('rustynet');
});

test('joined: enforced, and traffic passes', async () => {
  const own = await mesh.join('r1');
  await mesh.operator('member', 'remove', 'r1');
  await mesh.addMember('r1', own, { endpoint: true });
  await r1.guest.run('rustynet announce 192.168.1.0/24');
  await r1.reaches('enforced', await mesh.release());
  await r1.contacts(r2.hostAddress);
});

test('removed while a member: closed at once; but for keys and membership the router is as it was without the package', async () => {
  expect(await r1.guest.run('opkg remove rustynet')).toContain('keys and membership stay in /etc/rustynet');
  expect((await r1.hostPings(r2.hostAddress, 2)).received).toBe(0);
  const left = (await r1.guest.run(traces)).split('\n').filter((line) => !line.startsWith('rustynet.main'));
  expect(left.sort()).toEqual(['', '/etc/config/rustynet', '/etc/rustynet']);
  await r1.guest.run('rm -r /etc/config/rustynet /etc/rustynet');
  const after = await settled(r1);
  for (const [name, text] of Object.entries(bare)) expect(after[name], name).toBe(text);
});
