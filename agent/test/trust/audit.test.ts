/** An audit log that was changed anywhere is found, and one that was not is read. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { nextBatch, resumeAudit } from '../../src/trust/audit-chain.ts';
import { auditStart, readLine, splitLines, writeEvent, writeHead, type AuditHead } from '../../src/trust/audit.ts';
import { isFinding, verifyAudit, type AuditFiles, type AuditSegment } from '../../src/trust/audit-verify.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { event, logOf, node, nothing, put, signing, small, textOf, withBytes } from './log.ts';
import { nowUnixS, stranger } from './network.ts';

const check = (files: AuditFiles, known?: AuditHead): string => {
  const got = verifyAudit(files, node.key, known);
  return isFinding(got) ? `${got.segment}:${got.line}: ${got.detail}` : 'whole';
};
const [one, two, three] = small.segments as [AuditSegment, AuditSegment, AuditSegment];
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const edit = (name: string, from: string, to: string): AuditFiles => {
  const segment = small.segments.find((each) => each.name === name);
  if (segment === undefined || !textOf(segment).includes(from)) throw new Error(`wanted ${from} in ${name}`);
  return withBytes(small, name, text(textOf(segment).replace(from, to)));
};
const reordered = (...segments: AuditSegment[]): AuditFiles => ({ ...small, segments });
const linesOf = ({ bytes }: AuditSegment): readonly Uint8Array[] => splitLines(bytes);
const joined = (lines: readonly (Uint8Array | undefined)[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(lines.map((line) => line ?? new Uint8Array())));

test('an honest log gives its entries: seq, time, clock, event and fields', () => {
  const entries = verifyAudit(small, node.key);
  if (isFinding(entries)) throw new Error(entries.detail);
  expect(small.segments.map(({ name }) => name)).toEqual(['1', '6', '8']);
  expect(entries.map(({ seq, event: name }) => `${seq} ${name}`)).toEqual([
    '1 start',
    '2 joined',
    '3 checkpoint',
    '4 refused',
    '5 checkpoint',
    '6 state',
    '7 checkpoint',
    '8 clock-jump',
    '9 checkpoint',
    '10 left',
    '11 checkpoint',
  ]);
  expect(entries[3]).toMatchObject({
    atUnixS: nowUnixS,
    clock: 'ntp',
    fields: { reason: 'rollback', detail: 'wanted epoch 7, got 6', count: 3 },
  });
});

test('a line holds what sha256sum gives of the line before with its line feed', () => {
  const [first, second] = textOf(one).split(/(?<=\n)/);
  const previous = createHash('sha256')
    .update(first ?? '')
    .digest('hex');
  expect(second).toBe(
    `{"seq":2,"at":1800000000,"clock":"ntp","event":"joined","network":"aa","previous":"${previous}"}\n`,
  );
});

test('each byte of each file, each of its bits flipped, is found', () => {
  const flips = (bytes: Uint8Array, check: (bent: Uint8Array) => string): void => {
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const bent = Uint8Array.from(bytes);
        bent[at] = (bent[at] ?? 0) ^ (1 << bit);
        if (check(bent) === 'whole') throw new Error(`wanted bit ${bit} of byte ${at} to be found, got a whole log`);
      }
    }
  };
  for (const { name, bytes } of small.segments) flips(bytes, (bent) => check(withBytes(small, name, bent)));
  flips(small.head ?? new Uint8Array(), (head) => check({ ...small, head }));
}, 120_000);

test('each byte cut out, and the end cut off at each byte, is found', () => {
  for (const { name, bytes } of small.segments) {
    for (let at = 0; at < bytes.length; at += 1) {
      expect(check(withBytes(small, name, joined([bytes.subarray(0, at), bytes.subarray(at + 1)])))).not.toBe('whole');
      expect(check(withBytes(small, name, bytes.subarray(0, at)))).not.toBe('whole');
    }
  }
});

test('each line cut, repeated, and swapped with each other line, is found', () => {
  const all = small.segments.flatMap(linesOf);
  const files = (lines: readonly (Uint8Array | undefined)[]): AuditFiles => ({
    ...small,
    segments: [{ name: '1', bytes: joined(lines) }],
  });
  expect(check(files(all)), 'in one segment').toBe('whole');
  for (let at = 0; at < all.length; at += 1) {
    expect(check(files(all.filter((_, index) => index !== at)))).not.toBe('whole');
    expect(check(files([...all.slice(0, at), all[at], ...all.slice(at)]))).not.toBe('whole');
    for (let other = at + 1; other < all.length; other += 1) {
      const swapped = [...all];
      [swapped[at], swapped[other]] = [all[other] ?? new Uint8Array(), all[at] ?? new Uint8Array()];
      expect(check(files(swapped)), `${at} with ${other}`).not.toBe('whole');
    }
  }
});

/** All written anew from a bent line on, by somebody without the key. */
function forgedFrom(name: string, fields: Record<string, string>): AuditFiles {
  let head = auditStart;
  const lines = [event('start', fields), event(name)].map((each) => {
    const written = writeEvent(head, each);
    ({ head } = written);
    return written.line;
  });
  return { ...small, segments: [{ name: '1', bytes: joined([...lines, linesOf(one)[2]]) }] };
}

