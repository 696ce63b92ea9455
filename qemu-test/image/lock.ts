// In: a path. Out: a lock that only one holder has at a time, also between processes, and that ends with its holder.
// Specified in flock(1).
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Holds a lock until called, or until this process dies: flock(1) ends with its standard input. */
export async function lock(file: string): Promise<() => void> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'close').then(([status]) => {
    throw new Error(`flock ${file}: wanted the lock, got status ${String(status)}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(holder.stdout, 'data'), ended]);
  return () => {
    holder.stdin.end();
  };
}
