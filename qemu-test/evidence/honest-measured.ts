// For tests: a gate of one benchmark and one soak, and evidence that it opens for. In: nothing. Out: what a forger bends.
import { encodeLooks, type Look } from '../soak/look.ts';
import type { Budget, Series } from './budgets.ts';
import type { Gate } from './gates.ts';
import { soakOf, title as soakTitle } from './gates/soak.ts';
import { atHandOf, captureOf, clearFrame, draft, newFiles, newRunner, nowUnixS, seal, type Sealed } from './honest.ts';
import type { Draft, World } from './honest.ts';
import type { Sample } from './statement.ts';
import { keepsBudgets } from './wants.ts';

const budgets: readonly Budget[] = [
  { benchmark: 'pace', of: 'ours', over: 'by hand', by: 'median', atLeast: 0.97 },
  { benchmark: 'pace', of: 'a change', by: 'p95', atMost: 300_000 },
  { benchmark: 'pace', of: 'memory', minus: 'memory of a bare one', by: 'greatest', atMost: 3000 },
];

const gate: Gate = {
  ...{ name: 'performance', tiers: ['lab'], maxRunS: 3600, alone: ['pace'], unit: [], isRelease: false },
  promises: { pace: { 'what was measured': [keepsBudgets('pace', budgets)] }, ...soakOf(2) },
};

const ofSeries = (all: readonly Series[]): Sample[] => all.map((each) => ({ kind: 'series', ...each }));
const series = ofSeries([
  { name: 'ours', unit: 'bit/s', values: [99, 101, 100, 98, 102].map((each) => each * 1e6) },
  { name: 'by hand', unit: 'bit/s', values: [100, 100, 101, 99, 100].map((each) => each * 1e6) },
  { name: 'a change', unit: 'us', values: [210_000, 220_000, 230_000, 240_000, 290_000] },
  { name: 'memory', unit: 'KB', values: [7900] },
  { name: 'memory of a bare one', unit: 'KB', values: [5300] },
]);

const soakUnixS = nowUnixS - 600;
const keys = ['a key', 'another'];

/** A look a second at each router, for two minutes and a bit. */
export const looks = (): Look[] =>
  Array.from({ length: 2 * 130 }, (_, at) => ({
    ...{ router: at % 2 === 0 ? 'r1' : 'r2', atUnixMs: (soakUnixS + 10) * 1000 + 500 * at, state: 'enforced' },
    ...{ epoch: 3, rootVersion: 1, timeUnixS: soakUnixS, privateKb: 8000 + (at % 7), peers: keys.slice(1) },
    ...{ newestEpoch: 3, members: keys, sealed: 12 },
  }));

/** DHCP: what a router may say in the clear. */
const housekeeping = (): Buffer => {
  const frame = clearFrame();
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(68, 0);
  udp.writeUInt16BE(67, 2);
  frame.writeUInt8(17, 23);
  return Buffer.concat([frame.subarray(0, 34), udp]);
};
export const clear = (...more: readonly Buffer[]): Uint8Array => captureOf([housekeeping(), ...more], soakUnixS + 20);

export interface Measured extends Pick<World, 'attachments' | 'attach' | 'runner' | 'atHand'> {
  readonly gate: Gate;
  readonly pace: Draft;
  readonly soak: Draft;
}

export function honestMeasured(): Measured {
  const runner = newRunner();
  const files = newFiles();
  const at = (second: number): number => (soakUnixS + second) * 1000;
  const soak: Sample = {
    ...{ kind: 'soak', seed: 7, port: 'r1', looks: files.attach(encodeLooks(looks())), clear: files.attach(clear()) },
    events: [
      { event: 'a clock jumps', atUnixMs: at(20), carriedUnixMs: at(40) },
      { event: 'an agent is killed', atUnixMs: at(60), carriedUnixMs: at(61) },
    ],
  };
  const test = (title: string, samples: readonly Sample[]) => ({ test: title, thrown: [], samples });
  const ofSoak = draft('soak', soakUnixS, [test(soakTitle, [soak])]);
  return {
    ...{ gate, runner, ...files },
    atHand: atHandOf(runner),
    pace: draft('pace', nowUnixS - 300, [test('what was measured', series)]),
    soak: { ...ofSoak, predicate: { ...ofSoak.predicate, endUnixS: soakUnixS + 150 } },
  };
}

export const sealMeasured = ({ pace, soak, runner, attachments }: Measured): Sealed =>
  seal([pace, soak], runner, attachments);
