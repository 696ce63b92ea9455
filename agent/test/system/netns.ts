/**
 * Network namespaces of this machine's kernel, as root. In: a name. Out: a namespace and a PATH on which nft and ip act
 * inside it, so that the drivers run unchanged.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';

export interface Namespace {
  readonly name: string;
  run(command: string): string;
  /** Runs `make` with nft and ip inside. */
  enter<Value>(make: () => Promise<Value>): Promise<Value>;
  remove(): void;
}

/** A program that hangs fails by its name; a test's own limit cannot end what is waited for synchronously. */
const bounded = { env: { PATH: systemPath }, timeout: 60_000, killSignal: 'SIGKILL' } as const;

export function createNamespace(label: string): Namespace {
  const name = `rn-${label}-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'rustynet-netns-'));
  execFileSync('ip', ['netns', 'add', name], bounded);
  for (const program of ['nft', 'ip']) {
    writeFileSync(join(folder, program), `#!/bin/sh\nPATH=${systemPath}\nexec ip netns exec ${name} ${program} "$@"\n`);
    chmodSync(join(folder, program), 0o755);
  }
  return {
    name,
    run: (command) =>
      execFileSync('ip', ['netns', 'exec', name, 'sh', '-c', command], { ...bounded, encoding: 'utf8' }),
    enter: async (make) => {
      const before = process.env['PATH'];
      process.env['PATH'] = `${folder}:${before ?? systemPath}`;
      try {
        return await make();
      } finally {
        process.env['PATH'] = before;
      }
    },
    remove: () => {
      execFileSync('ip', ['netns', 'del', name], bounded);
      rmSync(folder, { recursive: true });
    },
  };
}
