// What does not fit is not installed: where flash is full or read-only, installing, upgrading and removing say so, the
// router goes on as it was, and with room the same package goes in. By the stand-in of opkg, with --force-space: as apk.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import { version as older } from '../../bundle/build.ts';
import { routerContent } from '../../bundle/content.ts';
import type { Outcome } from '../harness/guest.ts';
import { internet } from '../topology/internet.ts';
import type { Mesh } from '../topology/mesh.ts';
import { newerIpk, traces } from '../topology/package.ts';
import type { Router } from '../topology/router.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
let r1: Router;
let r2: Router;
let roomKb: number;
/** The router as it is without the package. */
let bare: string;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await r1.guest.writeFile('/tmp/newer.ipk', await newerIpk());
  const { scripts } = await routerContent(new Uint8Array());
  roomKb = Number(/^room=(\d+)$/m.exec(String(scripts['preinst']))?.[1]);
});
afterAll(() => mesh.stop());

const empty = 'rm -f /overlay/fill; sync';
/** So many KB or a block less: the file system takes some for itself. */
const leaves = (kb: number): string =>
  `${empty}; set -- $(df -Pk /overlay | tail -n 1); fallocate -l $(($4 - ${kb}))K /overlay/fill; ` +
  `until set -- $(df -Pk /overlay | tail -n 1); [ "$4" -le ${kb} ]; do head -c 4096 /dev/zero >>/overlay/fill || break; done; sync`;
// As the kernel does it to a flash with errors.
const readOnly = 'echo u >/proc/sysrq-trigger; sleep 1';
const writable = 'mount -o remount,rw /overlay';
afterEach(() => r1.guest.run(`${writable}; ${empty}`));

/** What the next boot would make of it, beside what is there now. */
const router = `cat /etc/config/*; uci changes; nft list tables; ip rule; ip -6 rule; ip route; ip -6 route | sort; ${traces}`;

const opkg = (argv: string): Promise<Outcome> => r1.guest.exec(`opkg ${argv}`, { timeoutMs: 120_000 });
const install = (): Promise<Outcome> => opkg('--force-space install /lab/rustynet.ipk');

async function expectRefused(work: Promise<Outcome>, wanted: string | RegExp): Promise<void> {
  const { status, stdout, stderr } = await work;
  expect(`${stdout}${stderr}`).toMatch(wanted);
  expect(status, stderr).not.toBe(0);
}

test('upgraded on a flash that is read-only: refused, and the agent that was there goes on, enforced', async () => {
  await r1.guest.run(readOnly);
  await expectRefused(
    opkg('--force-space install /tmp/newer.ipk'),
    /rustynet: not installed: wanted writable flash, got Read-only file system\n {2}dmesg says why; reboot/,
  );
  const goesOn = ({ state, version }: JsonObject): boolean => state === 'enforced' && version === older;
  await r1.until(goesOn, 'the agent that was there, enforced');
  expect(await r1.hostPings(r2.hostAddress, 3)).toMatchObject({ received: 3 });
});

test('removed on a flash that is read-only: refused and closed, the LAN goes on, and a boot would start it', async () => {
  await r1.guest.run(readOnly);
  await expectRefused(opkg('remove rustynet'), 'rustynet: closed, not removed: wanted 64 KB of writable flash');
  expect(await r1.hostPings(r2.hostAddress, 2)).toMatchObject({ received: 0 });
  expect(await r1.hostPings(internet.web, 2)).toMatchObject({ received: 2 });
  await r1.guest.run('ls /etc/rc.d/S18rustynet-guard /etc/rc.d/S95rustynet /usr/lib/rustynet/rustynet.js');
});

