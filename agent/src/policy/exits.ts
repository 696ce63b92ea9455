/**
 * The internet through a member. In: a verified map, self, the router's choices. Out: the one exit that this router uses,
 * and whom it carries as an exit itself. Both need the map: a role and an exit rule; choices only narrow it.
 */
import { formatRange, type IpRange } from '../trust/ip.ts';
import type { ExitRule, Member, Protocol, VerifiedMap } from '../trust/types.ts';
import { disjoint, union } from './boxes.ts';
import type { Choices, ExitGrant } from './desired.ts';
import { select, type Owned } from './select.ts';

export interface ExitUse {
  readonly via: Member;
  /** Sorted; `any` stands alone. */
  readonly protocols: readonly Protocol[];
}

function isExit({ roles }: Member): boolean {
  return roles.includes('exit');
}

function holds(selectors: ExitRule['from'], side: 'from' | 'to', member: Member, owned: readonly Owned[]): boolean {
  return selectors.some((selector) => select(selector, side, owned).some((each) => each.member.id === member.id));
}

function rulesFor(map: VerifiedMap, from: Member, via: Member, owned: readonly Owned[]): readonly ExitRule[] {
  if (from.id === via.id || !isExit(via)) return [];
  return map.policy.exits.filter((each) => holds(each.from, 'from', from, owned) && holds(each.via, 'to', via, owned));
}

/** The chosen exit, or a person's words why there is none; `undefined` when none was chosen. */
export function chooseExit(
  map: VerifiedMap,
  self: Member,
  { exit }: Choices,
  owned: readonly Owned[],
): ExitUse | string | undefined {
  if (exit === 'off') return undefined;
  const allowed = map.members.flatMap((via): ExitUse[] => {
    const rules = rulesFor(map, self, via, owned);
    return rules.length === 0 ? [] : [{ via, protocols: union(rules) }];
  });
  const wanted = exit === 'full' ? allowed : allowed.filter(({ via }) => via.name === exit);
  const [use, ...more] = wanted;
  if (use !== undefined && more.length === 0) return use;
  const names = allowed.map(({ via }) => via.name).join(' ') || 'none';
  const asked = exit === 'full' ? 'the one exit that the policy allows' : `${exit} as an exit that the policy allows`;
  return `exit: wanted ${asked}, got ${names}`;
}

/** What a source is: one dimension of the boxes that pairs are. */
const everywhere = { 4: { family: 4, first: 0n, last: 0n }, 6: { family: 6, first: 0n, last: 0n } } as const;

/** Sources that this router carries to the internet, by which protocols; none unless it offers to. */
export function carried(
  map: VerifiedMap,
  self: Member,
  { offersExit }: Choices,
  owned: readonly Owned[],
): { readonly members: readonly Member[]; readonly grants: readonly ExitGrant[] } {
  if (!offersExit || !isExit(self)) return { members: [], grants: [] };
  const rules = map.policy.exits.filter((each) => holds(each.via, 'to', self, owned));
  const sources = rules.flatMap(({ from, protocols }) =>
    from
      .flatMap((selector) => select(selector, 'from', owned))
      .filter(({ member }) => member.id !== self.id)
      .map(({ member, range }) => ({ member, range, protocols })),
  );
  const boxes = sources.map(({ range, protocols }) => ({ from: range, to: everywhere[range.family], protocols }));
  return {
    members: [...new Set(sources.map(({ member }) => member))],
    grants: ([4, 6] as const).flatMap((family) =>
      disjoint(boxes.filter(({ from }) => from.family === family)).map(({ from, protocols }) => ({
        family,
        from: formatRange(from),
        protocols,
      })),
    ),
  };
}

const all: readonly IpRange[] = [
  { family: 4, first: 0n, last: (1n << 32n) - 1n },
  { family: 6, first: 0n, last: (1n << 128n) - 1n },
];

/** Whatever this router and its LANs send to the internet; what they may send it, says the map. */
export function usedBy({ protocols }: ExitUse): readonly ExitGrant[] {
  return all.map((range) => ({ family: range.family, from: formatRange(range), protocols }));
}
