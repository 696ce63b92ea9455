/**
 * Check 11: the parts agree. In: all members and the network's ranges. Out: nothing, or a `conflict` that names both
 * sides. Two members with one key, name, address or overlapping subnet would make the kernel choose between them.
 */
import { contains, deriveUla, overlaps, rangeOf, rangesOf, type IpRange } from './ip.ts';
import { maxMembers } from './limits.ts';
import { refuse } from './refuse.ts';
import type { Cidr, Member, NetworkId } from './types.ts';

export function requireAgreement(network: NetworkId, members: readonly Member[], ranges: readonly Cidr[]): void {
  if (members.length > maxMembers) refuse('conflict', `wanted at most ${maxMembers} members, got ${members.length}`);
  const mesh = requireRanges(network, ranges);
  requireUnique(members, 'name', ({ name }) => name);
  requireUnique(members, 'identity key', ({ identityKey }) => identityKey);
  requireUnique(members, 'WireGuard key', ({ wireGuardKey }) => wireGuardKey);
  const claims = members.flatMap((member) => {
    const ranges = rangesOf(member);
    const claim = (texts: readonly string[], of: readonly IpRange[]): Claim[] =>
      of.map((range, index) => ({ name: member.name, text: texts[index] ?? '', range }));
    const [addresses, subnets] = [claim(member.addresses, ranges.addresses), claim(member.subnets, ranges.subnets)];
    requireOwnAddresses(member, addresses, subnets, mesh);
    return [...addresses, ...subnets];
  });
  requireApart(claims);
}

function requireRanges(network: NetworkId, ranges: readonly Cidr[]): readonly IpRange[] {
  const ula = deriveUla(network);
  if (!ranges.includes(ula))
    refuse('conflict', `wanted the network's own ${ula} in the ranges, got ${ranges.join(' ')}`);
  const mesh = ranges.map((range) => rangeOf(range));
  if (!mesh.some(({ family }) => family === 4)) refuse('conflict', `wanted an IPv4 range, got ${ranges.join(' ')}`);
  return mesh;
}

function requireUnique(members: readonly Member[], what: string, of: (member: Member) => string): void {
  const owners = new Map<string, string>();
  for (const member of members) {
    const other = owners.get(of(member));
    if (other !== undefined)
      refuse('conflict', `wanted each ${what} once, got ${of(member)} at ${other} and ${member.name}`);
    owners.set(of(member), member.name);
  }
}

interface Claim {
  readonly name: string;
  readonly text: string;
  readonly range: IpRange;
}

function requireOwnAddresses(
  { name, roles }: Member,
  addresses: readonly Claim[],
  subnets: readonly Claim[],
  mesh: readonly IpRange[],
): void {
  const texts = (claims: readonly Claim[]): string => claims.map(({ text }) => text).join(' ');
  for (const range of mesh) {
    const own = addresses.filter((address) => contains(range, address.range));
    if (own.length !== 1)
      refuse('conflict', `wanted one IPv${range.family} address of the mesh at ${name}, got ${own.length}`);
  }
  if (addresses.length !== mesh.length) {
    refuse('conflict', `wanted only mesh addresses at ${name}, got ${texts(addresses)}`);
  }
  const taken = subnets.find((subnet) => mesh.some((range) => overlaps(range, subnet.range)));
  if (taken !== undefined) refuse('conflict', `wanted subnets apart from the mesh at ${name}, got ${taken.text}`);
  if (subnets.length > 0 && !roles.includes('subnet-router')) {
    refuse('conflict', `wanted the role subnet-router at ${name}, which routes ${texts(subnets)}, got none`);
  }
}

/** No two claims overlap: sorted by their first address, each must end before the next begins. */
function requireApart(claims: readonly Claim[]): void {
  for (const family of [4, 6]) {
    const sorted = claims
      .filter(({ range }) => range.family === family)
      .sort((a, b) => (a.range.first < b.range.first ? -1 : a.range.first > b.range.first ? 1 : 0));
    for (const [index, right] of sorted.entries()) {
      const left = sorted[index - 1];
      if (left !== undefined && left.range.last >= right.range.first) {
        refuse('conflict', `wanted no overlap, got ${left.text} at ${left.name} and ${right.text} at ${right.name}`);
      }
    }
  }
}
