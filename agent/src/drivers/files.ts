/**
 * The few things that flash is asked to do, each one step at which the power can fail. Synchronous on purpose: nothing
 * else happens between verifying a map and having it on flash.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

export interface Files {
  /** `undefined` when there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Names in a folder, none when it is missing. */
  list(folder: string): readonly string[];
  makeFolder(path: string): void;
  /** Creates or overwrites, mode 0600, and syncs the contents. */
  writeSynced(path: string, bytes: Uint8Array): void;
  rename(from: string, to: string): void;
  syncFolder(path: string): void;
  remove(path: string): void;
  removeFolder(path: string): void;
}

function missing<Value>(make: () => Value, otherwise: Value): Value {
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise;
    throw error;
  }
}

export const nodeFiles: Files = {
  read: (path) => missing<Uint8Array | undefined>(() => readFileSync(path), undefined),
  list: (folder) => missing<readonly string[]>(() => readdirSync(folder), []),
  makeFolder: (path) => mkdirSync(path, { recursive: true, mode: 0o700 }),
  writeSynced: (path, bytes) => {
    const file = openSync(path, 'w', 0o600);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  rename: renameSync,
  syncFolder: (path) => {
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  },
  remove: unlinkSync,
  removeFolder: (path) => rmSync(path, { recursive: true, force: true }),
};
