/**
 * One program, run to its end without a shell. In: path, arguments, standard input. Out: standard output; a status other
 * than 0 or a missing program is Fault `PROGRAM_FAILED` with what the program said. Secrets go by file or input, never by
 * argument: arguments are in this fault and in /proc.
 */
import { spawn } from 'node:child_process';
import { Fault } from '../control/ports.ts';

const timeoutMs = 30_000;
const maxOutputBytes = 32 << 20;

export interface Ended {
  /** `status 0`, another status, a signal, or why it did not start. */
  readonly status: string;
  readonly out: string;
  readonly said: string;
}

/** Does not judge how the program ended. */
export function tryRun(program: string, argv: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    const out: Buffer[] = [];
    let outBytes = 0;
    let said = '';
    const end = (status: string): void => resolve({ status, out: Buffer.concat(out).toString(), said: said.trim() });
    child.stdout.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes > maxOutputBytes) child.kill('SIGKILL');
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 2000) said += chunk.toString().slice(0, 2000);
    });
    child.on('error', (error) => end(error.message));
    child.on('close', (code, signal) => end(signal ?? `status ${String(code)}`));
    // A program that ends before it has read its input says so by its status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

export async function run(program: string, argv: readonly string[], input = ''): Promise<string> {
  const { status, out, said } = await tryRun(program, argv, input);
  if (status === 'status 0') return out;
  const command = [program, ...argv.slice(0, 6)].join(' ');
  throw new Fault('PROGRAM_FAILED', program, `${command}: wanted status 0, got ${status}${said && `: ${said}`}`);
}
