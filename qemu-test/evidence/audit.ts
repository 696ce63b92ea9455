// `npm run audit`. In: package-lock.json, npm's registry, the key of a runner. Out: what npm printed, signed, in
// qemu-test/out/audit.dsse.json; exit status 1 and no file if the registry did not answer or there is no key.
import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OUT } from '../image/build.ts';
import { auditType, npmRegistry, vulnerabilitiesIn, type AuditStatement } from './audit-report.ts';
import { readRunnerKey, signedBy } from './runner-key.ts';
import { encodeStatement, statementType } from './statement.ts';
import { sha256OfFile } from './surroundings.ts';

const project = join(import.meta.dirname, '../..');
export const lockFile = join(project, 'package-lock.json');
export const auditFile = join(OUT, 'audit.dsse.json');

/**
 * Said at the command line, before which no setting of this machine counts: offline, npm prints that it found nothing;
 * with a kind of dependency left out, nothing of that kind.
 */
const asked = [
  '--json',
  '--package-lock-only',
  '--no-offline',
  ...['dev', 'optional', 'peer'].map((kind) => `--include=${kind}`),
];

/** npm's exit status is 1 both for what it found and for no answer: only what it printed tells them apart. */
function npm(...argv: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('npm', argv, { cwd: project, maxBuffer: 64 << 20 }, (error, stdout) => {
      if (error !== null && stdout === '') reject(new Error(`npm: ${error.message}`));
      else resolve(stdout);
    });
  });
}

/** Throws if there is no report. */
export async function askRegistry(registry: string): Promise<AuditStatement> {
  const lock = sha256OfFile(lockFile);
  const askedUnixS = Math.floor(Date.now() / 1000);
  const report = await npm('audit', ...asked, '--registry', registry);
  vulnerabilitiesIn(report);
  return {
    _type: statementType,
    subject: [{ name: 'package-lock.json', digest: { sha256: lock } }],
    predicateType: auditType,
    predicate: { registry, npm: (await npm('--version')).trim(), askedUnixS, report },
  };
}

async function main(keyFile: string | undefined): Promise<void> {
  if (keyFile === undefined)
    throw new Error('wanted RUSTYNET_RUNNER_KEY_FILE, got none: nobody vouches for the report');
  const key = readRunnerKey(keyFile);
  const statement = await askRegistry(npmRegistry);
  mkdirSync(OUT, { recursive: true });
  writeFileSync(`${auditFile}.${process.pid}`, signedBy(key, encodeStatement(statement)));
  renameSync(`${auditFile}.${process.pid}`, auditFile);
  console.log(`${auditFile}: ${vulnerabilitiesIn(statement.predicate.report).length} vulnerabilities`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.env['RUSTYNET_RUNNER_KEY_FILE']).catch((error: unknown) => {
    console.error(`audit: ${(error as Error).message}`);
    process.exitCode = 1;
  });
}
