/**
 * Members that may talk and cannot. In: members, rules, exits. Out: a warning where a pair is granted of which neither end
 * has an endpoint: no relay stands between them, so nobody tells either where the other is.
 */
import { ownedBy, select, type Owned } from '../policy/select.ts';
import type { Selector } from '../trust/types.ts';
import type { Content } from './content.ts';

/** No more are counted: any to any of a thousand members are half a million. */
const maxPairs = 1000;
const maxNamed = 3;

/** Into `pairs`, one more than `maxPairs` at most. */
function addPairs(pairs: Set<string>, from: readonly Owned[], to: readonly Owned[]): void {
  for (const family of [4, 6]) {
    const namesOf = (side: readonly Owned[]): ReadonlySet<string> =>
      new Set(side.filter(({ range }) => range.family === family).map(({ member }) => member.name));
    const targets = namesOf(to);
    for (const source of namesOf(from)) {
      for (const target of targets) {
        if (pairs.size > maxPairs) return;
        if (source !== target) pairs.add([source, target].sort().join(' - '));
      }
    }
  }
}

export function pairsApart({ members, rules, exits }: Content): readonly string[] {
  const owned = ownedBy(members.filter(({ endpoints }) => endpoints.length === 0));
  const selected = (selectors: readonly Selector[], side: 'from' | 'to'): readonly Owned[] =>
    selectors.flatMap((selector) => select(selector, side, owned));
  const pairs = new Set<string>();
  for (const { from, to } of rules) addPairs(pairs, selected(from, 'from'), selected(to, 'to'));
  for (const { from, via } of exits) {
    const able = selected(via, 'to').filter(({ member }) => member.roles.includes('exit'));
    addPairs(pairs, selected(from, 'from'), able);
  }
  if (pairs.size === 0) return [];
  const count = pairs.size > maxPairs ? `more than ${maxPairs}` : `${pairs.size}`;
  const named = [...pairs].slice(0, maxNamed).join(', ') + (pairs.size > maxNamed ? ', and others' : '');
  return [`wanted an endpoint at one end of each granted pair, got ${count} without, which can never meet: ${named}`];
}
