/**
 * What the boot sets before the agent runs: three texts in a folder of their own, which /usr/lib/rustynet/guard loads.
 * In and out: the texts; no text is no file. The same bytes are not written twice.
 */
import type { BootGuard } from '../control/ports.ts';
import { nodeFiles } from './files.ts';

const names = ['nft', 'ip4', 'ip6'] as const;

export function openBootGuard(folder: string): BootGuard {
  let writes = 0;
  const read = (name: string): string => Buffer.from(nodeFiles.read(`${folder}/${name}`) ?? []).toString();
  const write = (name: string, text: string): void => {
    const path = `${folder}/${name}`;
    if (text === '') return nodeFiles.removeFolder(path);
    nodeFiles.writeSynced(`${path}.new`, Buffer.from(text));
    nodeFiles.rename(`${path}.new`, path);
  };
  return {
    look: () => ({ nft: read('nft'), ip4: read('ip4'), ip6: read('ip6') }),
    write: (texts) => {
      nodeFiles.makeFolder(folder);
      for (const name of names) if (texts[name] !== read(name)) write(name, texts[name]);
      nodeFiles.syncFolder(folder);
      writes += 1;
    },
    writes: () => writes,
  };
}
