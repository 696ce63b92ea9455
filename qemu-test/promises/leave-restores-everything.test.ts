// What joining put into a router, leaving takes out: the router is then byte for byte what it was before.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRules, type Mesh } from '../topology/mesh.ts';
import { bootedMesh } from '../topology/saved.ts';
import type { Router } from '../topology/router.ts';
import { settled, views } from '../topology/views.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await bootedMesh({ routers: ['r1'] });
});
afterAll(() => mesh.stop());

/** The last thing to follow: procd runs our init script, which makes procd run the firewall's. */
async function portIs({ guest, name }: Router, open: boolean): Promise<void> {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if ((await guest.run('nft list chain inet fw4 input_wan')).includes('ubus:rustynet rule 0') === open) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${name}: wanted a WireGuard port that is ${open ? 'open' : 'closed'} within 60 s, got another`);
}

test('configuration, ruleset, routes, settings of the kernel and names are as before joining', async () => {
  const r1 = mesh.router('r1');
  await r1.until(({ state }) => state === 'closed', 'state closed');
  // The formatting that UCI itself gives its files.
  await r1.guest.run(
    'for file in network firewall rustynet; do uci set $file.x=x; uci commit $file; uci delete $file.x; uci commit $file; done',
  );
  const before = await settled(r1);
  expect(before['uci']).not.toContain("proto 'rustynet'");
  const own = await mesh.join('r1');
  await mesh.addMember('r1', own, { endpoint: true });
  await mesh.setPolicy(openRules(mesh.routers.values()));
  await r1.reaches('enforced', await mesh.release());
  await portIs(r1, true);
  const during = await settled(r1);
  expect(during['uci']).toContain("config zone 'rustynet'");
  expect(during['uci']).not.toContain("51820'\n\toption target");
  expect(during['nft']).toContain('udp dport 51820 accept comment "!fw4: ubus:rustynet rule 0"');
  expect(during['links']).toContain('rn0');
  await r1.guest.run('rustynet leave');
  await portIs(r1, false);
  const after = await settled(r1);
  for (const name of Object.keys(views)) expect(after[name], name).toBe(before[name]);
});

test('stopped, the router has no device; restarted, it has it again', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('ubus call rustynet announce \'{"prefixes":[]}\'');
  const own = await mesh.join('r1');
  expect(own.identity).not.toBe('');
  await r1.reaches('enforced');
  await r1.guest.run('/etc/init.d/rustynet stop');
  expect((await r1.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect(await r1.guest.run('nft list set inet rustynet lease')).not.toContain('rn0');
  await r1.guest.run('/etc/init.d/rustynet start');
  await r1.until(() => true, 'a daemon');
  await r1.reaches('enforced');
});

test('another name of the interface: the old device and section go, and the mesh is in force under the new one', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('uci set rustynet.main.interface=rn7; uci commit rustynet; reload_config');
  await r1.until(({ state, interface: name }) => state === 'enforced' && name === 'rn7', 'rn7 in force');
  expect((await r1.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect(await r1.guest.run('uci show network; uci show firewall')).not.toContain('rn0');
});

test('choices at the command line: shown, written, refused with what was wanted', async () => {
  const { guest } = mesh.router('r1');
  expect(await guest.run('rustynet announce')).toBe(
    'exit        off; offered to others: no\nannounced   192.168.1.0/24: granted by the map, not announced here\n',
  );
  expect(await guest.run('rustynet announce 192.168.1.0/24')).toContain('announced   192.168.1.0/24\n');
  expect(await guest.run('uci get rustynet.main.announce')).toBe('192.168.1.0/24\n');
  const refused = await guest.exec('rustynet exit r9');
  expect(refused).toMatchObject({ status: 1, stdout: '' });
  expect(refused.stderr).toContain('rustynet exit: exit: wanted off, full or a member with the role exit');
  expect(await guest.run('rustynet exit lan on')).toContain('exit        off; offered');
  expect(await guest.run('uci get rustynet.main.exit_lan')).toBe('1\n');
  expect(await guest.run('rustynet status; true')).toContain('announced   192.168.1.0/24\n');
});
