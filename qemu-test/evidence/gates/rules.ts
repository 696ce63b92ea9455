// What the promise of broken rules must have shown: at the rules as they are rendered every packet met what it must, and
// each mutation of the list was tried, and noticed by a packet. Compared anew with the tables of the commit at hand.
import {
  mutate,
  mutations,
  noticedBy,
  type Mutation,
  type ScenarioName,
} from '../../../agent/test/system/mutations.ts';
import { scenarios, wantedOf, type Outcome } from '../../../agent/test/system/packets.ts';
import type { SampleOf } from '../statement.ts';
import { meets, type Want, type Wants } from '../wants.ts';

type Packets = SampleOf<'packets'>;
type Texts = Pick<Packets, 'replaced' | 'by'>;
const asRendered: Texts = { replaced: '', by: '' };
const quoted = ({ replaced, by }: Texts): string => `${JSON.stringify(replaced)} replaced by ${JSON.stringify(by)}`;

/** That these packets are those of the scenario, each once, at the rules that are wanted. */
function otherPackets(got: Packets, rules: ScenarioName, texts: Texts): string | undefined {
  if (got.rules !== rules) return `packets at the rules ${got.rules}`;
  if (got.replaced !== texts.replaced || got.by !== texts.by) return quoted(got);
  const sentences = Object.keys(wantedOf(scenarios[rules]));
  const seen = got.seen.map(({ sentence }) => sentence);
  const stray = seen.find((each, at) => !sentences.includes(each) || seen.indexOf(each) !== at);
  if (stray !== undefined) return `"${stray}" ${sentences.includes(stray) ? 'twice' : 'beside them'}`;
  const missing = sentences.find((each) => !seen.includes(each));
  return missing === undefined ? undefined : `${seen.length} of ${sentences.length} packets, none of "${missing}"`;
}

function atRules(
  rules: ScenarioName,
  texts: Texts,
  what: string,
  other: (outcome: Outcome) => string | undefined,
): readonly Want[] {
  const judge = (got: Packets): string | undefined =>
    otherPackets(got, rules, texts) ??
    other(Object.fromEntries(got.seen.map(({ sentence, source }) => [sentence, source])));
  return [meets(`packets at the rules ${rules}, ${quoted(texts)}: ${what}`, judge)];
}

function unbent(rules: ScenarioName): readonly Want[] {
  return atRules(rules, asRendered, 'each seen as it must be', (outcome) => {
    const others = Object.entries(wantedOf(scenarios[rules])).filter(
      ([sentence, source]) => outcome[sentence] !== source,
    );
    const [first] = others;
    if (first === undefined) return undefined;
    const [sentence, source] = first;
    return `${others.length} otherwise: "${sentence}": ${String(outcome[sentence])} in place of ${source}`;
  });
}

function bent(mutation: Mutation): readonly Want[] {
  const [, rules, , , shuts] = mutation;
  const what = shuts === undefined ? 'one seen that must not be, or as another' : `some seen, none of "${shuts}"`;
  return atRules(rules, mutate(mutation), what, (outcome) => {
    if (Object.values(outcome).every((source) => source === 'none')) return 'no packet that arrived';
    return noticedBy(mutation, outcome).length > 0 ? undefined : 'nothing of it noticed';
  });
}

export const asRenderedTitle = (rules: ScenarioName): string => `${rules}: every packet meets what it must`;
export const brokenTitle = ([name, rules]: Mutation): string => `${name} (${rules}): a packet notices it`;

export const rules: Readonly<Record<string, Wants>> = {
  'broken-rules-are-noticed': Object.fromEntries([
    ...(Object.keys(scenarios) as ScenarioName[]).map((name) => [asRenderedTitle(name), unbent(name)] as const),
    ...mutations.map((each) => [brokenTitle(each), bent(each)] as const),
  ]),
};
