/**
 * Programs that change or show the kernel: ip, nft.
 * In: a program, its arguments and standard input. Out: status and output; a program that fails is a value, not an
 * error, since netifd goes on past what the kernel refuses. A prefix runs everything elsewhere (a network namespace).
 */
import { spawn } from 'node:child_process';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
export type Kernel = (program: string, argv: readonly string[], input?: string) => Promise<Ran>;

export function kernel(prefix: readonly string[] = []): Kernel {
  return (program, argv, input = '') =>
    new Promise((resolve) => {
      const [command = program, ...rest] = [...prefix, program, ...argv];
      const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;
      const child = spawn(command, rest, { env: { ...process.env, PATH: path } });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
      child.on('error', (error) => resolve({ status: 127, stdout, stderr: error.message }));
      child.on('close', (status) => resolve({ status: status ?? 1, stdout, stderr }));
      // A program that ends without reading its input is judged by its status.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
}

/** Runs lines of `ip` in one process; what the kernel refuses is told to the log and passed over. */
export async function ipBatch(run: Kernel, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const { stderr } = await run('ip', ['-force', '-batch', '-'], lines.map((line) => `${line}\n`).join(''));
  for (const line of stderr.split('\n').filter((text) => text !== '')) console.log(`netifd: ip: ${line}`);
}

export async function linkExists(run: Kernel, device: string): Promise<boolean> {
  return (await run('ip', ['link', 'show', 'dev', device])).status === 0;
}

/**
 * What netifd does to the kernel when it reads the configuration for the first time: rules that are not the kernel's own go
 * (system_flush_iprules), and a device that it takes up is down first (system_if_clear_state). Only for `lo` is that
 * done here: with it go the IPv6 routes of no other device, which is what holds back.
 */
export async function clearKernel(run: Kernel, hasLoopback: boolean): Promise<void> {
  const rules = ['rule flush', 'rule add priority 32766 lookup main'];
  const batch = (family: string, lines: readonly string[]): Promise<Ran> =>
    run('ip', [family, '-force', '-batch', '-'], lines.map((line) => `${line}\n`).join(''));
  await batch('-4', [...rules, 'rule add priority 32767 lookup default']);
  await batch('-6', rules);
  if (hasLoopback) await ipBatch(run, ['link set dev lo down']);
}
