/** The package as a router gets it, looked at with Debian's own tar and gzip. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeFloors } from '../agent/src/trust/floors.ts';
import type { Floors } from '../agent/src/trust/types.ts';
import { buildRouter, routerBundle, version } from './build.ts';
import { pageContent, routerContent, type Content } from './content.ts';
import { buildIpk, packageVersion, type Ipk } from './ipk.ts';
import { packTree } from './tar.ts';

const maxIpkBytes = 100 * 1024;
const maxInstalledBytes = 300 * 1024;
const builtUnixS = 1_790_000_000;

const folder = mkdtempSync(join(tmpdir(), 'rustynet-ipk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let content: Content;
let ipk: Ipk;
let bundle: Buffer;
beforeAll(async () => {
  await buildRouter();
  // Read once: another test's process may build it again meanwhile, with another time in it.
  bundle = readFileSync(routerBundle);
  content = await routerContent(bundle);
  ipk = buildIpk(content, version, builtUnixS);
  writeFileSync(join(folder, 'package.ipk'), ipk.bytes);
  tar('-xzf', 'package.ipk');
});

function tar(...argv: string[]): string {
  return execFileSync('tar', argv, { cwd: folder, encoding: 'utf8', env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' } });
}

/** `mode owner/group size path` of each member. */
function listed(archive: string): string[] {
  return tar('--full-time', '-tvzf', archive)
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [mode = '', owner = '', size = '', date = '', time = '', path = ''] = line.split(/\s+/);
      expect(`${date} ${time}`).toBe('2026-09-21 14:13:20');
      return `${mode} ${owner} ${size} ${path}`;
    });
}

describe('the archive', () => {
  test('is a compressed tar of the three members that opkg wants, of root and of one time', () => {
    const members = listed('package.ipk').map((line) => line.replace(/ \d+ /, ' SIZE '));
    const member = '-rw-r--r-- 0/0 SIZE ./';
    expect(members).toEqual([`${member}debian-binary`, `${member}data.tar.gz`, `${member}control.tar.gz`]);
    expect(readFileSync(join(folder, 'debian-binary'), 'utf8')).toBe('2.0\n');
  });
  test('holds the program, the service, the protocol handler and the keep list, programs executable', () => {
    const files = listed('data.tar.gz').filter((line) => line.startsWith('-'));
    expect(files.map((line) => line.replace(/ 0\/0 \d+ \./, ' '))).toEqual([
      '-rw------- /etc/config/rustynet',
      '-rw-r--r-- /etc/hotplug.d/iface/00-rustynet',
      '-rw-r--r-- /etc/hotplug.d/ntp/30-rustynet',
      '-rwxr-xr-x /etc/init.d/rustynet',
      '-rwxr-xr-x /etc/init.d/rustynet-guard',
      '-rwxr-xr-x /lib/netifd/proto/rustynet.sh',
      '-rw-r--r-- /lib/upgrade/keep.d/rustynet',
      '-rwxr-xr-x /usr/bin/rustynet',
      '-rwxr-xr-x /usr/lib/rustynet/guard',
      '-rwxr-xr-x /usr/lib/rustynet/report',
      '-rw-r--r-- /usr/lib/rustynet/rustynet.js',
      '-rw-r--r-- /usr/lib/rustynet/shut.nft',
      '-rwxr-xr-x /usr/lib/rustynet/uninstall',
      '-rw-r--r-- /usr/share/bash-completion/completions/rustynet',
    ]);
    expect(tar('-xzOf', 'data.tar.gz', './usr/lib/rustynet/rustynet.js')).toBe(bundle.toString());
    expect(tar('-xzOf', 'data.tar.gz', './lib/upgrade/keep.d/rustynet')).toBe('/etc/rustynet/\n');
  });
  test('is byte for byte what GNU tar makes of the same files, folders and odd names among them', () => {
    const odd = { '/a/b': '1', '/a-b': '22', '/a/b.c': '', '/a.b/c': 'x'.repeat(513), '/a/b-c/d': '4' };
    const text = Object.entries(odd).map(([path, data]) => [path, { data: Buffer.from(data), mode: 0o640 }] as const);
    const files = { ...Object.fromEntries(text), ...content.files };
    const tree = join(folder, 'tree');
    for (const [path, { data }] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), data);
    }
    const owner = ['--owner=0', '--group=0', `--mtime=@${builtUnixS}`];
    const argv = ['--format=gnu', '--numeric-owner', '--sort=name', ...owner, '-cf', 'tree.tar', '-C', 'tree', '.'];
    execFileSync('chmod', ['-R', 'u=rwx,go=rx', 'tree'], { cwd: folder });
    for (const [path, { mode }] of Object.entries(files)) chmodSync(join(tree, path), mode);
    tar(...argv);
    expect(packTree(files, builtUnixS).equals(readFileSync(join(folder, 'tree.tar')))).toBe(true);
  });
  test('stays within its budget', () => {
    console.warn(`${ipk.name}: ${ipk.bytes.length} bytes; installed: ${ipk.installedBytes} bytes`);
    expect(ipk.bytes.length).toBeGreaterThan(30_000);
    expect(ipk.bytes.length).toBeLessThan(maxIpkBytes);
    expect(ipk.installedBytes).toBeLessThan(maxInstalledBytes);
  });
});

