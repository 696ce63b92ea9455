/**
 * The door for command line tools: a shell script hands its arguments over and prints what comes back, so that `ubus`
 * in a guest does not cost the start of a Node process.
 * In: process ids, a line each, on the FIFO `requests` of the folder; beside it call.<pid>.argv (NUL-terminated
 * words), call.<pid>.in (optional) and the FIFO call.<pid>.out. Out: standard output on that FIFO as it comes; then
 * call.<pid>.err and call.<pid>.status, before the FIFO is closed. Counterpart: root/usr/lib/standin/call.
 */
import { constants, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import type { RunTool } from './tool.ts';

const openTries = 200;
const openPauseMs = 10;

/** The writing end of a FIFO, once its reader is there; `undefined` when it never comes. */
async function openForWriting(path: string): Promise<Socket | undefined> {
  for (let tries = 0; tries < openTries; tries++) {
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      // ENXIO: the script has made the FIFO and not yet opened it.
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') return undefined;
      await new Promise((resolve) => setTimeout(resolve, openPauseMs));
    }
  }
  return undefined;
}

async function answer(base: string, tools: Readonly<Record<string, RunTool>>): Promise<void> {
  const [name = '', ...argv] = readFileSync(`${base}.argv`, 'utf8').split('\0').slice(0, -1);
  const input = existsSync(`${base}.in`) ? readFileSync(`${base}.in`, 'utf8') : '';
  const output = await openForWriting(`${base}.out`);
  if (output === undefined) return;
  let leave = (): void => undefined;
  const abandoned = new Promise<void>((resolve) => (leave = resolve));
  output.on('error', leave).on('close', leave);
  let errors = '';
  let status = 255;
  try {
    const run = tools[name];
    if (run === undefined) errors = `${name}: no such tool\n`;
    else {
      const out = (text: string): void => void (text === '' || output.destroyed || output.write(text));
      status = await run({ argv, input, out, err: (text) => (errors += text), abandoned });
    }
  } catch (error) {
    errors += `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  }
  if (!output.destroyed) {
    writeFileSync(`${base}.err`, errors);
    writeFileSync(`${base}.status`, `${status}\n`);
  }
  output.end();
}

/** Opens the door in a folder that is made anew; what it returns closes it. */
export function openDoor(folder: string, tools: Readonly<Record<string, RunTool>>): () => void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'requests');
  execFileSync('mkfifo', ['-m', '600', path]);
  // Open for both directions: the end of one writer is not the end of the stream.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const requests = new Socket({ fd, readable: true, writable: false });
  let rest = '';
  requests.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((text) => /^\d+$/.test(text))) {
      answer(join(folder, `call.${line}`), tools).catch((error: unknown) => {
        console.log(`standin: call ${line}: ${String(error)}`);
      });
    }
  });
  // Written last: the scripts look for it before they make a call.
  writeFileSync(join(folder, 'pid'), `${process.pid}\n`);
  return () => {
    rmSync(folder, { recursive: true, force: true });
    requests.destroy();
  };
}
