/**
 * Hears when somebody takes a table away: `fw4 flush` deletes every table, ours among them, and nobody else says so.
 * In: the events of nft(8)'s monitor, one process that sleeps. Out: a call for each table that was added or deleted.
 */
import { spawn, type ChildProcess } from 'node:child_process';

/** After a monitor that ended; the audit tick stands behind it. */
const restartMs = 5_000;

export interface Monitor {
  close(): void;
}

export function monitorTables(onChange: () => void, onEnd: (how: string) => void): Monitor {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const start = (): void => {
    const started = spawn('nft', ['monitor', 'tables'], { stdio: ['ignore', 'pipe', 'ignore'] });
    child = started;
    started.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes(' table ')) onChange();
    });
    let isOver = false;
    const end = (how: string): void => {
      if (isOver || isClosed) return;
      isOver = true;
      onEnd(`nft monitor: wanted it to run on, got ${how}`);
      timer = setTimeout(start, restartMs);
    };
    started.on('error', (error) => end(error.message));
    started.on('close', (code, signal) => end(signal ?? `status ${String(code)}`));
  };
  start();
  return {
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      child?.kill();
    },
  };
}
