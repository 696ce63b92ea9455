/**
 * The files that make a lab guest look like OpenWrt to the agent.
 * In: the folder root/ and the sources. Out: absolute paths in the guest with content and mode. Programs and rc scripts
 * are executable, whatever the checkout kept of their modes.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PackageFile, PackageFiles } from '../../bundle/content.ts';
import { bundle } from './bundle.ts';

export type GuestFile = PackageFile;
export type GuestFiles = PackageFiles;

const programs = /^\/(bin|sbin|usr\/lib\/standin|etc\/init\.d)\/|^\/etc\/rc\.common$/;

async function tree(folder: string): Promise<GuestFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<[string, GuestFile]> => {
      const source = join(entry.parentPath, entry.name);
      const path = `/${relative(folder, source)}`;
      return [path, { data: await readFile(source), mode: programs.test(path) ? 0o755 : 0o644 }];
    });
  return Object.fromEntries(await Promise.all(files));
}

/** Everything that the stand-ins put into a guest, `/lab/boot` among it. */
export async function standinFiles(): Promise<GuestFiles> {
  const files = await tree(fileURLToPath(new URL('root', import.meta.url)));
  const call = files['/usr/lib/standin/call'];
  if (call === undefined) throw new Error('stand-ins: wanted root/usr/lib/standin/call, got none');
  const tools = ['/bin/ubus', '/sbin/uci', '/sbin/fw4', '/sbin/reload_config', '/sbin/standin'];
  const links = Object.fromEntries(tools.map((path) => [path, call]));
  return { ...files, ...links, '/usr/lib/standin/services.js': { data: await bundle(), mode: 0o644 } };
}
