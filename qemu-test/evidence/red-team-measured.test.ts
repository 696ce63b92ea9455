/** Forgeries of figures and of a soak: each is one bend away from the honest set, signed by the runner itself. */
import { expect, test } from 'vitest';
import { encodeLooks, type Look } from '../soak/look.ts';
import { line, type Reason } from './findings.ts';
import { bendSample, bendSamples } from './forger.ts';
import { clearFrame } from './honest.ts';
import { clear, honestMeasured, looks, sealMeasured, type Measured } from './honest-measured.ts';
import { judge } from './judge.ts';
import type { SampleOf } from './statement.ts';

type Series = readonly SampleOf<'series'>[];
type Bend = (world: Measured) => void;
type Forged = [what: string, reason: Reason, wanted: RegExp, bend: Bend];

const series =
  (bend: (all: Series) => readonly unknown[]): Bend =>
  ({ pace }) =>
    bendSamples(pace, 0, (samples) => bend(samples as Series));
const values = (name: string, change: (values: readonly number[]) => readonly unknown[]): Bend =>
  series((all) => all.map((each) => (each.name === name ? { ...each, values: change(each.values) } : each)));
const soak =
  (change: (world: Measured) => object): Bend =>
  (world) =>
    bendSample(world.soak, 0, 0, change(world));
const seen = (bend: (all: Look[]) => readonly unknown[]): Bend =>
  soak(({ attach }) => ({ looks: attach(encodeLooks(bend(looks()) as readonly Look[])) }));
const one = (change: Partial<Record<keyof Look, unknown>>): Bend =>
  seen((all) => all.map((each, at) => (at === 100 ? { ...each, ...change } : each)));
const events = (all: SampleOf<'soak'>['events']): Bend => soak(() => ({ events: all }));
const atMs = looks()[0]?.atUnixMs ?? 0;

