/**
 * The few things that flash is asked to do, each one step at which the power can fail. Synchronous on purpose: nothing
 * else happens between verifying a map and having it on flash.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

export interface Files {
  /** `undefined` when there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Fewer than `length` where the file ends before. */
  readAt(path: string, at: number, length: number): Uint8Array | undefined;
  /** Names in a folder, none when it is missing. */
  list(folder: string): readonly string[];
  makeFolder(path: string): void;
  /** Creates or overwrites, mode 0600, and syncs the contents. */
  writeSynced(path: string, bytes: Uint8Array): void;
  /** Creates the file, or cuts it off at `atBytes`; adds the bytes there and syncs the contents. */
  extendSynced(path: string, atBytes: number, bytes: Uint8Array): void;
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

function putSynced(path: string, flags: number, atBytes: number, bytes: Uint8Array): void {
  const file = openSync(path, flags, 0o600);
  try {
    ftruncateSync(file, atBytes);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, undefined, atBytes + at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function sliceOf(path: string, at: number, length: number): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    let got = 0;
    for (let more = -1; got < length && more !== 0; got += more)
      more = readSync(file, bytes, got, length - got, at + got);
    return bytes.subarray(0, got);
  } finally {
    closeSync(file);
  }
}

export const nodeFiles: Files = {
  read: (path) => missing<Uint8Array | undefined>(() => readFileSync(path), undefined),
  readAt: (path, at, length) => missing<Uint8Array | undefined>(() => sliceOf(path, at, length), undefined),
  list: (folder) => missing<readonly string[]>(() => readdirSync(folder), []),
  makeFolder: (path) => mkdirSync(path, { recursive: true, mode: 0o700 }),
  writeSynced: (path, bytes) => putSynced(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0, bytes),
  extendSynced: (path, atBytes, bytes) => putSynced(path, constants.O_WRONLY | constants.O_CREAT, atBytes, bytes),
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
