/**
 * The folder of one network. In: names inside it and bytes. Out: bytes, or files that are replaced whole: a reader, or
 * git, sees the old file or the new one, and a power cut leaves no half of one.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync } from 'node:fs';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fail } from './refused.ts';

export class Folder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  pathOf(name: string): string {
    return resolve(this.path, name);
  }
  has(name: string): boolean {
    return existsSync(this.pathOf(name));
  }
  read(name: string): Uint8Array | undefined {
    return readIfThere(this.pathOf(name));
  }
  /** Names inside a folder, sorted; none when there is no such folder. */
  list(name: string): readonly string[] {
    return this.has(name) ? readdirSync(this.pathOf(name)).sort() : [];
  }
  write(name: string, content: string | Uint8Array, mode = 0o644): void {
    replaceFile(this.pathOf(name), content, mode);
  }
  /** None is replaced before all are written: a lack of space leaves every file what it was. */
  writeAll(files: ReadonlyMap<string, string>, mode: number): void {
    replaceFiles(new Map([...files].map(([name, content]) => [this.pathOf(name), content])), mode);
  }
  /** Never replaces: for keys, which nobody can get back. */
  writeNew(name: string, content: string | Uint8Array, mode = 0o644): void {
    replaceFile(this.pathOf(name), content, mode, true);
  }
  remove(name: string): void {
    rmSync(this.pathOf(name), { force: true });
  }
}

/** Readable in git: a line a value. */
export function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    // Node's own message names no path.
    if (isErrno(error, 'EISDIR')) fail('EISDIR', `wanted a file at ${path}, got a folder`);
    throw error;
  }
}

/** A file that the operator named on the command line. */
export function readNamedFile(path: string, what: string): Uint8Array {
  return readIfThere(path) ?? fail('no-file', `wanted ${what} at ${path}, got no such file`);
}

/** The text of a file that holds one secret; the line's end is not part of it. */
export function readSecretFile(path: string, what: string): string {
  return new TextDecoder().decode(readNamedFile(path, what)).replace(/\r?\n$/, '');
}

function temporaryOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

function replaceFiles(files: ReadonlyMap<string, string>, mode: number): void {
  const all = [...files].map(([path, content]) => ({ path, content, temporary: temporaryOf(path) }));
  try {
    for (const { temporary, content } of all) writeFileSync(temporary, content, { mode, flag: 'wx', flush: true });
    for (const { temporary, path } of all) renameSync(temporary, path);
  } finally {
    for (const { temporary } of all) rmSync(temporary, { force: true });
  }
  for (const folder of new Set(all.map(({ path }) => dirname(path)))) syncFolder(folder);
}

export function replaceFile(path: string, content: string | Uint8Array, mode: number, onlyNew = false): void {
  place(path, content, mode, (temporary) => (onlyNew ? linkSync(temporary, path) : renameSync(temporary, path)));
}

/** The same, but a file that is there stays whose it is, and for whom; false where there was none. */
export function replaceContent(path: string, content: string | Uint8Array, modeIfNew: number): boolean {
  const before = statSync(path, { throwIfNoEntry: false });
  place(path, content, modeIfNew, (temporary) => {
    if (before !== undefined) {
      chownSync(temporary, before.uid, before.gid);
      chmodSync(temporary, before.mode & 0o777);
    }
    renameSync(temporary, path);
  });
  return before !== undefined;
}

function place(path: string, content: string | Uint8Array, mode: number, put: (temporary: string) => void): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const temporary = temporaryOf(path);
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx', flush: true });
    put(temporary);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) fail('exists', `wanted no file at ${path}, got one`);
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(folder);
}

function syncFolder(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
