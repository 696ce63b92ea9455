/** What the gates want beside what the promises do: a promise or a test that is renamed or new is noticed without a lab. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gates } from './gates.ts';
import { benchmarkPrefix } from './gates/performance.ts';

const folder = join(import.meta.dirname, '../promises');
/** These look at files and tables and send no packet, so that they have no evidence; their own run judges them. */
const withoutPackets = [
  'leave-restores-everything',
  'audit-finds-any-edit',
  'luci-shows-the-router',
  'no-secret-anywhere',
  'prometheus-scrapes-the-router',
];

const release = gates.find(({ name }) => name === 'release');
const all = Object.entries(release?.promises ?? {});
/** Benchmarks and the soak are programs of their own, with one title. */
const wanted = all.filter(([name]) => name !== 'soak' && !name.startsWith(benchmarkPrefix));

test('every promise that sends packets is one of a gate, and every promise of a gate is there', () => {
  const promises = readdirSync(folder).map((name) => name.replace(/\.test\.ts$/, ''));
  expect([...wanted.map(([name]) => name), ...withoutPackets].sort()).toEqual(promises.sort());
});

test('a promise is in one gate only, and in that of the release', () => {
  const parts = gates.filter(({ name }) => name !== 'release').flatMap(({ promises }) => Object.keys(promises));
  expect(parts.sort()).toEqual(all.map(([name]) => name).sort());
});

/** Titles as they are written: `%s` stands for a row. */
function titlesIn(promise: string): readonly RegExp[] {
  const text = readFileSync(join(folder, `${promise}.test.ts`), 'utf8');
  const calls = text.matchAll(/^(?:test\(|\]?\)\(|test\.each\((?:\[.*\]|\w+)\)\()\s*'((?:[^'\\]|\\.)*)',/gm);
  return [...calls].map(([, title = '']) => new RegExp(`^${escaped(title).replaceAll('%s', '.*')}$`));
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

describe('the tests of a gate are those of the promise', () => {
  test.each(wanted)('%s', (promise, wants) => {
    const [written, titles] = [titlesIn(promise), Object.keys(wants)];
    expect(titles.filter((title) => !written.some((each) => each.test(title)))).toEqual([]);
    expect(written.filter((each) => !titles.some((title) => each.test(title)))).toEqual([]);
    expect(written.length).toBeGreaterThan(0);
  });
});
