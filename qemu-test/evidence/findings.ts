// What a gate found wrong, a line each. In: what was wanted and got. Out: findings of a closed union of reasons.
export const reasons = [
  'input-missing',
  'no-runner',
  'no-releaser',
  'tree-changed',
  'unsigned',
  'malformed',
  'wrong-signer',
  'other-name',
  'missing',
  'twice',
  'tier',
  'other-commit',
  'was-changed',
  'stale',
  'not-yet',
  'time',
  'other-run',
  'overlap',
  'subject',
  'no-command',
  'test-missing',
  'test-twice',
  'test-unknown',
  'threw',
  'sample-missing',
  'sample-extra',
  'sample',
  'impossible',
  'nothing-sent',
  'nothing-seen',
  'file-missing',
  'file-differs',
  'file-malformed',
  'file-twice',
  'feed',
  'package',
  'sbom',
  'registry',
  'vulnerable',
] as const;
export type Reason = (typeof reasons)[number];

export interface Finding {
  readonly reason: Reason;
  /** A promise, a file, or the gate itself. */
  readonly subject: string;
  /** Wanted and got. */
  readonly detail: string;
}

export type Report = (reason: Reason, detail: string) => void;

export const line = ({ reason, subject, detail }: Finding): string => `${subject}: ${reason}: ${detail}`;
