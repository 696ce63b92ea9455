/**
 * What each package has in it. In: openwrt-feed, luci-app, the router's bundle. Out: absolute paths with content
 * and mode, whatever the checkout kept of their modes: a file that begins with #! is a program, a configuration is for
 * root alone. Their Makefiles say the same in the SDK's words, and a test holds them together.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lmoOf } from './lmo.ts';

export interface PackageFile {
  readonly data: Uint8Array;
  readonly mode: number;
}
export type PackageFiles = Readonly<Record<string, PackageFile>>;

export interface Content {
  readonly name: string;
  readonly section: string;
  readonly dependencies: readonly string[];
  readonly description: string;
  readonly files: PackageFiles;
  /** Paths of settings that a package manager does not write over. */
  readonly conffiles: readonly string[];
  /** By the names that opkg runs them by: `preinst`, `postinst-pkg`, `prerm-pkg`, `postrm`. */
  readonly scripts: Readonly<Record<string, Uint8Array>>;
}

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
const feed = path('openwrt-feed/rustynet');
const page = path('luci-app');
const collectorName = 'prometheus-node-exporter-lua-rustynet';
export const bundlePath = '/usr/lib/rustynet/rustynet.js';
export const settingsPath = '/etc/config/rustynet';
const conffiles: readonly string[] = [settingsPath];

function modeOf(target: string, data: Uint8Array): number {
  if (conffiles.includes(target)) return 0o600;
  return data[0] === 0x23 && data[1] === 0x21 ? 0o755 : 0o644;
}

async function filesBelow(folder: string, target: string): Promise<PackageFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry): Promise<[string, PackageFile]> => {
      const source = join(entry.parentPath, entry.name);
      const at = `${target}/${relative(folder, source)}`;
      const data = await readFile(source);
      return [at, { data, mode: modeOf(at, data) }];
    });
  return Object.fromEntries(await Promise.all(files));
}

async function scriptsIn(folder: string): Promise<Content['scripts']> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))])));
}

/** All of `rustynet` but the program itself, which is the bundle's affair. */
export function feedFiles(): Promise<PackageFiles> {
  return filesBelow(join(feed, 'files'), '');
}

export async function routerContent(bundle: Uint8Array): Promise<Content> {
  return {
    ...{ name: 'rustynet', section: 'net', conffiles },
    dependencies: ['ca-bundle', 'ip-full', 'kmod-wireguard', 'nftables-json', 'node', 'rpcd', 'wireguard-tools'],
    description:
      'Agent of a private WireGuard mesh: verifies the map that the operator signed and enforces it, or stays closed.',
    files: { ...(await feedFiles()), [bundlePath]: { data: bundle, mode: 0o644 } },
    scripts: await scriptsIn(join(feed, 'control')),
  };
}

/** Translations are in it; LuCI's own build makes a package of each. */
async function translations(): Promise<PackageFiles> {
  const languages = (await readdir(join(page, 'po'))).filter((name) => name !== 'templates').sort();
  const files = languages.map(async (language): Promise<[string, PackageFile]> => {
    const data = lmoOf(await readFile(join(page, 'po', language, 'rustynet.po'), 'utf8'));
    return [`/usr/lib/lua/luci/i18n/rustynet.${language}.lmo`, { data, mode: 0o644 }];
  });
  return Object.fromEntries(await Promise.all(files));
}

export async function pageContent(): Promise<Content> {
  const files = [filesBelow(join(page, 'htdocs'), '/www'), filesBelow(join(page, 'root'), ''), translations()];
  const refresh = await readFile(join(page, 'control/refresh'));
  return {
    ...{ name: 'luci-app-rustynet', section: 'luci', conffiles: [] },
    dependencies: ['luci-base', 'rustynet'],
    description: 'State, peers, access, audit log and settings of the Rustynet mesh, and its interface protocol',
    files: Object.assign({}, ...(await Promise.all(files))) as PackageFiles,
    scripts: { 'postinst-pkg': refresh, postrm: refresh },
  };
}

/** What prometheus-node-exporter-lua asks of the mesh, a package by itself as each collector of it is. */
export async function collectorContent(): Promise<Content> {
  const restart = await readFile(path(`openwrt-feed/${collectorName}/control/restart`));
  return {
    ...{ name: collectorName, section: 'utils', conffiles: [] },
    dependencies: ['prometheus-node-exporter-lua', 'rustynet'],
    description:
      'Collector of prometheus-node-exporter-lua: state, map, lease, broker, refusals and peers of the Rustynet mesh',
    files: await filesBelow(path(`openwrt-feed/${collectorName}/files`), ''),
    scripts: { 'postinst-pkg': restart, postrm: restart },
  };
}
