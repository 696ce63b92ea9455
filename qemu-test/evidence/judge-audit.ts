// Whether what is handed out has known holes. In: the signed report of npm audit, the lock file at hand, keys of runners.
// Out: findings, and a figure counted from each vulnerability by itself.
import type { IdentityKey } from '../../agent/src/trust/types.ts';
import { isRefusal } from '../../agent/src/trust/refuse.ts';
import { judgeAge } from './age.ts';
import { isGrave, npmRegistry, parseAudit, vulnerabilitiesIn, type Vulnerability } from './audit-report.ts';
import { believeFile, reasonOf } from './believe.ts';
import type { Report } from './findings.ts';
import { at, parseJson } from './loose-json.ts';
import { sha256Of } from './surroundings.ts';

export interface Audited {
  /** The envelope; `undefined` if there is none. */
  readonly audit: Uint8Array | undefined;
  /** package-lock.json. */
  readonly lock: Uint8Array;
}

/** npm marks what only development needs; all else may be in a bundle. */
function runtimeNodes({ name, nodes }: Vulnerability, lock: unknown): readonly string[] {
  return nodes.filter((node) => {
    const entry = at(lock, 'packages', node);
    if (entry === undefined) throw new Error(`${name}: wanted a place in the lock file, got ${node}`);
    return at(entry, 'dev') !== true;
  });
}

function judgeReport(raw: string, lock: Uint8Array, report: Report): readonly string[] {
  const read = parseJson(Buffer.from(lock).toString());
  const all = vulnerabilitiesIn(raw).map((each) => ({ ...each, runtime: runtimeNodes(each, read) }));
  const runtime = all.filter((each) => each.runtime.length > 0);
  for (const each of runtime.filter(isGrave)) {
    const got = `${each.name}: ${each.severity} at ${each.runtime.join(' ')}`;
    report('vulnerable', `wanted nothing moderate or above of a runtime dependency, got ${got}`);
  }
  return [`npm audit: ${all.length} vulnerabilities, ${runtime.length} of runtime dependencies`];
}

export function judgeAudit(
  { audit, lock }: Audited,
  runners: readonly IdentityKey[],
  nowUnixS: number,
  report: Report,
): readonly string[] {
  if (audit === undefined) {
    report('input-missing', 'wanted a report of npm audit, got none');
    return [];
  }
  const believed = believeFile(audit, runners, parseAudit);
  if (isRefusal(believed)) {
    report(reasonOf(believed), believed.detail);
    return [];
  }
  const { registry, askedUnixS, report: raw } = believed.predicate;
  judgeAge(askedUnixS, nowUnixS, report);
  if (registry !== npmRegistry) report('registry', `wanted what ${npmRegistry} knows, got ${registry}`);
  const wanted = sha256Of(lock);
  for (const { name, digest } of believed.subject) {
    if (digest.sha256 !== wanted) report('subject', `wanted ${name} at hand, SHA-256 ${wanted}, got ${digest.sha256}`);
  }
  try {
    return judgeReport(raw, lock, report);
  } catch (error) {
    report('malformed', (error as Error).message);
    return [];
  }
}
