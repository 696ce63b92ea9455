/**
 * The package's scripts on the stand-ins: installed, refused, upgraded, removed, with the stand-in of opkg.
 * In: packages that bundle/ipk.ts built. Out: files, services and messages in a guest root, as a person would see them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildRouter, routerBundle } from '../../../bundle/build.ts';
import { collectorContent, routerContent } from '../../../bundle/content.ts';
import { buildIpk } from '../../../bundle/ipk.ts';
import { openFlash } from '../../src/drivers/flash.ts';
import type { Digest } from '../../src/trust/types.ts';
import { type GuestRoot, openGuestRoot, type Ran } from './guest-root.ts';
import { until } from './world.ts';

let guest: GuestRoot;
beforeAll(async () => {
  // A kernel and a Node of the test's own, before those of this machine.
  const tools = { '/usr/lib/fake/uname': '#!/bin/sh\necho lab\n' };
  guest = await openGuestRoot(tools, {});
  await buildRouter();
  for (const version of ['1.0.0', '1.1.0']) {
    const { bytes } = buildIpk(await routerContent(readFileSync(routerBundle)), version, 1_790_000_000);
    writeFileSync(`${guest.root}/tmp/${version}.ipk`, bytes);
  }
}, 60_000);
afterAll(() => guest.close());

const hasKernel = 'mkdir -p /lib/modules/lab; touch /lib/modules/lab/wireguard.ko';
const hasNode = (version: string): string =>
  `printf '#!/bin/sh\\necho ${version}\\n' >/usr/lib/fake/node; chmod 755 /usr/lib/fake/node`;
const opkg = (argv: string): Promise<Ran> => guest.run(`PATH=/usr/lib/fake:$PATH opkg ${argv}`);
/** By name, wherever a package could have left it. */
async function traces(): Promise<string> {
  const { out } = await guest.run(
    'find /etc /usr/bin /usr/lib /lib/ /var /tmp -name "*rustynet*" | sort; uci show network; uci show firewall | grep rustynet',
  );
  return out
    .split('\n')
    .filter((line) => line.includes('rustynet'))
    .join('\n');
}
const isRunning = async (): Promise<boolean> => (await guest.run('/etc/init.d/rustynet running')).status === 0;
/** As the agent writes them. */
function floorsFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'floors-'));
  const floors = {
    rootVersion: 3,
    rootDigest: 'a'.repeat(64) as Digest,
    minMapRootVersion: 1,
    epoch: 0,
    timeUnixS: 17,
  };
  openFlash(folder).commit({ floors }, new Map(), []);
  const text = readFileSync(join(folder, 'floors'), 'utf8');
  rmSync(folder, { recursive: true });
  return text;
}
const putFloors = (text: string): void => {
  writeFileSync(`${guest.root}/etc/rustynet/state/floors`, text);
};