test('removed on a flash that is full: taken out of UCI whole, and the settings of the router are all there', async () => {
  const own = "grep -v rustynet /etc/config/network | grep -v '^$'";
  const before = await r1.guest.run(own);
  // The guard's own files would make a little room when they go.
  await r1.guest.run(`rm -rf /etc/rustynet/guard; ${leaves(0)}`);
  expect(await opkg('remove rustynet')).toMatchObject({ status: 0 });
  const left = (await r1.guest.run(traces)).split('\n').filter((line) => !line.startsWith('rustynet.main'));
  expect(left.sort()).toEqual(['', '/etc/config/rustynet', '/etc/rustynet']);
  expect(await r1.guest.run(own)).toBe(before.replace("config interface 'rn0'\n", ''));
  expect(await r1.hostPings(internet.web, 2)).toMatchObject({ received: 2 });
  bare = await r1.guest.run(`rm -r /etc/config/rustynet /etc/rustynet; ${empty}; ${router}`);
});

test.each([0, 40, 150, 396])(
  'installed on a flash with %s KB left: refused whole, and nothing of the router is touched',
  async (kb) => {
    await r1.guest.run(leaves(kb));
    await expectRefused(
      install(),
      new RegExp(`not installed: wanted ${roomKb} KB of free flash, got \\d+\n {2}Make room`),
    );
    expect(await r1.guest.run(router)).toBe(bare);
  },
);

test('installed on a flash that is read-only: refused whole, and nothing of the router is touched', async () => {
  await r1.guest.run(readOnly);
  await expectRefused(install(), 'rustynet: not installed: wanted writable flash, got Read-only file system\n');
  expect(await r1.guest.run(`${writable}; ${router}`)).toBe(bare);
});

test('broken off by a flash that has less than it says: nothing runs, nor would at a boot, and with room it goes in whole', async () => {
  const lies = 'mkdir -p /tmp/lies; echo "echo / 1 1 9999 1% /" >/tmp/lies/df; chmod 755 /tmp/lies/df';
  const outside = 'cat /etc/config/network /etc/config/firewall; uci changes; ip rule; ip route';
  const before = await r1.guest.run(outside);
  await r1.guest.run(`${leaves(150)}; ${lies}`);
  const broken = r1.guest.exec('PATH=/tmp/lies:$PATH opkg --force-space install /lab/rustynet.ipk');
  await expectRefused(broken, 'Package debris may remain!');
  expect(await r1.guest.run('ls /etc/rc.d | grep rustynet; ubus list | grep rustynet; true')).toBe('');
  expect(await r1.guest.run(outside)).toBe(before);
  expect(await r1.hostPings(internet.web, 2)).toMatchObject({ received: 2 });
  await r1.guest.run(leaves(roomKb));
  const { status, stderr } = await install();
  expect(status, stderr).toBe(0);
  await r1.reaches('closed');
  expect(await r1.hostPings(internet.web, 2)).toMatchObject({ received: 2 });
  expect(await r1.guest.run(`ls /etc/rc.d | grep -c rustynet; ${outside}`)).toBe(`3\n${before}`);
});

test('joins where 60 KB are left, leaves where none are: refused, with every file of settings as it was', async () => {
  const files = 'cat /etc/config/*; uci changes';
  const before = await r1.guest.run(files);
  await r1.guest.run(leaves(60));
  const invite = await mesh.ownInvite('r1');
  const refused = r1.guest.exec('rustynet join - --json', { input: invite });
  await expectRefused(refused, /\/etc\/config\/rustynet: wanted 64 KB of free flash, got \d+/);
  expect(await r1.guest.run(files)).toBe(before);
  await r1.guest.run(empty);
  await mesh.join('r1', invite);
  await r1.guest.run('until grep -q rustynet_to /etc/config/firewall && [ -z "$(uci changes)" ]; do sleep 0.2; done');
  const joined = await r1.guest.run(files);
  await r1.guest.run(leaves(0));
  await expectRefused(r1.guest.exec('rustynet leave'), '/etc/config/rustynet: wanted 64 KB of free flash, got 0');
  expect(await r1.guest.run(files)).toBe(joined);
});