describe('the first finding says where, what was wanted and what was got', () => {
  test.each<[string, AuditFiles, RegExp]>([
    ['an edited value', edit('1', '"aa"', '"ab"'), /^1:3: wanted the SHA-256 of the line before, [0-9a-f]{64}, got/],
    [
      'an edited value in the last line of a segment',
      edit('1', '"seq":5,"at":18', '"seq":5,"at":19'),
      /^6:1: wanted the SHA-256/,
    ],
    [
      'an edited value in the last line of all',
      edit('8', '"seq":11,"at":1', '"seq":11,"at":2'),
      /^8:4: wanted 1 signers/,
    ],
    ['a blank between', edit('8', '"seq":11,', '"seq":11, '), /^8:4: wanted the line as it was written, got another/],
    [
      'a letter spelled as an escape',
      edit('8', '"checkpoint"', '"\\u0063heckpoint"'),
      /^8:2: wanted the line as it was/,
    ],
    ['a line that is no JSON', edit('6', '{"seq":6', '"seq":6'), /^6:1: wanted the end at character 5, got/],
    ['a key twice', edit('6', '"state":', '"why":"","state":'), /^6:1: wanted each key once, got "why" twice/],
    ['a wrong number', edit('6', '"seq":6', '"seq":9'), /^6:1: wanted seq 6 in the segment of that name, got 9/],
    ['a missing line', withBytes(small, '1', joined(linesOf(one).slice(0, 3))), /^6:1: wanted seq 4, got 6/],
    ['a missing segment', reordered(one, three), /^8:1: wanted seq 6, got 8/],
    ['a missing first segment', reordered(two, three), /^6:1: wanted the lines from seq 1 on, got none before 6/],
    [
      'a missing last segment',
      reordered(one, two),
      /^head:1: wanted a log with the line of seq 11, .* ends with seq 7/,
    ],
    ['swapped segments', reordered(two, one, three), /^1:1: wanted seq 8, got 1/],
    ['a segment twice', reordered(one, two, two, three), /^6:1: wanted seq 8, got 6/],
    ['an empty segment', withBytes(small, '6', new Uint8Array()), /^6:1: wanted a line, got none/],
    ['a renamed segment', reordered(one, { ...two, name: '7' }, three), /^7:1: wanted seq 7 in the segment/],
    ['a segment that outgrew its bound', withBytes(small, '1', new Uint8Array(30_000)), /^1:1: wanted at most 28672/],
    [
      'an end cut off at a checkpoint',
      withBytes(small, '8', joined(linesOf(three).slice(0, 2))),
      /^head:1: wanted a log with the line of seq 11/,
    ],
    [
      'an end cut off before its checkpoint',
      withBytes(small, '8', joined(linesOf(three).slice(0, 3))),
      /^8:3: wanted a signed checkpoint behind this line, got the end of the log/,
    ],
    [
      'a last line without its line feed',
      withBytes(small, '8', three.bytes.subarray(0, -1)),
      /^8:4: wanted a line feed/,
    ],
    ['a new beginning under an old checkpoint', forgedFrom('joined', { version: '2.0' }), /^1:3: wanted the SHA-256/],
    ['no head record', { ...small, head: undefined }, /^head:1: wanted the head record beside the segments, got none/],
    [
      'a head record by another',
      { ...small, head: writeHead({ seq: 3, digest: auditStart.digest }, stranger.key, signing.sign) },
      /^head:1: wanted 1 signers of the head record, got 0/,
    ],
    [
      'a head record of a line that is another',
      { ...small, head: writeHead({ seq: 3, digest: auditStart.digest }, node.key, signing.sign) },
      /^head:1: wanted a log with the line of seq 3, 0{64}, got/,
    ],
    ['no segment beside the head record', reordered(), /^head:1: wanted a log with the line of seq 11, .*, got no log/],
  ])('%s', (_, files, wanted) => {
    expect(check(files)).toMatch(wanted);
  });
  test('a log of another node is found at its first checkpoint', () => {
    const got = verifyAudit(small, stranger.key);
    expect(got).toEqual({ segment: '1', line: 3, detail: 'wanted 1 signers of the checkpoint, got 0' });
  });
  test('all put back to an earlier time is whole, but not for one who knows a later head', () => {
    const head = writeHead({ seq: 5, digest: digestAt(4) }, node.key, signing.sign);
    const earlier = { segments: [one], head };
    expect(check(earlier)).toBe('whole');
    expect(check(earlier, { seq: 11, digest: digestAt(10) })).toMatch(/^head:1: wanted a log with the line of seq 11/);
    expect(check(small, { seq: 5, digest: digestAt(4) })).toBe('whole');
  });
  test('nothing at all is whole, but not for one who knows a head', () => {
    expect(check(nothing)).toBe('whole');
    expect(check(nothing, { seq: 5, digest: digestAt(4) })).toMatch(/^head:1: .*got no log$/);
  });
});

