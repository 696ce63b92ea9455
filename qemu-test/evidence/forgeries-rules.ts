// Forgeries of what packets met at broken rules: outcomes and the list of them. All are signed by the runner itself, so that
// only what a gate computes anew can refuse them.
import { mutations, type Mutation } from '../../agent/test/system/mutations.ts';
import { scenarios, wantedOf, type Outcome } from '../../agent/test/system/packets.ts';
import type { Reason } from './findings.ts';
import { bendSamples, setTests } from './forger.ts';
import { asRenderedTitle, brokenTitle } from './gates/rules.ts';
import { noticing, type Ruled } from './honest-rules.ts';
import type { SampleOf, TestRecord } from './statement.ts';

type Packets = SampleOf<'packets'>;
type Files = Map<string, Uint8Array>;
export type Bend = (world: Ruled) => void;
export type After = (files: Files, world: Ruled) => void;
export type ForgedRules = [what: string, reason: Reason, wanted: RegExp, before: Bend | undefined, after?: After];

export const rulesFile = 'unit/broken-rules-are-noticed.dsse.json';

function named(name: string): Mutation {
  const found = mutations.find(([each]) => each === name);
  if (found === undefined) throw new Error(`forgery: wanted the mutation ${name}, got none`);
  return found;
}
/** One that opens what is shut, and one that shuts what is open. */
const opened = named('the drop behind the pairs is gone: input');
const shut = named('DHCP is shut');
const [atOpened, atShut] = [brokenTitle(opened), brokenTitle(shut)];
const [atPairs, atNoLease] = [asRenderedTitle('pairs'), asRenderedTitle('no lease')];

const wantedAt = ([, name]: Mutation): Outcome => wantedOf(scenarios[name]);
const tests =
  (bend: (all: readonly TestRecord[]) => readonly TestRecord[]): Bend =>
  ({ rules }) =>
    setTests(rules, bend(rules.predicate.tests));
const samples =
  (title: string, bend: (packets: Packets) => readonly unknown[]): Bend =>
  ({ rules }) => {
    const at = rules.predicate.tests.findIndex(({ test }) => test === title);
    bendSamples(rules, at, (all) => all.flatMap((each) => bend(each as Packets)));
  };
const sample = (title: string, change: object): Bend => samples(title, (packets) => [{ ...packets, ...change }]);
const seen = (title: string, bend: (seen: Packets['seen']) => readonly unknown[]): Bend =>
  samples(title, (packets) => [{ ...packets, seen: bend(packets.seen) }]);
const saw = (title: string, outcome: Outcome): Bend =>
  seen(title, () => Object.entries(outcome).map(([sentence, source]) => ({ sentence, source })));

export const leftOut = (mutation: Mutation): Bend =>
  tests((all) => all.filter(({ test }) => test !== brokenTitle(mutation)));
export const asWanted = (mutation: Mutation): Bend => saw(brokenTitle(mutation), wantedAt(mutation));
export const deadNetwork = (mutation: Mutation): Bend =>
  seen(brokenTitle(mutation), (all) => all.map((each) => ({ ...each, source: 'none' })));

