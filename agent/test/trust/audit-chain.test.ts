/** An audit log goes on after a lost power and after somebody was at it: the first leaves it whole, the second does not. */
import { describe, expect, test } from 'vitest';
import { nextBatch, resumeAudit, type AuditResumed } from '../../src/trust/audit-chain.ts';
import { auditStart, splitLines, writeHead } from '../../src/trust/audit.ts';
import { isFinding, verifyAudit, type AuditFiles } from '../../src/trust/audit-verify.ts';
import { add, event, logOf, node, nothing, put, signing, small, textOf, withBytes } from './log.ts';

const check = (files: AuditFiles): string => {
  const got = verifyAudit(files, node.key);
  return isFinding(got) ? `${got.segment}:${got.line}: ${got.detail}` : 'whole';
};
/** The next start, whose first batch tells how the log was found. */
function restarted(files: AuditFiles): { readonly files: AuditFiles; readonly found: AuditResumed['events'] } {
  const { chain, events } = resumeAudit(files, node.key);
  const told = events.map(({ event: name, fields }) => event(name, fields));
  return { files: add(files, chain, [...told, event('start')]).files, found: events };
}
/** What is on flash before the first line of all. */
const firstHead = writeHead(auditStart, node.key, signing.sign);
const lastOf = (files: AuditFiles): { name: string; bytes: Uint8Array } => {
  const last = files.segments.at(-1);
  if (last === undefined) throw new Error('wanted a segment, got none');
  return last;
};

describe('power is lost after each byte of a batch', () => {
  const into: [string, AuditFiles][] = [
    ['that is the first of all', nothing],
    ['that goes on in a segment', logOf([[event('start')]])],
    ['that begins a segment', logOf([[event('start')]])],
  ];
  test.each(into)('%s: the log is whole again with the next, which says what was cut', (what, before) => {
    const { chain } = resumeAudit(before, node.key);
    const from = what.includes('begins') ? { ...chain, endBytes: undefined } : chain;
    const { batch } = nextBatch(from, [event('joined'), event('state')], event('x'), signing);
    for (let length = 0; length < batch.bytes.length; length += 1) {
      const torn = put(before, { ...batch, bytes: batch.bytes.subarray(0, length), head: before.head ?? firstHead });
      const { files, found } = restarted(torn);
      expect(check(files), `${length} bytes`).toBe('whole');
      expect(found, `${length} bytes`).toEqual(
        length === 0
          ? []
          : [{ event: 'audit-tail-cut', fields: { bytes: length, sha256: expect.any(String) as string } }],
      );
    }
  });
  test('after the batch and before the head record: nothing is cut, and the log is whole', () => {
    const before = logOf([[event('start')]]);
    const after = add(before, resumeAudit(before, node.key).chain, [event('joined')]).files;
    const torn = { ...after, head: before.head };
    expect(check(torn)).toBe('whole');
    const { files, found } = restarted(torn);
    expect(found).toEqual([]);
    expect(check(files)).toBe('whole');
    expect(textOf(lastOf(files))).toContain('"event":"joined"');
  });
  test('before the oldest segment was dropped: it is whole with it, and goes with the next batch', () => {
    let files = logOf(Array.from({ length: 8 }, () => [[event('state')], null]).flat());
    expect(files.segments).toHaveLength(8);
    const { chain } = resumeAudit(files, node.key);
    const { batch } = nextBatch({ ...chain, endBytes: undefined }, [event('state')], event('x'), signing);
    files = put(files, { ...batch, keep: [...files.segments.map(({ name }) => name), batch.segment] });
    expect(files.segments).toHaveLength(9);
    expect(check(files)).toBe('whole');
    files = restarted(files).files;
    expect(files.segments).toHaveLength(8);
    expect(check(files)).toBe('whole');
  });
});

describe('what does not fit stays to be found, also after the log has gone on', () => {
  const three = lastOf(small);
  const lines = splitLines(three.bytes);
  const flipped = Uint8Array.from(three.bytes);
  flipped[10] = (flipped[10] ?? 0) ^ 1;
  const foreign = Uint8Array.from(Buffer.concat([three.bytes, Buffer.from('{"seq":12}\n')]));
  test.each<[string, AuditFiles, string]>([
    ['an edited line', withBytes(small, '1', flipped), ''],
    [
      'the end cut off at a checkpoint',
      withBytes(small, three.name, Buffer.concat(lines.slice(0, 2))),
      'audit-damaged',
    ],
    ['an edited last line', withBytes(small, three.name, three.bytes.subarray(0, -1)), 'audit-damaged'],
    ['the last segment gone', { ...small, segments: small.segments.slice(0, 2) }, 'audit-damaged'],
    ['all segments gone', { ...small, segments: [] }, 'audit-damaged'],
    ['the head record gone', { ...small, head: undefined }, 'audit-damaged'],
    [
      'the head record edited',
      { ...small, head: small.head?.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) },
      'audit-damaged',
    ],
    [
      'the head record gone and the end cut off',
      { segments: small.segments.slice(0, 1), head: undefined },
      'audit-damaged',
    ],
    ['a segment that is nothing', withBytes(small, three.name, new Uint8Array(50)), 'audit-damaged'],
  ])('%s', (_, files, wanted) => {
    expect(check(files)).not.toBe('whole');
    const { files: next, found } = restarted(files);
    expect(found.map(({ event: name }) => name).join()).toBe(wanted);
    expect(check(next)).not.toBe('whole');
    const again = restarted(next);
    expect(again.found).toEqual([]);
    expect(check(again.files)).not.toBe('whole');
    expect(textOf(lastOf(again.files))).toContain('"event":"start"');
  });
  test('but lines that somebody wrote behind the last checkpoint are taken off, and told with their digest', () => {
    const { files, found } = restarted(withBytes(small, three.name, foreign));
    expect(check(files)).toBe('whole');
    expect(found).toEqual([
      { event: 'audit-tail-cut', fields: { bytes: 11, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string } },
    ]);
  });
  test('and when it has been dropped, oldest first, the log is whole', () => {
    let { files } = restarted({ ...small, segments: small.segments.slice(0, 2) });
    let { chain } = resumeAudit(files, node.key);
    for (let round = 0; round < 8; round += 1) {
      expect(check(files), `round ${round}`).not.toBe('whole');
      ({ files, chain } = add(files, { ...chain, endBytes: undefined }, [event('state')]));
    }
    expect(check(files)).toBe('whole');
  });
});

test('an undamaged log goes on where it ended, without a word', () => {
  const { chain, events } = resumeAudit(small, node.key);
  expect(events).toEqual([]);
  expect(chain).toMatchObject({ head: { seq: 11 }, segments: ['1', '6', '8'], endBytes: lastOf(small).bytes.length });
  expect(check(restarted(small).files)).toBe('whole');
});

test('text of a stranger is clipped and has no control characters; one batch has a bound, and says what it left out', () => {
  const wild = event('refused', { detail: `a\n\u0000\ud800"${'x'.repeat(500)}` });
  const entries = verifyAudit(logOf([[wild, ...Array.from({ length: 99 }, () => wild)]]), node.key);
  if (isFinding(entries)) throw new Error(entries.detail);
  expect(entries[0]?.fields['detail']).toBe(`a\ufffd\ufffd\ufffd"${'x'.repeat(195)}`);
  const [omitted] = entries.slice(-2);
  expect(omitted).toMatchObject({ event: 'omitted' });
  expect(entries.length - 2 + Number(omitted?.fields['count'])).toBe(100);
});