const forged: readonly Forged[] = [
  ['a series left out', 'sample', /ours over by hand: wanted at least 0.97, got none/, series((all) => all.slice(1))],
  ['a better one beside it', 'sample', /a change: .*got none/, series((all) => [...all, ...all.slice(2, 3)])],
  ['slow samples left out', 'sample', /a change: .*too short/, values('a change', (all) => all.slice(0, 4))],
  [
    'one slow sample',
    'sample',
    /p95 of a change: .*300000, got 400000/,
    values('a change', (all) => [...all, 400_000]),
  ],
  ['a slower way', 'sample', /ours over by hand: .*got 0.9$/, values('ours', (all) => all.map(() => 90_000_000))],
  ['more memory', 'sample', /less memory of a bare one: wanted at most 3000, got 3200/, values('memory', () => [8500])],
  ['no sample at all', 'malformed', /wanted 1 to 100000 entries/, values('memory', () => [])],
  ['a figure that is no number', 'malformed', /wanted a value at/, values('memory', () => [Number.NaN])],
  ['a negative figure', 'malformed', /an integer/, values('a change', (all) => [...all, -1])],
  ['a fraction', 'malformed', /./, values('a change', (all) => [...all, 0.5])],
  ['another unit', 'malformed', /wanted one of bit.s/, series((all) => all.map((each) => ({ ...each, unit: 'ms' })))],
  ['looks that are not there', 'file-missing', /\.jsonl, got none/, soak(() => ({ looks: '0'.repeat(64) }))],
  ['a look cut', 'file-malformed', /line 101/, one({ peers: 'none' })],
  [
    'a look with a word more',
    'file-malformed',
    /wanted no key "isFine"/,
    seen(([first, ...all]) => [{ ...first, isFine: true }, ...all]),
  ],
  [
    'a last look that is cut',
    'file-malformed',
    /wanted a line end behind line 260, got none/,
    soak(({ attach }) => ({ looks: attach(encodeLooks(looks()).subarray(0, -1)) })),
  ],
  ['an epoch that fell', 'sample', /r1: floor epoch: wanted 3 or more, got 2/, one({ epoch: 2 })],
  ['a root that fell', 'sample', /r1: floor rootVersion: wanted 1 or more, got 0/, one({ rootVersion: 0 })],
  ['a time that fell', 'sample', /r1: floor timeUnixS/, one({ timeUnixS: 1 })],
  ['a peer that is no member', 'sample', /r1: a stranger is a peer, and no member/, one({ peers: ['a stranger'] })],
  ['too short', 'sample', /looks over 1.\d minutes/, seen((all) => all.slice(0, 200))],
  ['looks out of order', 'sample', /out of order/, seen((all) => all.toReversed())],
  ['looks of another time', 'time', /wanted looks and frames within the run/, one({ atUnixMs: 5 })],
  [
    'nobody looked for a while',
    'sample',
    /looks 2\d{5} ms apart/,
    seen((all) => all.map((each, at) => (at < 200 ? each : { ...each, atUnixMs: each.atUnixMs + 200_000 }))),
  ],
  [
    'memory that grows',
    'sample',
    /r2: memory of 9\d{3} KB, and 1\d{4} KB in the end/,
    seen((all) => all.map((each, at) => ({ ...each, privateKb: 8000 + 50 * at }))),
  ],
  ['nothing happened', 'sample', /0 events, fewer than 2/, events([])],
  [
    'an event that it did not get over',
    'sample',
    /carried again after 400000 ms/,
    events([0, 1].map((at) => ({ event: 'x', atUnixMs: atMs + at, carriedUnixMs: atMs + 400_000 }))),
  ],
  [
    'over before it began',
    'sample',
    /carried again after -1 ms/,
    events([0, 1].map(() => ({ event: 'x', atUnixMs: atMs, carriedUnixMs: atMs - 1 }))),
  ],
  ['a leak', 'sample', /in the clear: 1 198/, soak(({ attach }) => ({ clear: attach(clear(clearFrame())) }))],
  [
    'one router that nobody looked at',
    'sample',
    /0\.0 minutes at r2/,
    seen((all) => all.filter((_, at) => at % 2 === 0)),
  ],
  [
    'no other frame',
    'sample',
    /no frame that was not/,
    soak(({ attach }) => ({ clear: attach(clear().subarray(0, 24)) })),
  ],
  ['no sealed frame', 'sample', /no sealed frame/, seen((all) => all.map((each) => ({ ...each, sealed: 0 })))],
  [
    'looks and frames of one file',
    'file-malformed',
    /header of a capture/,
    soak(({ attach }) => ({ clear: attach(encodeLooks(looks())) })),
  ],
];

test('the honest set is accepted', () => {
  const world = honestMeasured();
  const { findings, figures } = judge(world.gate, sealMeasured(world), world.atHand);
  expect(findings.map(line)).toEqual([]);
  expect(figures).toContain('pace: a change: 230 (210 to 290) ms, 5 samples');
});

test('what another runner signed shuts a gate that asks for it, and no other', () => {
  const [world, other] = [honestMeasured(), honestMeasured()];
  const set = sealMeasured(world);
  const foreign = sealMeasured(other).files.get('lab/pace.dsse.json') ?? new Uint8Array();
  set.files.set('lab/benchmark-of-yesterday.dsse.json', foreign);
  expect(judge(world.gate, set, world.atHand).findings).toEqual([]);
  set.files.set('lab/pace.dsse.json', foreign);
  const reasons = judge(world.gate, set, world.atHand).findings.map(({ reason }) => reason);
  expect(reasons).toEqual(['wrong-signer', 'missing']);
});

test.each<Forged>(forged)('refused: %s (%s)', (_, reason, wanted, bend) => {
  const world = honestMeasured();
  bend(world);
  const { findings } = judge(world.gate, sealMeasured(world), world.atHand);
  const found = findings.filter((each) => each.reason === reason).map(line);
  expect(found.join('\n'), findings.map(line).join('\n')).toMatch(wanted);
});
