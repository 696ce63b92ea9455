/** The recorder: what is on flash after which time, in how many writes, and what a reader is told. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Audit, type AuditKind, type Happening } from '../../src/control/audit.ts';
import type { AuditStore } from '../../src/control/ports.ts';
import { openAudit } from '../../src/drivers/audit.ts';
import type { AuditMoment } from '../../src/trust/audit.ts';
import type { AuditBatch } from '../../src/trust/audit-chain.ts';
import { nodeIdOf } from '../../src/trust/words.ts';
import { home, nowUnixS } from '../trust/network.ts';
import { node, signing } from '../trust/log.ts';
import { failing } from '../drivers/power-cut.ts';

const identity = {
  id: nodeIdOf(node.key),
  identityKey: node.key,
  wireGuardKey: home.wireGuardKey,
  sign: signing.sign,
};
const state = (name: string): Happening => ({ event: 'state', fields: { state: name, why: 'because' } });
const refused = (reason: string, detail = 'wanted, got'): Happening => ({
  event: 'refused',
  fields: { reason, detail },
});
const joined: Happening = { event: 'joined', fields: { network: 'aa' } };
const started: Happening = { event: 'start', fields: { version: '1' } };

let folder: string;
let store: AuditStore;
let passedS: number;
let said: string[];
let audit: Audit;
const moment = (): AuditMoment => ({ atUnixS: nowUnixS + Math.floor(passedS), clock: 'ntp' });
const begin = (over: Partial<AuditStore> = {}): Audit => {
  const whole: AuditStore = {
    read: () => store.read(),
    write: (batch) => store.write(batch),
    writes: () => store.writes(),
    ...over,
  };
  audit = new Audit(
    whole,
    identity,
    () => passedS,
    (line) => said.push(line),
  );
  return audit;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-audit-'));
  store = openAudit(folder);
  [passedS, said] = [0, []];
  begin().start(started, moment());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (...happenings: Happening[]): void => audit.record(happenings, moment());
const onFlash = (): string[] => {
  const lines = store
    .read()
    .segments.flatMap(({ bytes }) => Buffer.from(bytes).toString().trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const words = ['state', 'reason', 'count', 'last', 'bytes'];
  return lines
    .filter(({ event }) => event !== 'checkpoint')
    .map((line) => [line['event'], ...words.flatMap((word) => (word in line ? [line[word]] : []))].join(' '));
};
const waiting = (): string => String(audit.page(undefined)['waiting']);

describe('when it is written', () => {
  test('a start is not: an agent that dies again and again costs no flash', () => {
    expect(store.writes()).toBe(0);
    expect(waiting()).toBe('{"at":1800000000,"clock":"ntp","event":"start","version":"1"}\n');
  });
  test('a change of state waits for ten minutes after the last write, and then goes with what waited', () => {
    record(state('closed'));
    passedS = 599;
    record(state('enforced'));
    expect(store.writes()).toBe(0);
    passedS = 600;
    record();
    expect(onFlash()).toEqual(['start', 'state closed', 'state enforced']);
    expect(waiting()).toBe('');
    passedS = 1199;
    record(state('closed'));
    expect(store.writes()).toBe(1);
    passedS = 1200;
    record();
    expect(store.writes()).toBe(2);
  });
  test('nothing that waits is no write', () => {
    record(state('closed'));
    passedS = 10_000;
    record();
    passedS = 20_000;
    record();
    expect(store.writes()).toBe(1);
  });
  test.each<[string, Happening]>([
    ['joining', joined],
    ['leaving', { event: 'left', fields: {} }],
    ['a refused map', refused('rollback')],
  ])('%s is written at once, with all that waited before it', (_, happening) => {
    record(happening);
    expect(onFlash()).toHaveLength(2);
    expect(store.writes()).toBe(1);
  });
  test('a second refusal for the same reason waits, one for another does not, and a third of those does', () => {
    record(refused('rollback'));
    record(refused('rollback'));
    expect(store.writes()).toBe(1);
    record(refused('fork'));
    expect(store.writes()).toBe(2);
    record(refused('expired'));
    expect(store.writes()).toBe(2);
    record(joined);
    expect(store.writes(), 'but a flood of them does not keep a join waiting').toBe(3);
    passedS = 3700;
    record(refused('rollback'));
    expect(store.writes()).toBe(4);
  });
  test('what stops in good order writes what waits', () => {
    audit.flush(moment());
    expect(onFlash()).toEqual(['start']);
  });
});

describe('storms', () => {
  test('what repeats is one line with a count and the last time; the newest words stay', () => {
    for (let round = 0; round < 500; round += 1) {
      passedS += 1;
      record(refused('malformed', `wanted, got ${round}`), state(round % 2 === 0 ? 'closed' : 'enforced'));
    }
    audit.flush(moment());
    expect(onFlash()).toEqual([
      'start',
      'refused malformed',
      'state closed',
      `refused malformed 499 ${nowUnixS + 500}`,
      'state enforced',
      'state closed',
      `state enforced 249 ${nowUnixS + 500}`,
      `state closed 248 ${nowUnixS + 499}`,
    ]);
    expect(audit.verify()).toMatchObject({ whole: true });
  });
  test('10,000 events of every kind in an hour are at most a dozen writes, and none is lost without a count', () => {
    const kinds: Happening[] = [
      joined,
      { event: 'left', fields: {} },
      ...['rollback', 'fork', 'expired', 'malformed', 'not-yet'].map((reason) => refused(reason)),
      ...['closed', 'enforced', 'applying', 'unsafe'].map(state),
      ...(['map-accepted', 'root-accepted', 'floors-raised', 'choices', 'clock-jump', 'drift-repaired'] as const).map(
        (event: AuditKind) => ({ event, fields: { x: 1 } }),
      ),
    ];
    const order = fc.array(fc.constantFrom(...kinds), { minLength: 100, maxLength: 100 });
    fc.assert(
      fc.property(order, (pattern) => {
        rmSync(folder, { recursive: true });
        store = openAudit(folder);
        passedS = 0;
        begin();
        for (let at = 0; at < 10_000; at += 1) {
          passedS = at * 0.36;
          record(pattern[at % 100] ?? joined);
        }
        expect(store.writes()).toBeLessThanOrEqual(12);
        audit.flush(moment());
        expect(audit.verify()).toMatchObject({ whole: true });
        const counts = onFlash().map((line) => Number(/ (\d+) 18\d{8}$/.exec(line)?.[1] ?? 1));
        expect(counts.reduce((sum, count) => sum + count)).toBe(10_000);
      }),
      { numRuns: 5 },
    );
  }, 60_000);
});

describe('flash that fails, and a process that ends', () => {
  test('a write that fails is told and tried again in the next period, and nothing that waited is lost', () => {
    let isFull = true;
    begin({
      write: (batch) => {
        if (isFull) throw new Error('ENOSPC: no space left on device');
        store.write(batch);
      },
    }).start(started, moment());
    record(joined);
    expect(said).toEqual(['the audit log could not be kept: ENOSPC: no space left on device']);
    passedS = 300;
    record(state('closed'));
    expect(said).toHaveLength(1);
    isFull = false;
    passedS = 600;
    record();
    expect(onFlash()).toEqual(['start', 'joined', 'state closed']);
    expect(audit.verify()).toMatchObject({ whole: true });
  });
  test('after a write that failed at its last step, and a power cut in the next, the log is whole', () => {
    let write = (batch: AuditBatch): void => store.write(batch);
    begin({ write: (batch) => write(batch) });
    record(joined);
    write = (batch) => {
      store.write(batch);
      throw new Error('EIO');
    };
    record({ event: 'left', fields: {} });
    write = (batch) => openAudit(folder, failing(3, false).files).write(batch);
    record(joined);
    begin().start(started, moment());
    audit.flush(moment());
    // What was written and said to have failed is there twice, and not in the place of what a head record names.
    expect(onFlash()).toEqual(['joined', 'left', 'left', 'joined', 'start']);
    expect(audit.verify()).toMatchObject({ whole: true });
  });
  test('a folder that cannot be read keeps no agent from starting', () => {
    begin({
      read: () => {
        throw new Error('EIO');
      },
    }).start(started, moment());
    expect(said).toEqual(['the audit log could not be kept: EIO']);
  });
  test('a torn end is cut off at the next start, and that is on flash at once', () => {
    record(joined);
    writeFileSync(
      `${folder}/1`,
      Buffer.concat([readFileSync(`${folder}/1`), Buffer.from('{"seq":4,"at"'.padEnd(2000))]),
    );
    expect(audit.verify()).toMatchObject({ whole: false });
    begin().start(started, moment());
    expect(onFlash()).toEqual(['start', 'joined', 'audit-tail-cut 2000', 'start']);
    expect(audit.verify()).toMatchObject({ whole: true });
  });
});

describe('a reader', () => {
  test('who verifies is told lines and head, or segment, line, wanted and got', () => {
    record(joined);
    expect(audit.verify()).toMatchObject({ whole: true, lines: 3, segments: 1, oldest: nowUnixS, head: { seq: 3 } });
    const path = `${folder}/1`;
    writeFileSync(path, readFileSync(path, 'utf8').replace('"aa"', '"ab"'));
    expect(audit.verify()).toMatchObject({
      whole: false,
      finding: { segment: '1', line: 3, detail: expect.stringMatching(/^wanted the SHA-256 .*, got/) as string },
    });
  });
  test('is told of a log that was put back, head record and all, while the agent ran', () => {
    record(joined);
    const before = ['1', 'head'].map((name) => readFileSync(`${folder}/${name}`));
    record({ event: 'left', fields: {} });
    for (const [at, name] of ['1', 'head'].entries()) writeFileSync(`${folder}/${name}`, before[at] ?? '');
    expect(audit.verify()).toMatchObject({ whole: false, finding: { segment: 'head' } });
    rmSync(folder, { recursive: true });
    expect(audit.verify()).toMatchObject({ whole: false });
  });
  test('gets all segments one by one, each page below 64 KB, the bytes of flash', () => {
    for (let round = 0; round < 200; round += 1) {
      passedS += 600;
      record(...['a', 'b', 'c', 'd', 'e', 'f'].map((reason) => refused(reason, 'é'.repeat(160))));
    }
    const pages = [audit.page(undefined)];
    for (let next = pages[0]?.['next']; typeof next === 'string'; next = pages.at(-1)?.['next'])
      pages.push(audit.page(next));
    expect(pages.length).toBeGreaterThan(5);
    expect(Math.max(...pages.map((page) => JSON.stringify(page).length))).toBeLessThan(64 * 1024);
    const bytes = store.read().segments.map((segment) => Buffer.from(segment.bytes).toString());
    expect(pages.map(({ text }) => text)).toEqual(bytes);
    expect(pages.at(-1)?.['head']).toBe(readFileSync(`${folder}/head`, 'utf8'));
  });
  test('gets no page that is larger, whatever somebody put there', () => {
    for (const garbage of [Buffer.alloc(100_000, 0xff), Buffer.alloc(100_000), Buffer.alloc(100_000, 0x0a)]) {
      writeFileSync(`${folder}/1`, garbage);
      writeFileSync(`${folder}/head`, garbage);
      const { text, head } = audit.page(undefined) as { text: string; head: string };
      expect(Buffer.byteLength(text) + Buffer.byteLength(head)).toBeLessThan(48 * 1024);
      expect(text + head).not.toContain('\0');
    }
  });
  test('who asks for a segment that is not there is told which are', () => {
    record(joined);
    expect(() => audit.page('7')).toThrow('audit: wanted a segment that is there (1), got "7"');
  });
});