describe('a router that cannot run it', () => {
  it.each([
    [
      'without Node',
      `rm -f /usr/lib/fake/node; ${hasKernel}; ${hasNode('')}`,
      'wanted Node 20 or newer as /usr/bin/node, got none',
    ],
    ['with Node 18', `${hasKernel}; ${hasNode('v18.20.6')}`, 'wanted Node 20 or newer as /usr/bin/node, got v18.20.6'],
    [
      'without WireGuard',
      `rm -r /lib/modules/lab; ${hasNode('v20.20.2')}`,
      'wanted WireGuard in kernel lab, got no module',
    ],
    [
      'whose WireGuard is of another kernel',
      'mkdir -p /lib/modules/other; touch /lib/modules/other/wireguard.ko',
      'in kernel lab',
    ],
  ])('%s keeps it out, and nothing is written', async (_, prepare, message) => {
    await guest.run(prepare);
    const before = await traces();
    const { status, out } = await opkg('install /tmp/1.0.0.ipk');
    expect(status).not.toBe(0);
    expect(out).toContain(`rustynet: not installed: `);
    expect(out).toContain(message);
    expect(out).toMatch(/\n {2}(OpenWrt 24\.10: opkg|Install kmod-wireguard)/);
    expect(await traces()).toBe(before);
  });
  it('and takes it as soon as it can, and says that netifd does not know the protocol yet', async () => {
    await guest.run(`${hasKernel}; ${hasNode('v20.20.2')}`);
    expect(await opkg('install /tmp/1.0.0.ipk')).toEqual({
      status: 0,
      out:
        'opkg stand-in: Installing rustynet (1.0.0-r1) to root...\nopkg stand-in: Configuring rustynet.\n' +
        'rustynet: netifd learns protocols only when it starts. Before you join: service network restart, or reboot\n',
    });
    const known = async (): Promise<boolean> =>
      (await guest.run('ubus call network get_proto_handlers')).out.includes('"rustynet"');
    expect(await known()).toBe(false);
    expect(await guest.run('/etc/init.d/network restart')).toEqual({ status: 0, out: '' });
    await until('the protocol', known).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${(await guest.run('tail -n 30 /var/log/standin.log')).out}`);
    });
  });
});

describe('installed', () => {
  it('it is enabled and running, and a settings file is for root alone', async () => {
    expect((await guest.run('ls /etc/rc.d')).out).toMatch(/S18rustynet-guard\n(.*\n)*S95rustynet/);
    await until('the agent', isRunning);
    expect((await guest.run('stat -c %a /etc/config/rustynet')).out).toBe('600\n');
    expect((await guest.run('opkg list-installed')).out).toBe('rustynet - 1.0.0-r1\n');
  });
  it('is upgraded: the settings stay, another agent runs', async () => {
    await guest.run("uci set rustynet.main.lease_s='300'; uci commit rustynet");
    const pid = (await guest.run('cat /var/run/rustynet.pid')).out;
    expect(await opkg('install /tmp/1.1.0.ipk')).toMatchObject({
      status: 0,
      out: expect.not.stringContaining('netifd'),
    });
    await until('another agent', async () => {
      const now = (await guest.run('cat /var/run/rustynet.pid')).out;
      return now !== pid && /^\d+\n$/.test(now);
    });
    expect((await guest.run('uci get rustynet.main.lease_s; opkg list-installed')).out).toBe(
      '300\nrustynet - 1.1.0-r1\n',
    );
  });
  it('is upgraded by apk, which stops nothing before: another agent runs all the same', async () => {
    const pid = (await guest.run('cat /var/run/rustynet.pid')).out;
    await guest.run('PKG_UPGRADE=1 /usr/lib/opkg/info/rustynet.postinst configure');
    expect((await guest.run('cat /var/run/rustynet.pid')).out).toBe(pid);
    await guest.run(
      'echo >>/usr/lib/rustynet/rustynet.js; PKG_UPGRADE=1 /usr/lib/opkg/info/rustynet.postinst configure',
    );
    await until('another agent', async () => (await guest.run('cat /var/run/rustynet.pid')).out !== pid);
  });
  it('is not downgraded unless that is forced', async () => {
    expect((await opkg('install /tmp/1.0.0.ipk')).out).toContain('Not downgrading package rustynet');
    expect((await guest.run('opkg list-installed')).out).toBe('rustynet - 1.1.0-r1\n');
  });
  it('is not replaced by a version that cannot read its floors, and goes on running', async () => {
    await guest.run('mkdir -p /etc/rustynet/state');
    putFloors(floorsFile().replace('format\\":1', 'format\\":2'));
    const { status, out } = await opkg('--force-downgrade install /tmp/1.0.0.ipk');
    expect(status).not.toBe(0);
    expect(out).toContain('wanted floors of format 1 or older in /etc/rustynet/state, got 2\n');
    await until('the agent that was there', isRunning);
    const asApk =
      'PATH=/usr/lib/fake:$PATH PKG_UPGRADE=1 APK_SCRIPT=pre-upgrade sh /usr/lib/opkg/info/rustynet.preinst';
    // Which goes on, so that the version that is refused is installed then.
    expect(await guest.run(asApk)).toMatchObject({
      status: 1,
      out: expect.stringContaining('rustynet: not to be installed: wanted floors of format 1') as string,
    });
    expect((await guest.run('opkg list-installed')).out).toBe('rustynet - 1.1.0-r1\n');
    putFloors(floorsFile());
    expect((await opkg('--force-downgrade install /tmp/1.0.0.ipk')).status).toBe(0);
  });
  it('removed while a member: keys and membership stay for another time, and it says so', async () => {
    await guest.run("uci set rustynet.main.network='x'; uci commit rustynet; touch /etc/rustynet/identity.key");
    const { status, out } = await opkg('remove rustynet');
    expect(status).toBe(0);
    expect(out).toContain('keys and membership stay in /etc/rustynet');
    expect(await traces()).toBe('/etc/config/rustynet\n/etc/rustynet');
    expect((await guest.run('cat /etc/rustynet/state/floors')).out).toBe(floorsFile());
  });
  it('removed when it is no member: nothing of it stays', async () => {
    expect((await opkg('install /tmp/1.1.0.ipk')).status).toBe(0);
    expect((await guest.run('uci get rustynet.main.network')).out).toBe('x\n');
    await guest.run('uci delete rustynet.main.network; uci commit rustynet');
    expect((await opkg('remove rustynet')).status).toBe(0);
    expect(await traces()).toBe('');
    expect((await guest.run('ls /etc/rc.d | grep rustynet; ip rule; nft list tables')).out).not.toMatch(
      /rustynet|85[123]:/,
    );
  });
});

describe('a flash without room', () => {
  it('is not removed where UCI could not be written whole, says so, and is with room', async () => {
    await opkg('install /tmp/1.1.0.ipk');
    await guest.run(
      'mkdir /tmp/full; printf "#!/bin/sh\\necho / 1 1 63 99%% /\\n" >/tmp/full/df; chmod 755 /tmp/full/df',
    );
    const { status, out } = await guest.run('PATH=/tmp/full:$PATH opkg remove rustynet');
    expect(status).not.toBe(0);
    expect(out).toContain('rustynet: closed, not removed: wanted 64 KB of writable flash, got less: make room');
    expect(await isRunning()).toBe(false);
    expect((await opkg('remove rustynet')).status).toBe(0);
  });
  it('whose links for the next boot found no room is not taken for installed, and is when there is some', async () => {
    await guest.run('mount -t tmpfs -o nr_inodes=1 full /etc/rc.d');
    const { status, out } = await opkg('install /tmp/1.1.0.ipk');
    expect(status).not.toBe(0);
    expect(out).toContain('rustynet: wanted rustynet enabled, got no room: make some, install again\n');
    await guest.run('umount /etc/rc.d');
    await opkg('remove rustynet');
    expect((await opkg('install /tmp/1.1.0.ipk')).status).toBe(0);
  });
});

describe('the collector of Prometheus', () => {
  const exporter = '/etc/init.d/prometheus-node-exporter-lua';
  const service = [
    '#!/bin/sh /etc/rc.common',
    'USE_PROCD=1',
    'start_service() {',
    '  procd_open_instance',
    '  procd_set_param command sleep 1000',
    '  procd_set_param pidfile /var/run/exporter.pid',
    '  procd_close_instance',
    '}\n',
  ].join('\n');
  const pid = async (): Promise<string> => (await guest.run('cat /var/run/exporter.pid')).out;
  const differsFrom = (old: string) => async (): Promise<boolean> => {
    const now = await pid();
    return now !== old && /^\d+\n$/.test(now);
  };
  it('is seen by an exporter that runs, which is started again with it and without it; one that was stopped is not', async () => {
    const { bytes, name } = buildIpk(await collectorContent(), '1.0.0', 1_790_000_000);
    writeFileSync(`${guest.root}/tmp/${name}`, bytes);
    writeFileSync(`${guest.root}${exporter}`, service, { mode: 0o755 });
    await guest.run(`${exporter} start`);
    await until('the exporter', differsFrom(''));
    const first = await pid();
    expect((await opkg(`install /tmp/${name}`)).status).toBe(0);
    await until('an exporter that has the collector', differsFrom(first));
    const second = await pid();
    expect((await opkg('remove prometheus-node-exporter-lua-rustynet')).status).toBe(0);
    await until('an exporter without it', differsFrom(second));
    await guest.run(`${exporter} stop`);
    expect((await opkg(`install /tmp/${name}`)).status).toBe(0);
    expect((await guest.run(`${exporter} running`)).status).toBe(1);
  });
});