describe('the control files', () => {
  const control = (name: string): string => tar('-xzOf', 'control.tar.gz', `./${name}`);
  test('are those that opkg reads, scripts executable and nothing else', () => {
    const files = listed('control.tar.gz').filter((line) => line.startsWith('-'));
    expect(files.map((line) => line.replace(/ 0\/0 \d+ \.\//, ' '))).toEqual([
      '-rw-r--r-- conffiles',
      '-rw-r--r-- control',
      '-rwxr-xr-x postinst',
      '-rwxr-xr-x postinst-pkg',
      '-rwxr-xr-x postrm',
      '-rwxr-xr-x preinst',
      '-rwxr-xr-x prerm',
      '-rwxr-xr-x prerm-pkg',
    ]);
  });
  test('name the package, what it needs, and how much it takes unpacked', () => {
    const lines = [...control('control').matchAll(/^(\S+): (.*)$/gm)];
    const fields = new Map(lines.map(([, name, value]) => [name, value]));
    expect(fields.get('Package')).toBe('rustynet');
    expect(fields.get('Version')).toBe(packageVersion(version));
    expect(fields.get('Architecture')).toBe('all');
    expect(fields.get('Depends')).toBe(
      'ca-bundle, ip-full, kmod-wireguard, nftables-json, node, rpcd, wireguard-tools',
    );
    const unpacked = execFileSync('gzip', ['-dc', 'data.tar.gz'], { cwd: folder });
    expect(fields.get('Installed-Size')).toBe(String(unpacked.length));
    expect(control('conffiles')).toBe('/etc/config/rustynet\n');
  });
  test.each(['preinst', 'postinst', 'postinst-pkg', 'prerm', 'prerm-pkg', 'postrm'])(
    '%s is a script that the shell can read',
    (name) => {
      expect(() => execFileSync('sh', ['-n'], { input: control(name), stdio: 'pipe' })).not.toThrow();
    },
  );
  test('preinst asks for as much flash as files and notes take in blocks of 4 KB, and for not much more', () => {
    const inBlocks = ({ length }: Uint8Array): number => Math.ceil(length / 4096) * 4;
    const data = [...Object.values(content.files).map((file) => file.data), ...Object.values(content.scripts)];
    // Of opkg: postinst, prerm, control, conffiles, the list.
    const takenKb = data.reduce((sum, each) => sum + inBlocks(each), 0) + 5 * 4;
    const roomKb = Number(/^room=(\d+)$/m.exec(String(content.scripts['preinst']))?.[1]);
    expect(roomKb).toBeGreaterThanOrEqual(takenKb);
    expect(roomKb).toBeLessThan(takenKb + 64);
  });
  test('preinst knows the format of the floors that the bundle writes', () => {
    const floors = encodeFloors({
      rootVersion: 1,
      rootDigest: '',
      minMapRootVersion: 1,
      epoch: 0,
      timeUnixS: 0,
    } as unknown as Floors);
    const { format } = JSON.parse(Buffer.from(floors).toString()) as { format: number };
    expect(String(content.scripts['preinst'])).toContain(`\nformat=${format}\n`);
  });
});

describe("the package of LuCI's page", () => {
  test('has views, menu, access list and German below the roots that LuCI serves, and needs LuCI and the agent', async () => {
    const { files, dependencies, name } = await pageContent();
    const modes = Object.entries(files).map(([path, { mode }]) => `${mode.toString(8)} ${path}`);
    expect(modes).toEqual(
      expect.arrayContaining([
        '644 /www/luci-static/resources/view/rustynet/overview.js',
        '644 /www/luci-static/resources/view/status/include/35_rustynet.js',
        '644 /www/luci-static/resources/protocol/rustynet.js',
        '644 /usr/share/luci/menu.d/luci-app-rustynet.json',
        '644 /usr/share/rpcd/acl.d/luci-app-rustynet.json',
        '644 /usr/lib/lua/luci/i18n/rustynet.de.lmo',
      ]),
    );
    expect(modes.filter((line) => !line.startsWith('644 '))).toEqual([]);
    expect([name, dependencies]).toEqual(['luci-app-rustynet', ['luci-base', 'rustynet']]);
  });
});
