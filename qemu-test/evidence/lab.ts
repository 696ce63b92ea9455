// `npm run lab [-- FILTER]`: all promises in one run, then the gates that are held to it. In: RUSTYNET_RUNNER_KEY_FILE, a key whose
// public half is pinned. Without one a key is made for this run, pinned for this run, and gone afterwards: that shows that
// gates and evidence work, and vouches for nothing. Out: evidence under qemu-test/out/evidence, exit status 0 if all hold.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evidenceFolder } from './write.ts';

const project = join(import.meta.dirname, '../..');
const held = ['dataplane', 'membership', 'leak'];

interface Runner {
  readonly keyFile: string;
  /** For a gate, when the key is not one of the project's. */
  readonly pinned: readonly string[];
}

function madeIn(folder: string): Runner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [keyFile, publicFile] = [join(folder, 'runner.key'), join(folder, 'runner.pub')];
  writeFileSync(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  writeFileSync(publicFile, publicKey.export({ format: 'pem', type: 'spki' }));
  return { keyFile, pinned: ['--runner-key', publicFile] };
}

function runs(program: string, argv: readonly string[], more: Readonly<Record<string, string>> = {}): boolean {
  const file = join(project, 'node_modules/.bin', program);
  const env = { ...process.env, ...more };
  return spawnSync(file, argv, { cwd: project, stdio: 'inherit', env }).status === 0;
}

function lab({ keyFile, pinned }: Runner): boolean {
  rmSync(evidenceFolder, { recursive: true, force: true });
  const run = { RUSTYNET_RUNNER_KEY_FILE: keyFile, RUSTYNET_RUN: randomBytes(16).toString('hex') };
  const filters = process.argv.slice(2);
  const few = filters.length === 0 ? [] : ['--passWithNoTests', ...filters];
  const all = ['lab', 'timed'].map((name) => runs('vitest', ['run', '--project', name, ...few], run));
  if (!all.every(Boolean)) return false;
  const tier = process.env['LAB_IMAGE'] ?? 'lab';
  const isOpen = held.map((name) =>
    runs('tsx', [join(import.meta.dirname, 'gate.ts'), name, '--tier', tier, ...pinned]),
  );
  return isOpen.every(Boolean);
}

const folder = mkdtempSync(join(tmpdir(), 'runner-'));
try {
  const given = process.env['RUSTYNET_RUNNER_KEY_FILE'];
  process.exitCode = lab(given === undefined ? madeIn(folder) : { keyFile: given, pinned: [] }) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
