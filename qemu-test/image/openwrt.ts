// In: an OpenWrt root file system and a kernel that somebody else built, named by OPENWRT_ROOTFS, OPENWRT_KERNEL and
// OPENWRT_MODULES: files, or URLs with the SHA-256 that the operator expects. Out: an image of the tier `openwrt`, with
// nothing of ours in it but /lab and a service that runs it. No digest of a release is written here: none was seen.
// Specified in the kernel's arch/x86/boot protocol (HdrS, kernel_version), RFC 1952, OpenWrt's rc.common.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { buildLabImage, imageIn, OUT, stampOfInputs, type LabImage } from './build.ts';
import { lock } from './lock.ts';
import { makeEmptyDisk, packInitrd, squash } from './pack.ts';
import { run } from './packages.ts';

/** What the promises call by name in a router; `ip` must be the whole one, for namespaces. */
const PROGRAMS = ['ubus', 'uci', 'ubusd', 'procd', 'netifd', 'rpcd', 'fw4', 'nft', 'wg', 'node', 'ip'];
const PROGRAM_FOLDERS = ['bin', 'sbin', 'usr/bin', 'usr/sbin'];
/** Of a kernel that has one of these built in, there is no module. */
const EARLY_MODULES = ['virtio_blk', 'virtio_net', 'virtio_console', 'ext4', 'squashfs', 'overlay'];
const GZIP = Buffer.from([0x1f, 0x8b]);

type Environment = Readonly<Record<string, string | undefined>>;

export interface Given {
  readonly rootfs: Buffer;
  readonly kernel: Buffer;
  readonly kernelVersion: string;
  /** `lib/modules/VERSION` of the kernel, if it is not in the rootfs. */
  readonly modules: string | undefined;
}

const WANTED =
  'OPENWRT_ROOTFS=<rootfs.tar.gz> and OPENWRT_KERNEL=<bzImage>, paths or https URLs; a URL needs OPENWRT_SHA256 or ' +
  'OPENWRT_KERNEL_SHA256 beside it, a kernel whose modules are not in the rootfs OPENWRT_MODULES=<lib/modules/VERSION>';

async function fetched(url: string): Promise<Buffer> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new Error(`${url}: wanted a download, got ${(cause as Error).message}`, { cause });
  });
  if (!response.ok) throw new Error(`${url}: wanted status 200, got ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** A file or a URL; what comes over the network is taken only with a digest that the operator gave. */
async function obtain(environment: Environment, name: string, digestName: string): Promise<Buffer> {
  const place = environment[name];
  if (place === undefined || place === '') throw new Error(`openwrt image: wanted ${WANTED}; got no ${name}`);
  const digest = environment[digestName]?.toLowerCase();
  const isUrl = /^https?:/.test(place);
  if (digest === undefined && isUrl) throw new Error(`openwrt image: ${name} is a URL: wanted ${digestName}, got none`);
  if (digest !== undefined && !/^[0-9a-f]{64}$/.test(digest)) {
    throw new Error(`openwrt image: ${digestName}: wanted 64 hex digits, got ${digest}`);
  }
  if (!isUrl && !existsSync(place)) throw new Error(`openwrt image: ${name}: wanted a file at ${place}, got none`);
  const bytes = isUrl ? await fetched(place) : readFileSync(place);
  const got = createHash('sha256').update(bytes).digest('hex');
  if (digest !== undefined && got !== digest) {
    throw new Error(`openwrt image: ${name}: wanted SHA-256 ${digest}, got ${got}`);
  }
  return bytes;
}

/** The version that a bzImage says of itself, as `uname -r` will. */
function versionOf(kernel: Buffer): string {
  if (kernel.length < 0x210 || kernel.toString('latin1', 0x202, 0x206) !== 'HdrS') {
    throw new Error(`openwrt image: OPENWRT_KERNEL: wanted a bzImage (HdrS at byte 514), got something else`);
  }
  const at = kernel.readUInt16LE(0x20e) + 0x200;
  const [version = ''] = kernel.toString('latin1', at, at + 128).split(/[ \0]/);
  if (!/^\d+\.\d+/.test(version)) throw new Error(`openwrt image: wanted a kernel's version, got '${version}'`);
  return version;
}

