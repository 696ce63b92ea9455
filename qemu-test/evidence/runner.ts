// Who signs a run. In: RUSTYNET_RUNNER_KEY_FILE, a key whose public half is pinned; RUSTYNET_RUN, of which run this is a part,
// where it is not one of its own. Without a key, one is made, pinned for
// this run, and gone afterwards: that shows that gates and evidence work, and vouches for nothing.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const project = join(import.meta.dirname, '../..');

export interface Runner {
  readonly keyFile: string;
  /** For a gate, when the key is not one of the project's. */
  readonly pinned: readonly string[];
  /** The same in all that one run writes. */
  readonly runId: string;
}

function madeIn(folder: string): Omit<Runner, 'runId'> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [keyFile, publicFile] = [join(folder, 'runner.key'), join(folder, 'runner.pub')];
  writeFileSync(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  writeFileSync(publicFile, publicKey.export({ format: 'pem', type: 'spki' }));
  return { keyFile, pinned: ['--runner-key', publicFile] };
}

export async function withRunner<T>(work: (runner: Runner) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const given = process.env['RUSTYNET_RUNNER_KEY_FILE'];
  try {
    const own = given === undefined ? madeIn(folder) : { keyFile: given, pinned: [] };
    return await work({ ...own, runId: process.env['RUSTYNET_RUN'] ?? randomBytes(16).toString('hex') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program of node_modules; whether it ended well. */
export function runs(program: string, argv: readonly string[], more: Readonly<Record<string, string>> = {}): boolean {
  const file = join(project, 'node_modules/.bin', program);
  const env = { ...process.env, ...more };
  return spawnSync(file, argv, { cwd: project, stdio: 'inherit', env }).status === 0;
}

export function isOpen(gate: string, { pinned }: Runner): boolean {
  const tier = process.env['LAB_IMAGE'] ?? 'lab';
  return runs('tsx', [join(import.meta.dirname, 'gate.ts'), gate, '--tier', tier, ...pinned]);
}
