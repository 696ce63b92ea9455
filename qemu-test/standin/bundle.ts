/**
 * The stand-ins as one file for a guest's Node.
 * In: the sources beside this file. Out: the bytes of a CommonJS program. Specified in esbuild's build API.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export async function bundle(): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('guest.ts', import.meta.url))],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'error',
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error('stand-ins: wanted one bundled file, got none');
  return file.contents;
}