/** Takes what the environment names, and refuses what cannot be an OpenWrt to boot. */
export async function readGiven(environment: Environment): Promise<Given> {
  const rootfs = await obtain(environment, 'OPENWRT_ROOTFS', 'OPENWRT_SHA256');
  if (!rootfs.subarray(0, 2).equals(GZIP)) {
    throw new Error(`openwrt image: OPENWRT_ROOTFS: wanted gzip (1f 8b), got ${rootfs.toString('hex', 0, 2)}`);
  }
  const kernel = await obtain(environment, 'OPENWRT_KERNEL', 'OPENWRT_KERNEL_SHA256');
  const kernelVersion = versionOf(kernel);
  const modules = environment['OPENWRT_MODULES'];
  if (modules !== undefined && (!existsSync(modules) || basename(modules) !== kernelVersion)) {
    throw new Error(`openwrt image: OPENWRT_MODULES: wanted a folder named ${kernelVersion}, got ${modules}`);
  }
  return { rootfs, kernel, kernelVersion, modules };
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Nothing is added to a rootfs that lacks a program: what is tried must be what a router has. */
export function needPrograms(root: string): void {
  const places = (name: string): string[] => PROGRAM_FOLDERS.map((folder) => join(root, folder, name)).filter(isThere);
  const missing = PROGRAMS.filter((name) => places(name).length === 0);
  if (missing.length > 0) {
    throw new Error(
      `openwrt image: the rootfs: wanted the programs ${PROGRAMS.join(' ')}, got no ${missing.join(' ')}`,
    );
  }
  const isBusybox = places('ip').every((path) => lstatSync(path).isSymbolicLink());
  if (isBusybox) throw new Error('openwrt image: the rootfs: wanted the ip of package ip-full, got a link to busybox');
}

function addLab(root: string, lab: string): void {
  for (const name of ['lab/run', 'rom', 'overlay', 'etc/init.d', 'etc/rc.d']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const name of ['busybox', 'agent']) copyFileSync(join(lab, 'lab', name), join(root, 'lab', name));
  copyFileSync(join(import.meta.dirname, 'openwrt-lab.init'), join(root, 'etc/init.d/lab'));
  chmodSync(join(root, 'etc/init.d/lab'), 0o755);
  symlinkSync('../init.d/lab', join(root, 'etc/rc.d/S99lab'));
}

async function addModules(root: string, { modules, kernelVersion }: Given): Promise<void> {
  const target = join(root, 'lib/modules', kernelVersion);
  if (modules !== undefined) cpSync(modules, target, { recursive: true, verbatimSymlinks: true });
  if (!existsSync(target)) {
    const got = existsSync(join(root, 'lib/modules')) ? readdirSync(join(root, 'lib/modules')).join(' ') : '';
    throw new Error(`openwrt image: wanted modules of kernel ${kernelVersion}, got ${got || 'none'}; ${WANTED}`);
  }
  await run('depmod', ['-b', root, kernelVersion]);
}

async function build(scratch: string, given: Given, labSquashfs: string): Promise<void> {
  const [image, root, lab] = ['image', 'root', 'lab'].map((name) => join(scratch, name)) as [string, string, string];
  for (const folder of [image, root]) mkdirSync(folder);
  writeFileSync(join(scratch, 'rootfs.tar.gz'), given.rootfs);
  await run('tar', ['-xzf', join(scratch, 'rootfs.tar.gz'), '--no-same-owner', '--exclude=./dev/*', '-C', root]);
  await run('unsquashfs', ['-quiet', '-no-progress', '-no-xattrs', '-d', lab, labSquashfs, 'lab']);
  needPrograms(root);
  addLab(root, lab);
  await addModules(root, given);
  writeFileSync(join(image, 'kernel'), given.kernel);
  writeFileSync(join(image, 'initrd'), await packInitrd(root, given.kernelVersion, EARLY_MODULES));
  await squash(root, join(image, 'root.squashfs'));
  await makeEmptyDisk(join(image, 'empty.ext4'));
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(image, 'packages.txt'), `rootfs ${digest(given.rootfs)}\nkernel ${digest(given.kernel)}\n`);
  writeFileSync(join(image, 'kernel-version'), given.kernelVersion);
}

/** Gives the image of what the environment names, built first if there is none of it. */
export async function buildOpenwrtImage(environment: Environment = process.env): Promise<LabImage> {
  const given = await readGiven(environment);
  const lab = await buildLabImage();
  const hash = createHash('sha256').update(stampOfInputs()).update(given.rootfs).update(given.kernel);
  const folder = join(OUT, `image-openwrt-${hash.digest('hex').slice(0, 16)}`);
  const unlock = await lock(join(OUT, 'lock'));
  const scratch = mkdtempSync(join(OUT, 'build-'));
  try {
    if (!existsSync(folder)) {
      await build(scratch, given, lab.squashfs);
      renameSync(join(scratch, 'image'), folder);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    unlock();
  }
  return imageIn(folder, 'openwrt');
}

/** What the routers of a topology boot from, as LAB_IMAGE says: the lab's own image if it says nothing. */
export function buildRouterImage(environment: Environment = process.env): Promise<LabImage> {
  const tier = environment['LAB_IMAGE'] ?? 'lab';
  if (tier === 'lab') return buildLabImage();
  if (tier === 'openwrt') return buildOpenwrtImage(environment);
  throw new Error(`LAB_IMAGE: wanted lab or openwrt, got ${tier}`);
}
