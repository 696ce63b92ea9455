// A prefix of the mesh that this router is in already is left out, and the status says which and why, before anything is
// applied; when the mesh's own range is taken, the router is closed and says so. What is local stays reachable all along.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

/** A network of r1's own, as a user adds one. */
async function addOffice(address: string, netmask: string): Promise<void> {
  await mesh.router('r1').guest.run(`uci -q batch <<E
set network.office_dev=device
set network.office_dev.name=br-office
set network.office_dev.type=bridge
set network.office_dev.bridge_empty=1
set network.office=interface
set network.office.device=br-office
set network.office.proto=static
set network.office.ipaddr=${address}
set network.office.netmask=${netmask}
E
uci commit network; ubus call network reload; ubus call network.interface.office up
until ip -4 addr show dev br-office | grep -q ${address}; do sleep 0.2; done`);
}

test('the LAN of a member that this router is in too: not routed, explained, and the local one answers', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  expect(await r1.guest.run(`ip route get ${r2.hostAddress}`)).toContain('dev rn0');
  await addOffice('192.168.2.1', '255.255.255.0');
  await r1.guest.run('ubus call rustynet poke 2>/dev/null; /etc/init.d/rustynet restart');
  const status = await r1.until(
    ({ state, problems }) => state === 'enforced' && JSON.stringify(problems).includes('overlaps'),
    'the overlap among the problems',
  );
  expect(status['problems']).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^not routed: 192\.168\.2\.0\/24 of the mesh overlaps 192\.168\.2\.[01]\/24 of office/),
    ]),
  );
  expect(await r1.guest.run(`ip route get ${r2.hostAddress}`)).toContain('dev br-office');
  expect(await r1.pings('', '192.168.2.1', 2, 5)).toEqual({ sent: 2, received: 2 });
});

test('the range of the mesh is taken: closed, explained, and the local network answers', async () => {
  const r1 = mesh.router('r1');
  const own = (await r1.guest.run('ip -4 -o addr show dev rn0 | sed "s|.*inet \\([0-9.]*\\).*|\\1|"')).trim();
  const address = own.replace(/\.\d+$/, '.254');
  await addOffice(address, '255.255.255.0');
  await r1.guest.run('/etc/init.d/rustynet restart');
  const status = await r1.reaches('closed');
  expect(String(status['why'])).toMatch(/^wanted the mesh's range 10\.\d+\.0\.0\/16 to be free here, got .* of office/);
  expect((await r1.guest.exec('ip link show rn0')).status).not.toBe(0);
  expect(await r1.pings('', address, 2, 5)).toEqual({ sent: 2, received: 2 });
});
