/**
 * Who may reach whom from here, in the words of the map: the answer of `ubus call rustynet access`. In: what was compiled
 * for this router, the members. Out: a page of rows, each a direction, addresses and whose they are, protocols.
 */
import type { Desired, ExitGrant, Grant } from '../policy/desired.ts';
import { ownedBy, type Owned } from '../policy/select.ts';
import { overlaps, rangeOf, type IpRange } from '../trust/ip.ts';
import type { Ip, NodeId, VerifiedMap } from '../trust/types.ts';
import { pageOf } from './page.ts';
import type { JsonObject } from './ports.ts';

/** A grant's box may cover any number of members. */
const maxNames = 8;

/** `first-last` or one address, as grants have them. */
function boxOf(text: string): IpRange {
  const [first = text, last = first] = text.split('-');
  return { ...rangeOf(first as Ip), last: rangeOf(last as Ip).last };
}

function namesIn(box: IpRange, owned: readonly Owned[]): JsonObject {
  const names = [...new Set(owned.filter(({ range }) => overlaps(range, box)).map(({ member }) => member.name))].sort();
  return { names: names.slice(0, maxNames), more: Math.max(0, names.length - maxNames) };
}

function grantRow({ from, to, protocols }: Grant, owned: readonly Owned[], self: NodeId): JsonObject {
  const [source, target] = [boxOf(from), boxOf(to)];
  const isOurs = owned.some(({ member, range }) => member.id === self && overlaps(range, source));
  const side = { from, to, from_members: namesIn(source, owned), to_members: namesIn(target, owned) };
  return { direction: isOurs ? 'out' : 'in', ...side, protocols };
}

function exitRow(direction: string, { from, protocols }: ExitGrant, owned: readonly Owned[]): JsonObject {
  return { direction, from, to: 'internet', from_members: namesIn(boxOf(from), owned), protocols };
}

export function accessReport(
  { grants, uses, carries }: Desired,
  map: VerifiedMap | undefined,
  self: NodeId,
  offset: unknown,
): JsonObject {
  const owned = ownedBy(map?.members ?? []);
  const rows = [
    ...grants.map((grant) => grantRow(grant, owned, self)),
    ...uses.map((grant) => exitRow('exit', grant, owned)),
    ...carries.map((grant) => exitRow('carried', grant, owned)),
  ];
  const { rows: page, next } = pageOf(rows, offset);
  const exits = (map?.members ?? []).filter(({ id, roles }) => id !== self && roles.includes('exit'));
  return {
    grants: page,
    total: rows.length,
    exits: exits.map(({ name }) => name),
    ...(next === undefined ? {} : { next }),
  };
}
