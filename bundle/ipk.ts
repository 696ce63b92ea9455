/**
 * An OpenWrt package without the SDK. In: the bundle, a version, one time. Out: the bytes of `rustynet_VERSION_all.ipk`,
 * the same for the same input: a compressed tar of debian-binary, data.tar.gz and control.tar.gz, as scripts/ipkg-build
 * makes it, with the control files that include/package-pack.mk writes (OpenWrt 24.10).
 */
import { gzipSync } from 'node:zlib';
import { conffiles, controlScript, installedFiles, type PackageFiles } from './content.ts';
import { packList, packTree, type TarFile } from './tar.ts';

export const packageName = 'rustynet';
/** Raised when the package changes and the version does not; PKG_RELEASE in the Makefile. */
const packageRelease = 1;
export const dependencies: readonly string[] = [
  'ca-bundle',
  'ip-full',
  'kmod-wireguard',
  'nftables-json',
  'node',
  'wireguard-tools',
];
export const description =
  'Agent of a private WireGuard mesh: verifies the map that the operator signed and enforces it, or stays closed.';

export interface Ipk {
  readonly name: string;
  readonly bytes: Buffer;
  /** The fields that a feed's index repeats. */
  readonly control: string;
  readonly installed: PackageFiles;
  readonly installedBytes: number;
}

/** The time in gzip's own header is 0 here, as `gzip -n` leaves it. */
function compress(bytes: Uint8Array): Buffer {
  return gzipSync(bytes, { level: 9 });
}

export function packageVersion(version: string): string {
  return `${version}-r${packageRelease}`;
}

/** Without SourceName and SourceDateEpoch, which opkg takes for `Source`, cut short. */
function controlText(version: string, dataBytes: number): string {
  const fields = {
    Package: packageName,
    Version: packageVersion(version),
    Depends: dependencies.join(', '),
    License: 'MIT',
    Section: 'net',
    Architecture: 'all',
    'Installed-Size': dataBytes,
    Description: ` ${description}`,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** OpenWrt's own words around a package's scripts: they run postinst-pkg and prerm-pkg, and what is in /etc/init.d. */
function defaultScript(name: 'postinst' | 'prerm'): string {
  return [
    '#!/bin/sh',
    ...(name === 'postinst' ? ['[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0'] : []),
    '[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0',
    '. ${IPKG_INSTROOT}/lib/functions.sh',
    `default_${name} $0 $@`,
    '',
  ].join('\n');
}

async function controlFiles(control: string): Promise<Record<string, TarFile>> {
  const text = (content: string, mode: number): TarFile => ({ data: Buffer.from(content), mode });
  const ours = ['preinst', 'postinst-pkg', 'prerm-pkg', 'postrm'].map(
    async (name) => [`/${name}`, { data: await controlScript(name), mode: 0o755 }] as const,
  );
  return {
    '/conffiles': text(conffiles.map((path) => `${path}\n`).join(''), 0o644),
    '/control': text(control, 0o644),
    '/postinst': text(defaultScript('postinst'), 0o755),
    '/prerm': text(defaultScript('prerm'), 0o755),
    ...Object.fromEntries(await Promise.all(ours)),
  };
}

export async function buildIpk(bundle: Uint8Array, version: string, mtimeUnixS: number): Promise<Ipk> {
  const installed = await installedFiles(bundle);
  const data = packTree(installed, mtimeUnixS);
  const control = controlText(version, data.length);
  const member = (bytes: Uint8Array): TarFile => ({ data: bytes, mode: 0o644 });
  const members = {
    'debian-binary': member(Buffer.from('2.0\n')),
    'data.tar.gz': member(compress(data)),
    'control.tar.gz': member(compress(packTree(await controlFiles(control), mtimeUnixS))),
  };
  return {
    name: `${packageName}_${packageVersion(version)}_all.ipk`,
    bytes: compress(packList(members, mtimeUnixS)),
    control,
    installed,
    installedBytes: Object.values(installed).reduce((sum, file) => sum + file.data.length, 0),
  };
}
