/** Real files, and a power cut. In: at which operation. Out: files as drivers take them. */
import { writeFileSync } from 'node:fs';
import { nodeFiles, type Files } from '../../src/drivers/files.ts';

export class PowerCut extends Error {}

/** Files that lose power at the n-th operation: `half` of a write reaches the flash, a later one does not. */
export function failing(at: number, half: boolean): { readonly files: Files; readonly operations: () => number } {
  let count = 0;
  const cut = <Value>(make: () => Value, onCut: () => void = () => undefined): Value => {
    count += 1;
    if (count === at && half) onCut();
    if (count >= at) throw new PowerCut();
    return make();
  };
  const files: Files = {
    ...nodeFiles,
    makeFolder: (path) => cut(() => nodeFiles.makeFolder(path)),
    writeSynced: (path, content) =>
      cut(
        () => nodeFiles.writeSynced(path, content),
        () => writeFileSync(path, content.subarray(0, content.length >> 1)),
      ),
    extendSynced: (path, atBytes, content) =>
      cut(
        () => nodeFiles.extendSynced(path, atBytes, content),
        () => nodeFiles.extendSynced(path, atBytes, content.subarray(0, content.length >> 1)),
      ),
    rename: (from, to) =>
      cut(
        () => nodeFiles.rename(from, to),
        () => nodeFiles.rename(from, to),
      ),
    syncFolder: (path) => cut(() => nodeFiles.syncFolder(path)),
    remove: (path) =>
      cut(
        () => nodeFiles.remove(path),
        () => nodeFiles.remove(path),
      ),
    removeFolder: (path) =>
      cut(
        () => nodeFiles.removeFolder(path),
        () => nodeFiles.removeFolder(path),
      ),
  };
  return { files, operations: () => count };
}
