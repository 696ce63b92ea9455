/** A small audit log of one node, honestly written; the tests bend it afterwards. In: batches of events. Out: files. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { nextBatch, resumeAudit, type AuditBatch, type AuditChain } from '../../src/trust/audit-chain.ts';
import type { AuditEvent } from '../../src/trust/audit.ts';
import type { AuditFiles, AuditSegment } from '../../src/trust/audit-verify.ts';
import { nowUnixS, signer } from './network.ts';

export const node = signer('audited node');
export const signing = { key: node.key, sign: (message: Uint8Array) => ed25519.sign(message, node.secret) };
export const nothing: AuditFiles = { segments: [], head: undefined };

export const event = (name: string, fields: AuditEvent['fields'] = {}, atUnixS = nowUnixS): AuditEvent => ({
  atUnixS,
  clock: 'ntp',
  event: name,
  fields,
});

/** What the driver makes of a batch. */
export function put({ segments }: AuditFiles, batch: AuditBatch): AuditFiles {
  const before = segments.find(({ name }) => name === batch.segment)?.bytes ?? new Uint8Array();
  const bytes = Buffer.concat([before.subarray(0, batch.atBytes), batch.bytes]);
  const others = segments.filter(({ name }) => name !== batch.segment && batch.keep.includes(name));
  return { segments: [...others, { name: batch.segment, bytes: Uint8Array.from(bytes) }], head: batch.head };
}

export function add(
  files: AuditFiles,
  chain: AuditChain,
  events: readonly AuditEvent[],
): { files: AuditFiles; chain: AuditChain } {
  const next = nextBatch(chain, events, event('x'), signing);
  return { files: put(files, next.batch), chain: next.chain };
}

/** One batch after the other; `null` begins a new segment before the next. */
export function logOf(batches: readonly (readonly AuditEvent[] | null)[]): AuditFiles {
  let files = nothing;
  let { chain } = resumeAudit(files, node.key);
  for (const batch of batches) {
    if (batch === null) chain = { ...chain, endBytes: undefined };
    else ({ files, chain } = add(files, chain, batch));
  }
  return files;
}

/** Three segments with five batches. */
export const small = logOf([
  [event('start', { version: '1.0' }), event('joined', { network: 'aa' })],
  [event('refused', { reason: 'rollback', detail: 'wanted epoch 7, got 6', count: 3 })],
  null,
  [event('state', { state: 'enforced', why: 'é "x" \\' })],
  null,
  [event('clock-jump', { by_s: -3600 })],
  [event('left')],
]);

export const withBytes = (files: AuditFiles, name: string, bytes: Uint8Array): AuditFiles => ({
  ...files,
  segments: files.segments.map((each) => (each.name === name ? { name, bytes } : each)),
});
export const textOf = ({ bytes }: AuditSegment): string => new TextDecoder().decode(bytes);
