// The whole verdict of a gate, as a pure function. In: the gate, a set of evidence, what is at hand now. Out: findings,
// none if the gate opens, and figures, each computed anew from raw samples. No status word is read, since there is none.
import { basename } from 'node:path';
import type { Digest, IdentityKey } from '../../agent/src/trust/types.ts';
import type { Tier } from '../image/build.ts';
import { judgeAge } from './age.ts';
import { believe, type EvidenceSet } from './believe.ts';
import type { Finding, Reason, Report } from './findings.ts';
import type { Gate } from './gates.ts';
import { judgeRelease, type Release } from './judge-release.ts';
import { judgeTests } from './judge-tests.ts';
import { predicateType, type EvidenceTier, type Sample, type Statement } from './statement.ts';

export interface AtHand {
  readonly nowUnixS: number;
  readonly tier: Tier;
  readonly commit: string;
  readonly changed: readonly string[];
  /** Of what can be under test, by the names of subjects. */
  readonly digests: Readonly<Record<string, Digest>>;
  /** Of the rules as they are rendered, which is what a promise without a guest is of. */
  readonly rules: Readonly<Record<string, Digest>>;
  readonly runners: readonly IdentityKey[];
  /** Read for a gate of a release only. */
  readonly release: Release | undefined;
}

export interface Verdict {
  readonly findings: readonly Finding[];
  readonly figures: readonly string[];
}

function judgeTime({ predicate }: Statement, maxRunS: number, nowUnixS: number, report: Report): void {
  const { startUnixS, endUnixS } = predicate;
  judgeAge(endUnixS, nowUnixS, report);
  const tookS = endUnixS - startUnixS;
  if (tookS < 0 || tookS > maxRunS) report('time', `wanted a run of 0 to ${maxRunS} s, got ${tookS} s`);
}

function judgeSubjects({ subject }: Statement, digests: AtHand['digests'], report: Report): void {
  const got = subject.map(({ name }) => name).sort();
  const wanted = Object.keys(digests).sort();
  if (got.join() !== wanted.join()) report('subject', `wanted each of ${wanted.join(' ')} once, got ${got.join(' ')}`);
  for (const { name, digest } of subject) {
    const atHand = digests[name];
    if (atHand !== undefined && atHand !== digest.sha256) {
      report('subject', `wanted ${name} at hand, SHA-256 ${atHand}, got ${digest.sha256}`);
    }
  }
}

/** A promise without a guest is evidence of that and of nothing else; any other is of the tier that was asked for. */
function judgeTier({ predicate }: Statement, wanted: EvidenceTier, report: Report): void {
  const { tier, machine, commands } = predicate;
  if (tier !== wanted) report('tier', `wanted ${wanted}, got ${tier}`);
  const isBooted = machine.guestKernel !== '';
  if (isBooted === (wanted === 'unit')) {
    report('tier', `wanted ${isBooted ? 'no guest' : 'the kernel of guests'}, got ${machine.guestKernel || 'none'}`);
  }
  if (wanted !== 'unit' && commands.length === 0) report('no-command', 'wanted commands that guests ran, got none');
}

function judgeOrigin(statement: Statement, { maxRunS, unit }: Gate, atHand: AtHand, report: Report): void {
  const { promise, commit, changed } = statement.predicate;
  const isUnit = unit.includes(promise);
  judgeTier(statement, isUnit ? 'unit' : atHand.tier, report);
  if (commit !== atHand.commit) report('other-commit', `wanted ${atHand.commit}, got ${commit}`);
  if (changed.length > 0) report('was-changed', `wanted a clean tree, got ${changed.length} changes: ${changed[0]}`);
  judgeTime(statement, maxRunS, atHand.nowUnixS, report);
  judgeSubjects(statement, isUnit ? atHand.rules : atHand.digests, report);
}

function filesOf(sample: Sample): readonly Digest[] {
  if (sample.kind === 'flow') return [sample.log];
  if (sample.kind === 'soak') return [sample.looks, sample.clear];
  return sample.kind === 'watch' ? sample.captures.map(({ sha256 }) => sha256) : [];
}

/** What only shows when all promises are seen at once. */
function judgeTogether(statements: readonly Statement[], alone: readonly string[], report: Report): void {
  const runs = [...new Set(statements.map(({ predicate }) => predicate.run))];
  if (runs.length > 1) report('other-run', `wanted evidence of one run, got ${runs.length}: ${runs.join(' ')}`);
  const inOrder = statements.map(({ predicate }) => predicate).sort((a, b) => a.startUnixS - b.startUnixS);
  for (const [at, { promise, startUnixS }] of inOrder.entries()) {
    for (const before of inOrder.slice(0, at)) {
      // Both are rounded outwards to seconds.
      const isBeside = startUnixS < before.endUnixS - 1;
      if (isBeside && [promise, before.promise].some((each) => alone.includes(each)))
        report('overlap', `wanted nothing beside what is timed, got ${promise} begun before ${before.promise} ended`);
    }
  }
  const seen = new Map<Digest, string>();
  for (const { promise, tests } of inOrder) {
    const files = tests.flatMap(({ samples }) => samples.flatMap(filesOf));
    for (const digest of files) {
      const owner = seen.get(digest);
      if (owner !== undefined)
        report('file-twice', `wanted a file for one sample, got ${digest} of ${owner}, ${promise}`);
      seen.set(digest, promise);
    }
  }
}

function judgeGate(gate: Gate, atHand: AtHand, report: Report): void {
  if (!gate.tiers.includes(atHand.tier)) report('tier', `wanted tier ${gate.tiers.join(' or ')}, got ${atHand.tier}`);
  if (atHand.runners.length === 0) report('no-runner', 'wanted a pinned key of a runner, got none');
  if (atHand.changed.length > 0) {
    report('tree-changed', `wanted a clean tree at hand, got ${atHand.changed.length} changes: ${atHand.changed[0]}`);
  }
}

/** Evidence that no runner signed, of what this gate does not ask for, is nothing to it: another program left it there. */
function concerns({ promises }: Gate, reason: Reason, file: string): boolean {
  const foreign: readonly Reason[] = ['unsigned', 'wrong-signer'];
  return !foreign.includes(reason) || Object.keys(promises).some((promise) => basename(file).startsWith(`${promise}.`));
}

export function judge(gate: Gate, set: EvidenceSet, atHand: AtHand): Verdict {
  const findings: Finding[] = [];
  const figures: string[] = [];
  const reporter =
    (subject: string): Report =>
    (reason: Reason, detail: string) =>
      void findings.push({ reason, subject, detail });
  const own = reporter(gate.name);
  judgeGate(gate, atHand, own);
  if (gate.isRelease) figures.push(...judgeRelease(atHand.release, atHand.runners, atHand.nowUnixS, reporter));
  const believed = believe(set, atHand.runners);
  findings.push(...believed.findings.filter(({ reason, subject }) => concerns(gate, reason, subject)));
  const judged: Statement[] = [];
  for (const [promise, wants] of Object.entries(gate.promises)) {
    const report = reporter(promise);
    const [statement, ...more] = believed.statements.get(promise) ?? [];
    if (more.length > 0) report('twice', `wanted evidence of it once, got it ${more.length + 1} times`);
    if (statement === undefined) {
      report('missing', `wanted evidence of ${predicateType}, got none`);
      continue;
    }
    judgeOrigin(statement, gate, atHand, report);
    figures.push(...judgeTests(statement, wants, set, report));
    judged.push(statement);
  }
  judgeTogether(judged, gate.alone, own);
  return { findings, figures };
}
