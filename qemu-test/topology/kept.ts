// Folders that take long to make and are the same each time: saved meshes. In: a digest of all that one follows from,
// and how to make it. Out: the folder, made once for all processes, under qemu-test/out/meshes (git-ignored).
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { OUT } from '../image/build.ts';
import { lock } from '../image/lock.ts';

/** The certificates in a mesh are good for two days. */
const MAX_AGE_MS = 24 * 3600 * 1000;
/** Half a gigabyte each; what was used just now may be in use by another process. */
const MAX_KEPT = 6;
const IN_USE_MS = 3600 * 1000;

const FOLDER = join(OUT, 'meshes');
const inside = (folder: string, name: string): string => join(folder, name);
const ageMs = (path: string): number => Date.now() - statSync(path).mtimeMs;
/** Its own file, since the folder's time changes with what is in it. */
const unusedMs = (folder: string): number => ageMs(inside(folder, 'used'));

function isGood(folder: string): boolean {
  return existsSync(folder) && ageMs(inside(folder, 'made')) < MAX_AGE_MS;
}

/** Also what a process left that died while it made one. */
function removeOld(): void {
  for (const name of readdirSync(FOLDER)) {
    const path = join(FOLDER, name);
    const isOld = name.startsWith('making-') ? ageMs(path) > IN_USE_MS : /^[0-9a-f]{16}$/.test(name) && !isGood(path);
    if (isOld) rmSync(path, { recursive: true, force: true });
  }
  const kept = readdirSync(FOLDER).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const byUse = kept.map((name) => join(FOLDER, name)).sort((a, b) => unusedMs(a) - unusedMs(b));
  for (const path of byUse.slice(MAX_KEPT - 1)) {
    if (unusedMs(path) > IN_USE_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** One is made at a time in this machine: two meshes that form at once take as long as one after the other. */
export async function kept(digest: string, make: (folder: string) => Promise<void>): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const folder = join(FOLDER, digest.slice(0, 16));
  const unlock = await lock(join(FOLDER, 'lock'));
  try {
    if (!isGood(folder)) {
      removeOld();
      const scratch = mkdtempSync(join(FOLDER, 'making-'));
      await make(scratch);
      for (const stamp of ['made', 'used']) mkdirSync(inside(scratch, stamp));
      renameSync(scratch, folder);
    }
    const now = new Date();
    utimesSync(inside(folder, 'used'), now, now);
  } finally {
    unlock();
  }
  return folder;
}
