/** The audit log's folder: the power fails at every step of a write, and the log goes on whole. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAudit } from '../../src/drivers/audit.ts';
import { nextBatch, resumeAudit, type AuditBatch } from '../../src/trust/audit-chain.ts';
import type { AuditEvent } from '../../src/trust/audit.ts';
import { isFinding, verifyAudit, type AuditFiles } from '../../src/trust/audit-verify.ts';
import { event, node, signing } from '../trust/log.ts';
import { failing, PowerCut } from './power-cut.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-audit-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const told = (files: AuditFiles): string => {
  const entries = verifyAudit(files, node.key);
  if (isFinding(entries)) return `${entries.segment}:${entries.line}: ${entries.detail}`;
  return entries.map(({ event: name }) => name).join(' ');
};
/** What the next start writes first. */
function batchFor(files: AuditFiles, events: readonly AuditEvent[], isNew = false): AuditBatch {
  const { chain, events: found } = resumeAudit(files, node.key);
  const from = isNew ? { ...chain, endBytes: undefined } : chain;
  const all = [...found.map(({ event: name, fields }) => event(name, fields)), ...events];
  return nextBatch(from, all, event('x'), signing).batch;
}

test.each<[string, number, boolean, string]>([
  ['of the first batch', 0, false, ''],
  ['of a batch in a segment that is there', 1, false, 'start checkpoint'],
  ['of a batch that begins a segment', 1, true, 'start checkpoint'],
  ['of a batch that drops the oldest segment', 8, true, 'start checkpoint '.repeat(8).trimEnd()],
])('a power cut at each step %s leaves the old log or the new, and it goes on', (_, batches, isNew, before) => {
  const outcomes = new Set<string>();
  for (const half of [false, true]) {
    for (let at = 1; ; at += 1) {
      const trial = `${folder}/${String(half)}-${at}`;
      const store = openAudit(trial);
      for (let round = 0; round < batches; round += 1) {
        store.write(batchFor(store.read(), [event('start')], round > 0 && batches > 1));
      }
      expect(told(store.read())).toBe(before);
      const { files, operations } = failing(at, half);
      const batch = batchFor(store.read(), [event('joined')], isNew);
      let isCut = false;
      try {
        openAudit(trial, files).write(batch);
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
        isCut = true;
      }
      const again = openAudit(trial);
      again.write(batchFor(again.read(), [event('state')]));
      const got = told(again.read());
      expect(got, `step ${at}`).toMatch(/^(start checkpoint )*(joined checkpoint |audit-tail-cut )?state checkpoint$/);
      expect(got.split('start').length - 1).toBeGreaterThanOrEqual(Math.min(batches, 7));
      outcomes.add(`${got.includes('joined') ? 'new' : 'old'}${got.includes('cut') ? ' cut' : ''}`);
      if (!isCut) {
        expect(operations()).toBe(at - 1);
        break;
      }
    }
  }
  expect([...outcomes].sort()).toEqual(['new', 'old', 'old cut']);
});

test('files are of mode 0600, and others in the folder are left alone', () => {
  const store = openAudit(folder);
  for (const name of ['notes', '007', '1.bak']) writeFileSync(`${folder}/${name}`, 'x');
  store.write(batchFor(store.read(), [event('start')]));
  expect(readdirSync(folder).sort()).toEqual(['007', '1', '1.bak', 'head', 'notes']);
  expect(['1', 'head'].map((name) => statSync(`${folder}/${name}`).mode & 0o777)).toEqual([0o600, 0o600]);
  expect(told(store.read())).toBe('start checkpoint');
  expect(store.writes()).toBe(1);
});
test('segments are read in the order of their numbers', () => {
  mkdirSync(`${folder}/log`);
  for (const name of ['10', '9', '100']) writeFileSync(`${folder}/log/${name}`, name);
  expect(
    openAudit(`${folder}/log`)
      .read()
      .segments.map(({ name }) => name),
  ).toEqual(['9', '10', '100']);
});
test('a folder that is not there is an empty log, and a file that somebody made large is not read whole', () => {
  expect(openAudit(`${folder}/none`).read()).toEqual({ segments: [], head: undefined });
  writeFileSync(`${folder}/1`, Buffer.alloc(1_000_000));
  expect(openAudit(folder).read().segments[0]?.bytes.length).toBe(28 * 1024 + 1);
});
test('an end that somebody cut off while the agent ran is not papered over by the next batch', () => {
  const store = openAudit(folder);
  store.write(batchFor(store.read(), [event('start')]));
  const batch = batchFor(store.read(), [event('joined')]);
  writeFileSync(`${folder}/1`, '');
  store.write(batch);
  expect(told(store.read())).toMatch(/^1:1: wanted/);
});
