// A later package of the same program, to upgrade to. In: the router's bundle. Out: its bytes; only the number differs, in
// the program too, so that the one that runs can be told.
import { readFileSync } from 'node:fs';
import { builtUnixS, routerBundle, version } from '../../bundle/build.ts';
import { routerContent } from '../../bundle/content.ts';
import { buildIpk } from '../../bundle/ipk.ts';

export const newerVersion = '99.0.0';

export async function newerIpk(): Promise<Uint8Array> {
  const next = readFileSync(routerBundle, 'utf8').replaceAll(JSON.stringify(version), JSON.stringify(newerVersion));
  const { bytes } = buildIpk(await routerContent(Buffer.from(next)), newerVersion, builtUnixS);
  return bytes;
}
