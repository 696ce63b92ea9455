/** The form of evidence: what is written is what is read; what is cut or bent is refused, and never half believed. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { isRefusal, refusing } from '../../agent/src/trust/refuse.ts';
import { percentile, readCapture, readFlow } from './capture.ts';
import { captureOf, clearFrame, honest, logOf, nowUnixS, sealedFrames, upTo } from './honest.ts';
import { attach, beginTest, closeRecord, endTest, mark, openRecord, record, recordCommand } from './recorder.ts';
import { encodeStatement, parseStatement } from './statement.ts';
import { sha256Of } from './surroundings.ts';

const refused = (read: () => unknown): boolean => isRefusal(refusing(read));

describe('statements', () => {
  const statement = honest().leak;
  const bytes = encodeStatement(statement);

  test('what is written is read', () => {
    expect(parseStatement(bytes)).toEqual(statement);
  });
  test('cut at any byte it is refused; only the line end may be missing', () => {
    const whole = bytes.length - 1;
    const kept = Array.from({ length: whole }, (_, length) => length).filter(
      (length) => !refused(() => parseStatement(bytes.subarray(0, length))),
    );
    expect(kept).toEqual([]);
    expect(parseStatement(bytes.subarray(0, whole))).toEqual(statement);
  });
  test('random bytes are refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (random) => refused(() => parseStatement(random))));
  });
});

describe('captures', () => {
  const bytes = captureOf([...sealedFrames(2), clearFrame()], nowUnixS);

  test('frames come back with their times and ports', () => {
    const packets = readCapture(bytes, 'r1');
    expect(packets.map(({ port, protocol, to }) => [port, protocol, to])).toEqual([
      ['r1', 17, '198.51.100.12'],
      ['r1', 17, '198.51.100.12'],
      ['r1', 1, '203.0.113.1'],
    ]);
    expect(packets.map(({ atMs }) => Math.round(atMs - nowUnixS * 1000))).toEqual([0, 10, 20]);
  });
  test('cut anywhere but between two frames it is refused', () => {
    const kept = Array.from({ length: bytes.length }, (_, length) => length).filter(
      (length) => !refused(() => readCapture(bytes.subarray(0, length), 'r1')),
    );
    // A header of 24 bytes; each frame of 138 has one of 16.
    expect(kept).toEqual([24, 178, 332]);
  });
  test('random bytes are refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (random) => refused(() => readCapture(random, 'r1'))));
  });
});

describe('logs of flows', () => {
  test('latencies are read from the answers', () => {
    const { rttMs, sent, received, transmitted } = readFlow(logOf(upTo(3), 4));
    expect({ rttMs, sent, received, transmitted }).toEqual({
      rttMs: [1.21, 1.22, 1.23],
      sent: 3,
      received: 3,
      transmitted: 4,
    });
  });
  test('cut before its last line it is refused', () => {
    const bytes = logOf(upTo(3), 4);
    const end = bytes.indexOf('4 packets transmitted');
    for (let length = 0; length <= end; length += 1) {
      expect(
        refused(() => readFlow(bytes.subarray(0, length))),
        `${length} bytes`,
      ).toBe(true);
    }
  });
  test.each([
    [50, 3],
    [95, 5],
    [99, 5],
    [100, 5],
    [1, 1],
  ])('the percentile %i of 1 to 5, in any order, is %i', (percent, wanted) => {
    expect(percentile([4, 1, 5, 2, 3], percent)).toBe(wanted);
  });
});

describe('the recorder', () => {
  afterEach(() => closeRecord());
  const pings = { kind: 'pings', from: 'r1', to: 'r2', sent: 1, received: 1 } as const;

  test('keeps samples of a test by its title, and nothing outside of one', () => {
    openRecord('reach');
    record(pings);
    beginTest('first');
    record(pings);
    mark('done', 5);
    const digest = attach('log', Buffer.from('an answer'));
    endTest();
    record(pings);
    attach('log', Buffer.from('another'));
    recordCommand('r1', 'x'.repeat(5000), 3, Buffer.from('out'));
    const run = closeRecord();
    const atUnixUs = Math.floor((performance.timeOrigin + 5) * 1000);
    expect([...(run?.samples ?? [])]).toEqual([['first', [pings, { kind: 'mark', name: 'done', atUnixUs }]]]);
    expect([...(run?.attachments.keys() ?? [])]).toEqual([digest]);
    const command = { on: 'r1', command: 'x'.repeat(4096), exitStatus: 3, outputSha256: sha256Of('out') };
    expect(run?.commands).toEqual([command]);
  });
  test('keeps nothing where no promise runs', () => {
    beginTest('a test of the lab itself');
    record(pings);
    recordCommand('r1', 'true', 0, Buffer.alloc(0));
    expect(closeRecord()).toBeUndefined();
  });
});
