// Members have names: forward and reverse, IPv4 and IPv6, on the router and behind it, through the router's own dnsmasq,
// which keeps its process and its other duties; nothing of it is written to flash.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRules, type Mesh } from '../topology/mesh.ts';
import { formMesh } from '../topology/saved.ts';
import { askOnHost, askOnRouter, dnsmasqPid, meshAddresses } from '../topology/names.ts';
import { watch } from '../topology/witness.ts';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
});
afterAll(() => mesh.stop());

test('a name gives both addresses, and each address gives the name, on the router and on a host behind it', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const { v4, v6 } = await meshAddresses(r2);
  const questions = [
    ['r2.lab.mesh.internal', 'A'],
    ['r2.lab.mesh.internal', 'AAAA'],
    [v4, 'PTR'],
    [v6, 'PTR'],
  ] as const;
  const wanted = [v4, v6, 'r2.lab.mesh.internal', 'r2.lab.mesh.internal'];
  expect(await askOnRouter(r1, ...questions)).toEqual(wanted);
  expect(await askOnHost(r1, ...questions)).toEqual(wanted);
  expect(await r1.pings('', 'r2.lab.mesh.internal', 3, 5)).toEqual({ sent: 3, received: 3 });
});

test('another member is named without a restart of dnsmasq, and flash is written for the map and its prefixes alone', async () => {
  const r1 = mesh.router('r1');
  await mesh.setPolicy([]);
  const narrow = await mesh.release();
  await r1.reaches('enforced', narrow);
  expect(await askOnRouter(r1, ['r2.lab.mesh.internal', 'A'])).toEqual(['ENOTFOUND']);
  const before = { pid: await dnsmasqPid(r1), writes: (await r1.status())['flash_writes'] };
  await r1.guest.run('rm -rf /tmp/mark && touch /tmp/mark');
  await mesh.setPolicy(openRules(mesh.routers.values()));
  const wide = await mesh.release();
  await r1.reaches('enforced', wide);
  const { v4 } = await meshAddresses(mesh.router('r2'));
  expect(await askOnRouter(r1, ['r2.lab.mesh.internal', 'A'])).toEqual([v4]);
  expect(await dnsmasqPid(r1)).toBe(before.pid);
  const written = await r1.guest.run(
    "find /overlay/upper -type f -newer /tmp/mark | grep -vE '/etc/rustynet/(state|guard)/' || true",
  );
  expect(written).toBe('');
  expect(Number((await r1.status())['flash_writes']) - Number(before.writes)).toBeLessThanOrEqual(3);
});

test('other names go where they went before, and the answers of the user stay', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('echo \'192.168.1.77 printer\' >/tmp/hosts/own; ubus call service signal \'{"name":"dnsmasq"}\'');
  const { packets, stop } = watch(mesh.hub);
  const answers = await askOnHost(r1, ['printer.lan', 'A'], ['elsewhere.example', 'A']);
  stop();
  expect(answers[0]).toBe('192.168.1.77');
  expect(packets.filter(({ toPort }) => toPort === 53).length).toBeGreaterThan(0);
});

test('an answer that was bent is put right', async () => {
  const r1 = mesh.router('r1');
  const { v4 } = await meshAddresses(r1);
  await r1.guest.run(
    'echo \'10.1.1.1 r1.lab.mesh.internal\' >/tmp/hosts/rustynet; ubus call service signal \'{"name":"dnsmasq"}\'',
  );
  const answers = (): Promise<unknown> => askOnRouter(r1, ['r1.lab.mesh.internal', 'A']);
  await expect.poll(answers, { timeout: 10_000 }).toEqual(['10.1.1.1']);
  await r1.guest.run('ubus call rustynet interface_up \'{"interface":"rn0"}\'');
  await expect.poll(answers, { timeout: 20_000 }).toEqual([v4]);
  await r1.reaches('enforced');
});

test('with dnsmasq stopped the mesh stays open and says what is missing; started again, the names are there', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('/etc/init.d/dnsmasq stop; ubus call rustynet interface_up \'{"interface":"rn0"}\'');
  const status = await r1.until(({ problems }) => String(problems).includes('stopped'), 'a problem');
  expect(status['state']).toBe('enforced');
  await r1.guest.run('/etc/init.d/dnsmasq start; ubus call rustynet interface_up \'{"interface":"rn0"}\'');
  await r1.until(({ state, problems }) => state === 'enforced' && String(problems) === '', 'no problem');
  const { v4 } = await meshAddresses(mesh.router('r2'));
  expect(await askOnRouter(r1, ['r2.lab.mesh.internal', 'A'])).toEqual([v4]);
});

test('after leaving, no file and no name is left', async () => {
  const r1 = mesh.router('r1');
  await r1.guest.run('rustynet leave');
  await r1.reaches('closed');
  const left = 'find /tmp/hosts /tmp/dnsmasq.*.d -name "*rustynet*"';
  const end = Date.now() + 20_000;
  while ((await r1.guest.run(left)) !== '' && Date.now() < end) await new Promise((done) => setTimeout(done, 300));
  expect(await r1.guest.run(left)).toBe('');
  expect(await r1.guest.run('readlink /etc/resolv.conf; cat /tmp/resolv.conf')).toBe(
    '/tmp/resolv.conf\nsearch lan\nnameserver 127.0.0.1\nnameserver ::1\n',
  );
});
