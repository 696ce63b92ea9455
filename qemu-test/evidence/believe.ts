// The door of the gates. In: files of a folder of evidence, keys of runners. Out: the statements that a runner signed,
// by promise, and findings about all else: nothing of a file is read before its signature held.
import { openEnvelope, requireSigners } from '../../agent/src/trust/dsse.ts';
import { isRefusal, refusing } from '../../agent/src/trust/refuse.ts';
import type { Digest, IdentityKey, Refusal } from '../../agent/src/trust/types.ts';
import type { Finding, Reason } from './findings.ts';
import { maxEvidenceBytes, parseStatement, payloadType, type Statement } from './statement.ts';
import { signedName, unsignedEnding } from './write.ts';

export interface EvidenceSet {
  /** By tier, which is its folder, and name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What a statement names by digest; `undefined` if there is none of it. */
  readonly attachment: (promise: string, digest: Digest, ending: string) => Uint8Array | undefined;
}

export interface Believed {
  readonly statements: ReadonlyMap<string, readonly Statement[]>;
  readonly findings: readonly Finding[];
}

export function believeFile<Read extends object>(
  bytes: Uint8Array,
  runners: readonly IdentityKey[],
  parse: (payload: Uint8Array) => Read,
): Read | Refusal {
  return refusing(() => {
    const envelope = openEnvelope(bytes, payloadType, maxEvidenceBytes);
    requireSigners(envelope, { keys: runners, threshold: 1 }, 'the pinned runners');
    return parse(envelope.payload);
  });
}

export function reasonOf({ refused }: Refusal): Reason {
  return refused === 'too-few-signers' ? 'wrong-signer' : 'malformed';
}

export function believe({ files }: EvidenceSet, runners: readonly IdentityKey[]): Believed {
  const statements = new Map<string, Statement[]>();
  const findings: Finding[] = [];
  for (const [subject, bytes] of files) {
    const report = (reason: Finding['reason'], detail: string): void => void findings.push({ reason, subject, detail });
    if (subject.endsWith(unsignedEnding)) {
      report('unsigned', 'wanted an envelope that a runner signed, got a bare statement');
      continue;
    }
    const believed = believeFile(bytes, runners, parseStatement);
    if (isRefusal(believed)) {
      report(reasonOf(believed), believed.detail);
      continue;
    }
    const { promise, tier } = believed.predicate;
    if (subject !== signedName(tier, promise)) {
      report('other-name', `wanted evidence of this name, got ${promise} of tier ${tier}`);
    }
    statements.set(promise, [...(statements.get(promise) ?? []), believed]);
  }
  return { statements, findings };
}
