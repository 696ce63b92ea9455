// Where a run happens. In: this machine and this folder. Out: the commit and what differs from it, the machine, digests
// of files. Specified in git-status(1) (porcelain v1).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Digest } from '../../agent/src/trust/types.ts';
import type { Predicate } from './statement.ts';

const project = join(import.meta.dirname, '../..');

function git(...argv: readonly string[]): string {
  // A checkout may belong to another user than the one who tests it.
  return execFileSync('git', ['-c', 'safe.directory=*', ...argv], { cwd: project, encoding: 'utf8' });
}

export function treeAtHand(): Pick<Predicate, 'commit' | 'changed'> {
  const changed = git('status', '--porcelain').split('\n').filter(Boolean);
  return { commit: git('rev-parse', 'HEAD').trim(), changed };
}

function qemuAtHand(): string {
  const [version = ''] = execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).split('\n');
  return version;
}

/** Without a guest there is no QEMU in it either. */
export function machineAtHand(guestKernel: string): Predicate['machine'] {
  const processors = cpus();
  return {
    ...{
      cpu: processors[0]?.model ?? 'unknown',
      cores: processors.length,
      memoryMiB: Math.floor(totalmem() / 2 ** 20),
    },
    ...{ kernel: release(), guestKernel, node: process.version, qemu: guestKernel === '' ? '' : qemuAtHand() },
  };
}

export function sha256Of(bytes: Uint8Array | string): Digest {
  return createHash('sha256').update(bytes).digest('hex') as Digest;
}

export function sha256OfFile(file: string): Digest {
  return sha256Of(readFileSync(file));
}
