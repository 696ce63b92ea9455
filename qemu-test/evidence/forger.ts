// For tests: how a forger works. In: a world, or the files it was sealed to. Out: the same, bent in one place.
import type { Reason } from './findings.ts';
import type { World } from './honest.ts';
import type { Sample, Statement, TestRecord } from './statement.ts';

/** Before it is signed, by the runner's own key; or the files afterwards. */
export type Forgery = [
  what: string,
  reason: Reason,
  wanted: RegExp,
  before: ((world: World) => void) | undefined,
  after?: (files: Map<string, Uint8Array>, world: World) => void,
];

export const reachFile = 'lab/reach.dsse.json';
export const leakFile = 'lab/leak.dsse.json';

/** What a type would forbid is what a forger writes. */
export function setPredicate(statement: World['reach'], change: Readonly<Record<string, unknown>>): void {
  statement.predicate = { ...statement.predicate, ...change } as Statement['predicate'];
}

export function setTests(statement: World['reach'], tests: readonly TestRecord[]): void {
  setPredicate(statement, { tests });
}

/** Bends the samples of one test. */
export function bendSamples(
  statement: World['reach'],
  at: number,
  bend: (samples: readonly Sample[]) => readonly unknown[],
): void {
  const tests = statement.predicate.tests.map((each, index) =>
    index === at ? { ...each, samples: bend(each.samples) as readonly Sample[] } : each,
  );
  setTests(statement, tests);
}

export function bendSample(statement: World['reach'], test: number, at: number, change: object): void {
  bendSamples(statement, test, (samples) =>
    samples.map((each, index) => (index === at ? { ...each, ...change } : each)),
  );
}

/** The text of a payload, bent, under a signature that holds. */
export function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
