/** Vectors of the audit log: one whole, and one bend away from it at each check. */
import { encodeBase64 } from '../../src/trust/base64.ts';
import type { AuditFiles } from '../../src/trust/audit-verify.ts';
import { node, nothing, small, textOf, withBytes } from './log.ts';
import { text } from './bend.ts';
import { stranger } from './network.ts';
import type { Vector } from './run-vector.ts';

export function auditLogs(): Vector[] {
  const log = (what: string, want: Vector['want'], { segments, head }: AuditFiles, key = node.key): Vector => ({
    what,
    want,
    door: 'audit',
    key,
    bytes: encodeBase64(head ?? new Uint8Array()),
    segments: segments.map(({ name, bytes }) => [name, encodeBase64(bytes)]),
  });
  const edited = (name: string, from: string, to: string): AuditFiles => {
    const segment = small.segments.find((each) => each.name === name);
    if (segment === undefined || !textOf(segment).includes(from)) throw new Error(`wanted ${from} in segment ${name}`);
    return withBytes(small, name, text(textOf(segment).replace(from, to)));
  };
  const without = (index: number): AuditFiles => ({
    ...small,
    segments: small.segments.filter((_, at) => at !== index),
  });
  return [
    log('a log of three segments', 'accepted', small),
    log('no log', 'accepted', nothing),
    log('a log with an edited field', 'found', edited('1', '"aa"', '"ab"')),
    log('a log whose last checkpoint was edited', 'found', edited('8', '"seq":11,"at":18', '"seq":11,"at":17')),
    log('a log with another spelling in its last line', 'found', edited('8', '"seq":11,', '"seq":11, ')),
    log('a log with a line of no known shape', 'found', edited('6', '"clock":"ntp"', '"clock":"sun"')),
    log('a log without its first segment', 'found', without(0)),
    log('a log without its second segment', 'found', without(1)),
    log('a log without its last segment', 'found', without(2)),
    log('a log without its head record', 'found', { ...small, head: undefined }),
    log('a log of another node', 'found', small, stranger.key),
  ];
}
