/**
 * Builds bundle/out/: `rustynet.js` for the router, one minified file for Node 20, and `rustynet-operator.js`.
 * In: the sources. Out: the files and their sizes. Run: `npm run build`.
 */
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify, type MinifyOptions } from 'terser';
import { digestOf } from '../agent/src/trust/words.ts';
import { nativeCrypto, slimMqtt } from './aliases.ts';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
export const { version } = JSON.parse(readFileSync(path('package.json'), 'utf8')) as { version: string };
const inputs = ['agent/src', 'bundle/build.ts', 'bundle/aliases.ts', 'package.json', 'package-lock.json'];

/** Of the last commit that touched what is bundled, so that every clone makes the same bytes (reproducible-builds.org). */
function committedUnixS(): string {
  const argv = ['-c', 'safe.directory=*', 'log', '-1', '--format=%ct', '--', ...inputs];
  const { stdout } = spawnSync('git', argv, { cwd: path('.'), encoding: 'utf8' });
  return /^\d+\n$/.test(stdout) ? stdout.trim() : String(Math.floor(Date.now() / 1000));
}
export const builtUnixS = Number(process.env['SOURCE_DATE_EPOCH'] ?? committedUnixS());

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  minify: true,
  metafile: true,
  legalComments: 'none',
  define: {
    'process.env.RUSTYNET_VERSION': JSON.stringify(version),
    'process.env.RUSTYNET_BUILT_UNIX_S': JSON.stringify(String(builtUnixS)),
  },
} satisfies BuildOptions;

const routerEntry = 'agent/src/main.ts';
export const routerBundle = path('bundle/out/rustynet.js');
export const operatorBundle = path('bundle/out/rustynet-operator.js');

export interface Built {
  readonly bytes: number;
  readonly inputs: readonly string[];
  /** SHA-256 of the file. */
  readonly digest: string;
}

/** Renamed into place: another process may run the file that is replaced. */
function put(target: string, data: string | Uint8Array): void {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.${process.pid}`, data);
  renameSync(`${target}.${process.pid}`, target);
}

/** The project is of ES modules, these files are not. */
async function buildTo(
  file: string,
  entry: string,
  plugins: NonNullable<BuildOptions['plugins']>,
  smaller: (code: string) => Promise<string> = (code) => Promise.resolve(code),
): Promise<Built> {
  const options = {
    ...common,
    entryPoints: [path(entry)],
    format: 'cjs',
    plugins,
    write: false,
  } satisfies BuildOptions;
  const { metafile, outputFiles } = await build(options);
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`${file}: wanted one bundled file, got none`);
  const contents = Buffer.from(await smaller(output.text));
  put(join(dirname(file), 'package.json'), '{ "type": "commonjs" }\n');
  put(file, contents);
  return { bytes: contents.length, inputs: Object.keys(metafile.inputs), digest: digestOf(contents) };
}

/** Neither joins statements by commas nor turns comparisons round: no byte shorter, and gzip finds less of it again. */
const compress = { passes: 3, sequences: false, lhs_constants: false };
const squeezing: MinifyOptions = { ecma: 2020, toplevel: true, compress };

/** What esbuild leaves: names of whole modules, and code that is used once. 5 KB of flash on every router. */
async function squeezed(code: string): Promise<string> {
  const { code: small } = await minify(code, squeezing);
  if (small === undefined) throw new Error('wanted minified code, got none');
  return small;
}

/** It takes seconds, and each file of tests asks for the same: the last one is kept beside the bundle. */
async function squeezedOnce(code: string): Promise<string> {
  const [keptIn, of] = [
    path('bundle/out/squeezed.json'),
    digestOf(Buffer.from(code + readFileSync(path('package-lock.json'), 'utf8') + JSON.stringify(squeezing))),
  ];
  const kept = existsSync(keptIn)
    ? (JSON.parse(readFileSync(keptIn, 'utf8')) as { of: string; small: string })
    : undefined;
  if (kept?.of === of) return kept.small;
  const small = await squeezed(code);
  put(keptIn, JSON.stringify({ of, small }));
  return small;
}

export function buildRouter(): Promise<Built> {
  return buildTo(routerBundle, routerEntry, [slimMqtt(), nativeCrypto()], squeezedOnce);
}

/** The router's bundle before it is minified: what it is made of, readable, each file under a comment with its path. */
export async function readableRouter(...before: readonly Plugin[]): Promise<string> {
  const options = { ...common, entryPoints: [path(routerEntry)], minify: false, write: false } satisfies BuildOptions;
  const { outputFiles } = await build({ ...options, format: 'cjs', plugins: [...before, slimMqtt(), nativeCrypto()] });
  return outputFiles.map(({ text }) => text).join('');
}

export function buildOperator(): Promise<Built> {
  return buildTo(operatorBundle, 'agent/src/operator/main.ts', []);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { bytes } = await buildRouter();
  console.warn(`${routerBundle}: ${bytes} bytes`);
  console.warn(`${operatorBundle}: ${(await buildOperator()).bytes} bytes`);
}
