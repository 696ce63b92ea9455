/**
 * Whom a selector means. In: a selector, the side of the rule on which it stands, what members own. Out: the owned ranges
 * that it selects, cut to it.
 *
 * A selector as a source is what its members send from: mesh addresses and routed subnets. As a destination it is their
 * mesh addresses only; a LAN behind a router is granted by naming its prefix. A prefix counts where a member owns it.
 */
import { overlaps, rangeOf, rangesOf, type IpRange } from '../trust/ip.ts';
import type { Cidr, Member, Selector } from '../trust/types.ts';

export interface Owned {
  readonly member: Member;
  readonly range: IpRange;
  readonly routed: boolean;
}

export function ownedBy(members: readonly Member[]): readonly Owned[] {
  return members.flatMap((member) => {
    const { addresses, subnets } = rangesOf(member);
    return [
      ...addresses.map((range) => ({ member, range, routed: false })),
      ...subnets.map((range) => ({ member, range, routed: true })),
    ];
  });
}

function intersect(left: IpRange, right: IpRange): IpRange | undefined {
  if (!overlaps(left, right)) return undefined;
  const first = left.first > right.first ? left.first : right.first;
  const last = left.last < right.last ? left.last : right.last;
  return { family: left.family, first, last };
}

export function select(selector: Selector, side: 'from' | 'to', owned: readonly Owned[]): readonly Owned[] {
  const [kind, name] = selector.split(':', 2) as [string, string | undefined];
  const named = (wants: (member: Member) => boolean): readonly Owned[] =>
    owned.filter(({ member, routed }) => wants(member) && (side === 'from' || !routed));
  if (selector === 'any') return named(() => true);
  if (kind === 'member') return named((member) => member.name === name);
  if (kind === 'tag') return named(({ tags }) => tags.some((tag) => tag === name));
  const prefix = rangeOf(selector as string as Cidr);
  return owned.flatMap((each) => {
    const range = intersect(each.range, prefix);
    return range === undefined ? [] : [{ ...each, range }];
  });
}
