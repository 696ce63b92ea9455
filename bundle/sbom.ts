/**
 * What a bundle was made of. In: npm's list of all packages (`npm sbom`), the files that esbuild read, the bundle, one
 * time. Out: CycloneDX 1.5 with the packages of which a file went in, and no others; the same for the same input.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
}
interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}
export interface Bom {
  readonly serialNumber: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

export interface Bundled {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
}

/**
 * As npm writes it from the lock file: with a random number and the time of day in it. With development's packages too:
 * without them, npm leaves out those that the product and its tests share.
 */
export async function npmBom(): Promise<Bom> {
  const options = { cwd: fileURLToPath(new URL('..', import.meta.url)), maxBuffer: 16 << 20 };
  const { stdout } = await promisify(execFile)(
    'npm',
    ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'],
    options,
  );
  return JSON.parse(stdout) as Bom;
}

/** `name@version` of each package that one of these files is of; a package within another's folder is its own. */
export function packagesOf(inputs: readonly string[]): ReadonlySet<string> {
  const folders = inputs.map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]);
  const found = [...new Set(folders)].filter((folder) => folder !== undefined);
  return new Set(
    found.map((folder) => {
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Component;
      return `${name}@${version}`;
    }),
  );
}

/** RFC 9562 section 5.8: a UUID of our own making, here from what is described. */
function serialOf(content: unknown): string {
  const bytes = createHash('sha256').update(JSON.stringify(content)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const [, ...groups] = /^(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(bytes.toString('hex')) ?? [];
  return `urn:uuid:${groups.join('-')}`;
}

export function bomOf(all: Bom, { name, bytes, inputs }: Bundled, builtUnixS: number): Bom {
  const used = packagesOf(inputs);
  const components = all.components.filter((component) => used.has(component['bom-ref']));
  const missing = [...used].filter((ref) => !components.some((component) => component['bom-ref'] === ref));
  if (missing.length > 0) throw new Error(`${name}: wanted ${missing.join(', ')} in npm's list, got none`);
  const own = all.metadata.component['bom-ref'];
  const among = (ref: string): boolean => ref === own || used.has(ref);
  const content = 'SHA-256';
  const described = {
    ...all,
    metadata: {
      ...all.metadata,
      timestamp: new Date(builtUnixS * 1000).toISOString(),
      component: {
        ...all.metadata.component,
        ...{ type: 'application', name },
        hashes: [{ alg: content, content: createHash('sha256').update(bytes).digest('hex') }],
      },
    },
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => among(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(among) })),
  };
  return { ...described, serialNumber: serialOf({ ...described, serialNumber: '' }) };
}
