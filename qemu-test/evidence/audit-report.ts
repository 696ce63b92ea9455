// What the registry knew against the packages of one lock file. In: the bytes of a statement, or npm's own report. Out:
// the statement, or each vulnerability; what is not exactly that is refused. The totals that npm adds up are not read.
// Specified in in-toto's Statement v1 and in `npm audit --json`, auditReportVersion 2.
import { readJson } from '../../agent/src/trust/json.ts';
import { list, oneOf, record, text } from '../../agent/src/trust/shape.ts';
import { at, listIn, parseJson, recordIn } from './loose-json.ts';
import { maxEvidenceBytes, sha256, statementType, time, words } from './statement.ts';

export const auditType = 'urn:rustynet:evidence:audit:v1';
/** A mirror may answer that it knows of nothing. */
export const npmRegistry = 'https://registry.npmjs.org/';

const auditShape = record({
  _type: oneOf([statementType]),
  subject: list(record({ name: oneOf(['package-lock.json']), digest: record({ sha256 }) }), 1, 1),
  predicateType: oneOf([auditType]),
  predicate: record({
    registry: words,
    npm: words,
    /** Before the registry was asked. */
    askedUnixS: time,
    /** What npm printed, whole: it has fractions and nulls, which a statement has not. */
    report: text('a report', (value) => value),
  }),
});
export type AuditStatement = ReturnType<typeof auditShape>;

/** Throws a refusal for anything but one statement. */
export function parseAudit(bytes: Uint8Array): AuditStatement {
  return auditShape(readJson(bytes, maxEvidenceBytes), '$');
}

const severities = ['info', 'low', 'moderate', 'high', 'critical'] as const;

export interface Vulnerability {
  readonly name: string;
  readonly severity: (typeof severities)[number];
  /** Where the lock file has it. */
  readonly nodes: readonly string[];
}

export const isGrave = ({ severity }: Vulnerability): boolean =>
  severities.indexOf(severity) >= severities.indexOf('moderate');

function vulnerabilityIn(name: string, entry: unknown): Vulnerability {
  const said = at(entry, 'severity');
  const severity = severities.find((each) => each === said);
  if (severity === undefined) {
    throw new Error(`${name}: wanted a severity of ${severities.join(' ')}, got ${String(JSON.stringify(said))}`);
  }
  const given = listIn(at(entry, 'nodes'));
  const nodes = given.filter((node) => typeof node === 'string');
  if (nodes.length === 0 || nodes.length < given.length) {
    throw new Error(`${name}: wanted the places in the lock file, got ${nodes.length} of ${given.length}`);
  }
  return { name, severity, nodes };
}

/** Throws for what is no report: when the registry refuses, npm prints its refusal in the same place. */
export function vulnerabilitiesIn(report: string): readonly Vulnerability[] {
  const read = parseJson(report);
  const all = recordIn(at(read, 'vulnerabilities'));
  if (at(read, 'auditReportVersion') !== 2 || all === undefined) {
    const got = at(read, 'message') ?? `one of keys ${Object.keys(recordIn(read) ?? {}).join(' ') || 'none'}`;
    throw new Error(`wanted a report of npm audit, version 2, got ${String(got)}`);
  }
  return Object.entries(all).map(([name, entry]) => vulnerabilityIn(name, entry));
}
