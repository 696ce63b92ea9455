/**
 * What the package `rustynet` installs. In: openwrt-feed/rustynet/files and the router's bundle. Out: absolute paths with
 * content and mode, whatever the checkout kept of their modes: a file that begins with #! is a program, a configuration
 * is for root alone. openwrt-feed/rustynet/Makefile says the same in the SDK's words, and a test holds them together.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PackageFile {
  readonly data: Uint8Array;
  readonly mode: number;
}
export type PackageFiles = Readonly<Record<string, PackageFile>>;

const feed = fileURLToPath(new URL('../openwrt-feed/rustynet', import.meta.url));
export const bundlePath = '/usr/lib/rustynet/rustynet.js';
export const settingsPath = '/etc/config/rustynet';
export const conffiles: readonly string[] = [settingsPath];

function modeOf(path: string, data: Uint8Array): number {
  if (conffiles.includes(path)) return 0o600;
  return data[0] === 0x23 && data[1] === 0x21 ? 0o755 : 0o644;
}

/** All but the program itself, which is the bundle's affair. */
export async function feedFiles(): Promise<PackageFiles> {
  const folder = join(feed, 'files');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<[string, PackageFile]> => {
      const source = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, source)}`;
      const data = await readFile(source);
      return [path, { data, mode: modeOf(path, data) }];
    });
  return Object.fromEntries(await Promise.all(files));
}

export async function installedFiles(bundle: Uint8Array): Promise<PackageFiles> {
  return { ...(await feedFiles()), [bundlePath]: { data: bundle, mode: 0o644 } };
}

/** A script of ours that the package manager runs: `preinst`, `postinst-pkg`, `prerm-pkg`, `postrm`. */
export function controlScript(name: string): Promise<Buffer> {
  return readFile(join(feed, 'control', name));
}
