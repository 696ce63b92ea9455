/**
 * Builds bundle/out/: `rustynet.js` for the router, one minified file for Node 20, and `rustynet-operator.js`.
 * In: the sources. Out: the files and their sizes. Run: `npm run build`.
 */
import { build, type BuildOptions } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { slimMqtt } from './aliases.ts';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
export const { version } = JSON.parse(readFileSync(path('package.json'), 'utf8')) as { version: string };
/** Reproducible where SOURCE_DATE_EPOCH is given (reproducible-builds.org). */
export const builtUnixS = Number(process.env['SOURCE_DATE_EPOCH'] ?? Math.floor(Date.now() / 1000));

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

export const routerBundle = path('bundle/out/rustynet.js');
export const operatorBundle = path('bundle/out/rustynet-operator.js');

export interface Built {
  readonly bytes: number;
  readonly inputs: readonly string[];
  /** Of everything but the time of the build. */
  readonly digest: string;
}

/** Renamed into place: another process may run the file that is replaced. The project is of ES modules, these are not. */
async function buildTo(file: string, entry: string, plugins: NonNullable<BuildOptions['plugins']>): Promise<Built> {
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
  const put = (target: string, data: string | Uint8Array): void => {
    writeFileSync(`${target}.${process.pid}`, data);
    renameSync(`${target}.${process.pid}`, target);
  };
  mkdirSync(dirname(file), { recursive: true });
  put(join(dirname(file), 'package.json'), '{ "type": "commonjs" }\n');
  put(file, output.contents);
  const timeless = output.text.replaceAll(String(builtUnixS), '');
  const digest = createHash('sha256').update(timeless).digest('hex');
  return { bytes: output.contents.length, inputs: Object.keys(metafile.inputs), digest };
}

export function buildRouter(): Promise<Built> {
  return buildTo(routerBundle, 'agent/src/main.ts', [slimMqtt()]);
}

export function buildOperator(): Promise<Built> {
  return buildTo(operatorBundle, 'agent/src/operator/main.ts', []);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { bytes } = await buildRouter();
  console.warn(`${routerBundle}: ${bytes} bytes`);
  console.warn(`${operatorBundle}: ${(await buildOperator()).bytes} bytes`);
}
