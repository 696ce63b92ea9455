/**
 * One at a time in a network's folder. In: work that reads the folder and writes it. Out: what the work gives; whoever
 * comes meanwhile waits. Each puts a file of its own first and looks for others second: of two, at least one sees the other
 * and steps back (as in Lamport's bakery). A file whose process is gone is nobody's: its name never comes again.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Folder } from './folder.ts';
import { fail } from './refused.ts';
import { settingsFile } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';

const prefix = '.at-work-';
const defaultPatienceMs = 10_000;
const stepBackMs = 40;
/** Of this process. One that is ended leaves none behind: another computer could not tell that it is gone. */
const marks = new Set<string>();
process.on('exit', () => marks.forEach(unmark));

function mark(path: string): void {
  marks.add(path);
  writeFileSync(path, '', { mode: 0o600 });
}

function unmark(path: string): void {
  rmSync(path, { force: true });
  marks.delete(path);
}

function isRunning(name: string): boolean {
  const [, host, pid] = /^\.at-work-(.*)-([0-9]+)-[0-9a-f]+$/.exec(name) ?? [];
  // Of another computer that has this folder, nobody here can tell.
  if (pid === undefined || host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** Somebody else's file, if there is one whose process may run. */
function other(folder: Folder, own: string): string | undefined {
  for (const name of readdirSync(folder.path)) {
    if (!name.startsWith(prefix) || name === own) continue;
    if (isRunning(name)) return name;
    rmSync(folder.pathOf(name), { force: true });
  }
  return undefined;
}

/** Throws `Refused` busy. */
export async function alone<Result>(
  folder: Folder,
  work: () => Promise<Result> | Result,
  patienceMs = defaultPatienceMs,
): Promise<Result> {
  // Without a network there is nothing to write to, and the work says so.
  if (!folder.has(settingsFile)) return work();
  const own = `${prefix}${hostname()}-${process.pid}-${randomBytes(6).toString('hex')}`;
  const endMs = performance.now() + patienceMs;
  try {
    for (;;) {
      mark(folder.pathOf(own));
      const found = other(folder, own);
      if (found === undefined) return await work();
      unmark(folder.pathOf(own));
      if (performance.now() > endMs) {
        const wanted = `wanted this folder for itself within ${patienceMs / 1000} s, got another process at work in it`;
        fail('busy', `${wanted}: wait for it, or, if there is none, remove ${folder.pathOf(found)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, stepBackMs * (1 + 2 * Math.random())));
    }
  } finally {
    unmark(folder.pathOf(own));
  }
}

/** A verb that no other may run beside. */
export function aloneIn(run: (call: Call) => Promise<Answer>): (call: Call) => Promise<Answer> {
  return (call) => alone(call.folder, () => run(call));
}
