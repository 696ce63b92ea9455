// In: Debian's package archive by apt, the files beside this one, and the Node that runs this. Out: what a lab guest
// boots: a kernel, an initrd, a read-only root and an empty disk, under qemu-test/out/ (git-ignored). Built when one of
// these files or Node changed since; a newer package alone does not rebuild, so that tests also run without a network.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { lock } from './lock.ts';
import { DISK_BYTES, makeEmptyDisk, packInitrd, squash } from './pack.ts';
import { chooseKernel, download, libraryPackages, needPackageLists, updatePackageLists, unpack } from './packages.ts';
import { addModules, STATIC_BUSYBOX_PACKAGE, makeRoot, NODE_PACKAGES, onlyEntry, PROGRAM_PACKAGES } from './root.ts';

/** `lab` has stand-ins for OpenWrt's services and proves nothing about OpenWrt; `openwrt` has the services themselves. */
export type Tier = 'lab' | 'openwrt';

export interface LabImage {
  readonly tier: Tier;
  readonly kernel: string;
  readonly initrd: string;
  readonly squashfs: string;
  /** An empty ext4 file system, sparse: each guest writes to a copy of it. */
  readonly emptyDisk: string;
  /** As `uname -r` says it. */
  readonly kernelVersion: string;
  /** What it was built from, `name version` a line. */
  readonly packages: string;
}

/** Everything that the lab makes for itself. */
export const OUT = join(import.meta.dirname, '../out');
const KEEP_OLD_IMAGES_MS = 24 * 3600 * 1000;
/** What init needs before the root is mounted; ext4 and virtio_pci are built in. */
const EARLY_MODULES = ['virtio_blk', 'squashfs', 'overlay'];

function say(startMs: number, text: string): void {
  console.warn(`lab image: ${((performance.now() - startMs) / 1000).toFixed(1).padStart(5)} s  ${text}`);
}

/** Of the files beside this one and of Node: whoever changes them builds anew. */
export function stampOfInputs(): string {
  const hash = createHash('sha256').update(`${process.version} ${statSync(process.execPath).size} ${DISK_BYTES}\n`);
  for (const name of readdirSync(import.meta.dirname).sort()) {
    hash.update(`${name}\0`).update(readFileSync(join(import.meta.dirname, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

export function imageIn(folder: string, tier: Tier): LabImage {
  const at = (name: string): string => join(folder, name);
  return {
    tier,
    kernel: at('kernel'),
    initrd: at('initrd'),
    squashfs: at('root.squashfs'),
    emptyDisk: at('empty.ext4'),
    kernelVersion: readFileSync(at('kernel-version'), 'utf8'),
    packages: at('packages.txt'),
  };
}

/** Gives the image, built first if there is none of these inputs. One build at a time, also between processes. */
export async function buildLabImage(): Promise<LabImage> {
  const folder = join(OUT, `image-${stampOfInputs()}`);
  if (existsSync(folder)) return imageIn(folder, 'lab');
  mkdirSync(OUT, { recursive: true });
  const unlock = await lock(join(OUT, 'lock'));
  const scratch = mkdtempSync(join(OUT, 'build-'));
  try {
    if (!existsSync(folder)) {
      removeOldImages();
      await build(scratch);
      renameSync(join(scratch, 'image'), folder);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    unlock();
  }
  return imageIn(folder, 'lab');
}

/** Guests of another run may still reboot from an image that is no longer the newest, so it stays for a day. */
function removeOldImages(): void {
  for (const name of readdirSync(OUT)) {
    const path = join(OUT, name);
    const isOld = Date.now() - statSync(path).mtimeMs > KEEP_OLD_IMAGES_MS;
    if (isOld && /^(build|image)-/.test(name)) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

interface Packages {
  kernel: string;
  userland: Map<string, string>;
}

async function fetchPackages(): Promise<Packages> {
  const kernelName = await chooseKernel();
  const programs = [...PROGRAM_PACKAGES, ...NODE_PACKAGES, STATIC_BUSYBOX_PACKAGE];
  const libraries = await libraryPackages(programs);
  const names = [...new Set([...programs, ...libraries])];
  const userland = await download([kernelName, ...names], join(OUT, 'cache'));
  const kernel = userland.get(kernelName) ?? '';
  userland.delete(kernelName);
  return { kernel, userland };
}

async function build(scratch: string): Promise<void> {
  const startMs = performance.now();
  say(startMs, `fetching Debian packages to ${join(OUT, 'cache')}`);
  await needPackageLists('nftables');
  const packages = await fetchPackages().catch(async (error: unknown) => {
    // An archive drops a version when the next one comes; lists from before that name files that are gone.
    await updatePackageLists(`packages could not be had (${String(error).slice(0, 200)})`);
    return fetchPackages();
  });
  const image = join(scratch, 'image');
  const root = join(scratch, 'root');
  const kernel = join(scratch, 'kernel');
  for (const folder of [image, root, kernel, join(scratch, 'pool')]) mkdirSync(folder);

  say(startMs, `unpacking ${packages.userland.size + 1} packages`);
  await makeRoot(root, join(scratch, 'pool'), packages.userland);
  await unpack(packages.kernel, kernel);
  const version = onlyEntry(join(kernel, 'lib/modules'));
  say(startMs, `installing the modules of kernel ${version}`);
  await addModules(root, kernel, version);
  copyFileSync(join(kernel, 'boot', `vmlinuz-${version}`), join(image, 'kernel'));
  writeFileSync(join(image, 'initrd'), await packInitrd(root, version, EARLY_MODULES));

  say(startMs, 'squashing the root');
  await squash(root, join(image, 'root.squashfs'));
  await makeEmptyDisk(join(image, 'empty.ext4'));
  const files = [packages.kernel, ...packages.userland.values()].map((path) => basename(path)).sort();
  writeFileSync(
    join(image, 'packages.txt'),
    files.map((name) => name.split('_').slice(0, 2).join(' ')).join('\n') + '\n',
  );
  writeFileSync(join(image, 'kernel-version'), version);
  say(startMs, `done, kernel ${version}, root ${statSync(join(image, 'root.squashfs')).size >> 20} MB`);
}
