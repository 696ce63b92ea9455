/** The process, when it is asked to end: at once and with nothing half done, but for the service, which ends in order. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { kept, startAedes, startFake } from '../drivers/brokers.ts';
import { contents, copyOf, done, passphrase, populated } from './operator.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const argv = ['--import', `file://${path('node_modules/tsx/dist/loader.mjs')}`, path('agent/src/operator/main.ts')];
const env = { PATH: process.env['PATH'] ?? '' };

/** Of a process the clock is the real one. */
const now = (): { nowUnixS: number } => ({ nowUnixS: Math.floor(Date.now() / 1000) });
let network = '';
beforeAll(async () => {
  network = await populated();
  await done(network, ['sign'], now());
});

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** How it ended, and whether that took no more than five seconds from this call on. */
  readonly end: () => Promise<{ code: number | null; signal: string | null; late: boolean }>;
}
function watched(child: ChildProcess): Started {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<readonly [number | null, string | null]>((resolve) => {
    child.once('close', (code, signal) => resolve([code, signal]));
  });
  const end = async () => {
    const fromMs = performance.now();
    const [code, signal] = await ended;
    return { code, signal, late: performance.now() - fromMs > 5_000 };
  };
  return { child, said: () => text, end };
}
const start = (folder: string, ...args: string[]): Started =>
  watched(
    spawn(process.execPath, [...argv, ...args, '--network', folder], {
      env: { ...env, RUSTYNET_PASSPHRASE: passphrase },
    }),
  );
/** On a terminal of its own, into which what is written to it is typed. */
const startOnTerminal = (folder: string, ...args: string[]): Started => {
  const words = [process.execPath, ...argv, ...args, '--network', folder].map((word) => `'${word}'`).join(' ');
  return watched(spawn('script', ['-qefc', words, '/dev/null'], { env }));
};
const says = ({ said }: Started, what: string): Promise<void> =>
  expect.poll(said, { timeout: 20_000, interval: 20 }).toContain(what);
const marks = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('.at-work-'));

describe('a verb that is asked to end', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s while the broker is silent ends at once, with %i', async (signal, code) => {
    const broker = await kept(startFake(() => undefined));
    const publish = start(network, 'publish', '--broker', broker.url);
    await expect.poll(() => broker.connectionsAtMs, { timeout: 20_000 }).toHaveLength(1);
    publish.child.kill(signal);
    expect(await publish.end()).toEqual({ code, signal: null, late: false });
  });

  it('by Ctrl-C at its question signs nothing, though a y follows, and leaves the folder to others', async () => {
    const folder = copyOf(network);
    const before = contents(folder);
    const sign = startOnTerminal(folder, 'sign');
    await says(sign, '[y/N]');
    expect(marks(folder)).toHaveLength(1);
    sign.child.stdin?.write('\x03');
    sign.child.stdin?.write('y\n');
    expect(await sign.end()).toMatchObject({ code: 130, late: false });
    expect(contents(folder)).toEqual(before);
    await done(folder, ['sign'], now());
  });

  it('by SIGTERM at its question leaves no mark, which another computer could not tell from one in use', async () => {
    const folder = copyOf(network);
    const sign = startOnTerminal(folder, 'sign');
    await says(sign, '[y/N]');
    const [, pid] = /-([0-9]+)-[0-9a-f]+$/.exec(marks(folder)[0] ?? '') ?? [];
    process.kill(Number(pid), 'SIGTERM');
    expect(await sign.end()).toMatchObject({ code: 143, late: false });
    expect(marks(folder)).toEqual([]);
  });

  it('by Ctrl-C where a secret is typed, which is no signal there', async () => {
    const sign = startOnTerminal(copyOf(network), 'sign', '--yes');
    await says(sign, 'Passphrase: ');
    sign.child.stdin?.write('\x03');
    expect(await sign.end()).toMatchObject({ code: 130, late: false });
    expect(sign.said()).toContain('wanted an answer, got Ctrl-C');
  });
});

it('the service ends in order, and with 0', async () => {
  const broker = await kept(startAedes());
  const serve = start(network, 'serve', '--broker', broker.url);
  await says(serve, 'published epoch 1');
  serve.child.kill('SIGTERM');
  expect(await serve.end()).toMatchObject({ code: 0, signal: null });
  expect(serve.said()).toMatch(/ended\n$/);
});
