// In: unpacked Debian packages and the Node that runs this. Out: the root folder of a lab guest, which build.ts squashes.
// /var is /tmp, as on OpenWrt, so what a daemon leaves there is gone after a reboot.
// Specified in Debian's merged /usr, depmod(8), and the files rc, agent and inittab beside this one.
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { addHostLibraries, addLibraries, run, unpack } from './packages.ts';

/** For init, rc and agent. Its shell takes its own `ip` and `ping` before those in PATH, so a test's commands get another. */
export const STATIC_BUSYBOX_PACKAGE = 'busybox-static';
/** What the tests call by name in a guest; their libraries are found by dependency. */
export const PROGRAM_PACKAGES: readonly string[] = [
  'busybox',
  'dnsmasq-base',
  'iproute2',
  'iputils-ping',
  'kmod',
  'mosquitto',
  'netbase',
  'iperf3',
  'lua-cjson',
  'lua5.1',
  'nftables',
  'wireguard-tools',
];
/** What Node links to, so that its C++ runtime fits the packages' C library. */
export const NODE_PACKAGES: readonly string[] = ['libc6', 'libgcc-s1', 'libstdc++6'];

/** Of the kernel's 100 MB of modules, the folders with what a router can ask for. */
const MODULE_FOLDERS = ['arch', 'crypto', 'drivers/block', 'drivers/net', 'fs/overlayfs', 'fs/squashfs', 'lib', 'net'];

const ETC: Record<string, string> = {
  passwd: [
    'root:x:0:0:root:/root:/bin/sh',
    'mosquitto:x:101:101::/var/lib/mosquitto:/bin/false',
    'dnsmasq:x:102:65534::/var/lib/misc:/bin/false',
    'nobody:x:65534:65534:nobody:/:/bin/false',
  ].join('\n'),
  group: 'root:x:0:\nmosquitto:x:101:\nnogroup:x:65534:',
  hosts: '127.0.0.1 localhost\n::1 localhost',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns',
};

/** A folder where `/bin` and its kin are links into `/usr`, as packages of a merged Debian expect. */
function makeMerged(folder: string): void {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(folder, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(folder, name));
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Links each busybox applet that no package brought as a program of its own. */
async function addApplets(root: string): Promise<void> {
  const applets = (await run(join(root, 'usr/bin/busybox'), ['--list'])).split('\n').filter((name) => name !== '');
  for (const name of applets) {
    const places = ['usr/bin', 'usr/sbin'].map((folder) => join(root, folder, name));
    if (!places.some(isThere)) symlinkSync('/bin/busybox', join(root, 'usr/bin', name));
  }
  // The kernel and inittab name these by path.
  for (const name of ['init', 'reboot', 'poweroff']) symlinkSync('/bin/busybox', join(root, 'usr/sbin', name));
}

/** Installs the modules of a kernel package, uncompressed: xz is slow on an emulated processor. */
export async function addModules(root: string, kernel: string, version: string): Promise<void> {
  const from = join(kernel, 'lib/modules', version);
  const into = join(root, 'usr/lib/modules', version);
  const kept = MODULE_FOLDERS.map((folder) => join('kernel', folder)).filter((folder) =>
    existsSync(join(from, folder)),
  );
  mkdirSync(into, { recursive: true });
  await run(
    'cp',
    ['-a', '--parents', ...kept, 'modules.order', 'modules.builtin', 'modules.builtin.modinfo', into],
    from,
  );
  await run('sh', ['-c', 'find "$1" -name "*.ko.xz" -exec xz -d {} +', 'xz', into]);
  await run('depmod', ['-b', root, version]);
}

/** Makes the whole root folder; `pool` is scratch space for libraries. */
export async function makeRoot(root: string, pool: string, packages: ReadonlyMap<string, string>): Promise<void> {
  makeMerged(root);
  makeMerged(pool);
  for (const [name, deb] of packages) await unpack(deb, PROGRAM_PACKAGES.includes(name) ? root : pool);
  copyFileSync(process.execPath, join(root, 'usr/bin/node'));
  chmodSync(join(root, 'usr/bin/node'), 0o755);
  await addHostLibraries(pool, process.execPath);
  await addLibraries(root, pool);
  const loader = 'ld-linux-x86-64.so.2';
  symlinkSync(`../lib/x86_64-linux-gnu/${loader}`, join(root, 'usr/lib64', loader));
  await addApplets(root);
  for (const name of ['doc', 'man', 'locale', 'lintian', 'bug']) {
    rmSync(join(root, 'usr/share', name), { recursive: true, force: true });
  }
  addFiles(root, join(pool, 'usr/bin/busybox'));
}

function addFiles(root: string, staticBusybox: string): void {
  for (const name of ['var', 'run']) rmSync(join(root, name), { recursive: true, force: true });
  symlinkSync('tmp', join(root, 'var'));
  symlinkSync('tmp/run', join(root, 'run'));
  for (const name of ['dev', 'etc', 'lab/run', 'mnt', 'overlay', 'proc', 'rom', 'root', 'sys', 'tmp']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(ETC)) writeFileSync(join(root, 'etc', name), `${text}\n`);
  for (const name of ['agent', 'rc']) {
    copyFileSync(join(import.meta.dirname, name), join(root, 'lab', name));
    chmodSync(join(root, 'lab', name), 0o755);
  }
  copyFileSync(staticBusybox, join(root, 'lab/busybox'));
  copyFileSync(join(import.meta.dirname, 'inittab'), join(root, 'etc/inittab'));
}

/** The one entry of a folder; anything else is an error. */
export function onlyEntry(folder: string): string {
  const names = readdirSync(folder);
  if (names.length !== 1 || names[0] === undefined) {
    throw new Error(`${basename(folder)}: wanted one entry, got ${names.join(' ') || 'none'}`);
  }
  return names[0];
}