function digestAt(index: number): AuditHead['digest'] {
  const line = readLine(small.segments.flatMap(linesOf)[index] ?? new Uint8Array());
  if (isRefusal(line)) throw new Error(line.detail);
  return line.digest;
}

const names = fc.stringMatching(/^[a-z]{1,6}(-[a-z]{1,6})?$/).filter((name) => name !== 'checkpoint');
const reserved = ['seq', 'at', 'clock', 'event', 'previous', 'sig'];
const fields = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/).filter((name) => !reserved.includes(name)),
  fc.oneof(fc.string({ unit: 'binary', maxLength: 400 }), fc.maxSafeInteger(), fc.boolean()),
  { maxKeys: 8, noNullPrototype: true },
);
const events = fc.array(fc.tuple(names, fields), { maxLength: 12 });
const filesOf = (batches: readonly (readonly [string, Record<string, string | number | boolean>][])[]): AuditFiles =>
  logOf(batches.map((batch) => batch.map(([name, each]) => event(name, each))));

describe('properties', () => {
  test('whatever the events say, the log of them is whole and names them in order', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 8 }), (batches) => {
        const entries = verifyAudit(filesOf(batches), node.key);
        if (isFinding(entries)) throw new Error(entries.detail);
        const told = entries.filter(({ event: name }) => name !== 'checkpoint' && name !== 'omitted');
        const wanted = batches.flat().map(([name]) => name);
        const omitted = entries.reduce((sum, { event: name, fields: { count } }) => {
          return name === 'omitted' ? sum + Number(count) : sum;
        }, 0);
        expect(told.length + omitted).toBe(wanted.length);
        if (omitted === 0) expect(told.map(({ event: name }) => name)).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
  test('any bytes put over any place of it are found, unless they are the same', () => {
    const place = fc.tuple(fc.nat(2), fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 }));
    fc.assert(
      fc.property(place, ([which, from, over]) => {
        const { name, bytes } = small.segments[which] ?? one;
        const at = from % bytes.length;
        const bent = Uint8Array.from(bytes);
        bent.set(over.subarray(0, bytes.length - at), at);
        const wanted = Buffer.compare(bent, bytes) === 0 ? 'whole' : expect.not.stringMatching(/^whole$/);
        expect(check(withBytes(small, name, bent))).toEqual(wanted);
      }),
      { numRuns: 1000 },
    );
  });
  test('any bytes give entries or a finding, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (bytes, head) => {
        check({ segments: [{ name: '1', bytes }], head });
        resumeAudit({ segments: [{ name: '1', bytes }], head }, node.key);
      }),
    );
  });
});

test('a log that grows stays below 256 KB while it is written, and is whole afterwards', () => {
  let files = nothing;
  let { chain } = resumeAudit(files, node.key);
  let most = 0;
  for (let round = 0; round < 60; round += 1) {
    const storm = Array.from({ length: 90 }, (_, at) =>
      event('refused', { detail: `${round} ${at}`.padEnd(140, '.') }),
    );
    const { batch, chain: next } = nextBatch(chain, storm, event('x'), signing);
    const during = [...files.segments, batch].reduce((sum, { bytes }) => sum + bytes.length, 2 * batch.head.length);
    most = Math.max(most, during);
    [files, chain] = [put(files, batch), next];
    if (round % 10 === 9) expect(check(files), `round ${round}`).toBe('whole');
  }
  expect(files.segments).toHaveLength(8);
  expect(files.segments[0]?.name).not.toBe('1');
  expect(most).toBeGreaterThan(180 * 1024);
  expect(most).toBeLessThan(256 * 1024);
  expect(check({ ...files, segments: files.segments.slice(1) })).toMatch(/wanted the lines from seq \d+ on, got none/);
});