const forgedOutcomes: readonly ForgedRules[] = [
  [
    'no outcome of a mutation',
    'sample',
    /got 0 of 23 packets, none of "a granted port is answered"$/,
    saw(atOpened, {}),
  ],
  ['no sample of a mutation', 'sample-missing', /input \(pairs\).*got no sample/, samples(atOpened, () => [])],
  ['a better try beside it', 'sample-extra', /1 samples, got more: packets/, samples(atOpened, (each) => [each, each])],
  [
    'a packet that was not sent',
    'sample',
    /got 22 of 23 packets, none of "nor is it heard"/,
    seen(atOpened, (all) => all.filter(({ sentence }) => sentence !== 'nor is it heard')),
  ],
  [
    'a packet of another scenario that notices',
    'sample',
    /got "nor is it used" beside them/,
    seen(atOpened, (all) => [...all, { sentence: 'nor is it used', source: '10.77.0.4' }]),
  ],
  [
    'a packet twice, once as wanted',
    'sample',
    /got "a granted port is answered" twice/,
    seen(atOpened, (all) => [...all, { sentence: 'a granted port is answered', source: '10.77.0.2' }]),
  ],
  [
    'a packet lost by chance in place of a fault',
    'sample',
    /got nothing of it noticed/,
    saw(atOpened, { ...wantedAt(opened), 'a granted port is answered': 'none' }),
  ],
  [
    'what was shut is open, and another packet is lost',
    'sample',
    /none of "DHCP passes", got nothing of it noticed/,
    saw(atShut, { ...wantedAt(shut), 'DHCPv6 passes': 'none' }),
  ],
  [
    'a verdict in place of a source',
    'malformed',
    /wanted an address, heard or answered, or none/,
    saw(atOpened, { ...noticing(opened), 'nor is it heard': 'noticed' }),
  ],
  [
    'a word that says that it was noticed',
    'malformed',
    /wanted no key "isNoticed"/,
    sample(atOpened, { isNoticed: true }),
  ],
  [
    'another text replaced',
    'sample',
    /wanted .*input.*got "add rule inet rustynet forward" replaced by ""/,
    sample(atOpened, { replaced: 'add rule inet rustynet forward' }),
  ],
  ['nothing replaced', 'sample', /got "" replaced by ""/, sample(atOpened, { replaced: '' })],
  ['replaced by another text', 'sample', /got .* replaced by "accept"/, sample(atOpened, { by: 'accept' })],
  [
    'the outcome of another mutation',
    'sample',
    /got packets at the rules protection/,
    ({ rules }) => {
      const other = rules.predicate.tests.find(({ test }) => test === atShut);
      samples(atOpened, () => other?.samples ?? [])({ rules } as Ruled);
    },
  ],
  [
    'a packet that passed the rules as they are',
    'sample',
    /as it must be, got 1 otherwise: "nor is it heard": heard 10\.77\.0\.2 in place of none/,
    saw(atPairs, { ...wantedOf(scenarios.pairs), 'nor is it heard': 'heard 10.77.0.2' }),
  ],
  [
    'a packet that the rules as they are lost',
    'sample',
    /got 1 otherwise: "so it is in IPv6": none in place of fd/,
    saw(atPairs, { ...wantedOf(scenarios.pairs), 'so it is in IPv6': 'none' }),
  ],
  ['nothing sent where nothing may pass', 'sample', /got 0 of 8 packets/, saw(atNoLease, {})],
  [
    'rules as they are that were broken',
    'sample',
    /got " timeout 1s" replaced by ""/,
    sample(atNoLease, { replaced: ' timeout 1s' }),
  ],
];

const forgedLists: readonly ForgedRules[] = [
  [
    'rules as they are that were not tried',
    'test-missing',
    /wanted "pairs: every packet meets what it must"/,
    tests((all) => all.filter(({ test }) => test !== atPairs)),
  ],
  [
    'a mutation twice',
    'test-twice',
    /input \(pairs\).*got it 2 times/,
    tests((all) => [...all, ...all.filter(({ test }) => test === atOpened)]),
  ],
  [
    'a mutation twice, in place of another',
    'test-missing',
    /wanted "DHCP is shut \(protection\)/,
    tests((all) =>
      all.map((each) => (each.test === atShut ? (all.find(({ test }) => test === atOpened) ?? each) : each)),
    ),
  ],
  [
    'a mutation that nobody asks for',
    'test-unknown',
    /got "another \(pairs\): a packet notices it"/,
    tests((all) => [...all, { ...(all.at(-1) as TestRecord), test: 'another (pairs): a packet notices it' }]),
  ],
  [
    'a mutation whose test threw',
    'threw',
    /wanted its end, got expected \[\] to not deeply equal \[\]$/,
    tests((all) => all.map((each) => ({ ...each, thrown: ['expected [] to not deeply equal []'] }))),
  ],
  [
    'the whole list left out',
    'missing',
    /^broken-rules-are-noticed: /,
    undefined,
    (files) => void files.delete(rulesFile),
  ],
];

export const forgedRules = [...forgedOutcomes, ...forgedLists];
