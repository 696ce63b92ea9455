// In: a root folder and names of kernel modules. Out: the files that a guest boots from: a squashfs, an initrd that
// mounts it, an empty disk. Shared by the images of every tier. Specified in mksquashfs(1), mkfs.ext4(8), modprobe(8).
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { packCpio, type CpioEntry } from './cpio.ts';
import { run } from './packages.ts';

export const DISK_BYTES = 512 << 20;

/** The same root gives the same bytes, so that a digest names an image. */
export async function squash(root: string, file: string): Promise<void> {
  const times = ['-mkfs-time', '0', '-all-time', '0'];
  await run('mksquashfs', [root, file, '-comp', 'lz4', '-all-root', '-no-progress', '-quiet', ...times]);
}

/** `names` are modules; one that the kernel has built in gives no file. */
export async function packInitrd(root: string, version: string, names: readonly string[]): Promise<Buffer> {
  const busybox = readFileSync(join(root, 'lab/busybox'));
  const init = readFileSync(join(import.meta.dirname, 'init'));
  const entries: CpioEntry[] = [
    { kind: 'file', path: 'bin/busybox', data: busybox, mode: 0o755 },
    { kind: 'file', path: 'init', data: init, mode: 0o755 },
  ];
  const files = new Set<string>();
  for (const name of names) {
    const order = await run('modprobe', ['-d', root, '-S', version, '--show-depends', name]);
    for (const [, path = ''] of order.matchAll(/^insmod (\S+)/gm)) files.add(path);
  }
  for (const path of files) {
    entries.push({ kind: 'file', path: `lib/modules/${basename(path)}`, data: readFileSync(path), mode: 0o644 });
  }
  const list = [...files].map((path) => `/lib/modules/${basename(path)}\n`).join('');
  entries.push({ kind: 'file', path: 'modules', data: Buffer.from(list), mode: 0o644 });
  return packCpio(entries);
}

/** Written whole now, so that no guest spends time on it later; zeros become holes in each copy. */
export async function makeEmptyDisk(file: string): Promise<void> {
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, DISK_BYTES);
  closeSync(descriptor);
  const options = ['-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard', '-m', '0'];
  await run('mkfs.ext4', ['-q', '-F', ...options, file]);
}
