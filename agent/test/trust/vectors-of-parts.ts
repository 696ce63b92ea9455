/** Vectors of checks 10 and 11: the parts, and whether they agree. */
import { encodeBase64 } from '../../src/trust/base64.ts';
import { encodeMembers, encodePolicy, shardOf } from '../../src/trust/parts.ts';
import type { Cidr, Ip, Member } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { content, home, laptop, mapOf, memberOf, office, partsOf, type SignedMap } from './network.ts';
import type { Vector } from './run-vector.ts';
import { good, text, edited, withMembers, withParts, map } from './bend.ts';

export function parts(): Vector[] {
  const { members = new Uint8Array(), policy = new Uint8Array(), names = new Uint8Array() } = good.parts;
  const other = encodeMembers([home]);
  const listed = (bytes: Uint8Array): SignedMap => withParts({ members: bytes });
  const lied = good.manifest.parts.map((part) => (part.name === 'policy' ? { ...part, bytes: part.bytes + 1 } : part));
  const missing: Vector = map('a part that did not come', 'part-missing', good, { parts: { members, policy } });
  const swapped = map('the members of another map under the digest of this one', 'part-mismatch');
  const mixed = { [digestOf(members)]: encodeBase64(other), [digestOf(policy)]: encodeBase64(policy) };
  const cut = { ...mixed, [digestOf(members)]: encodeBase64(members.subarray(0, -1)) };
  const rest = { [digestOf(names)]: encodeBase64(names) };
  const exits = (rule: string): SignedMap => withParts({ policy: edited(policy, '"exits":[]', `"exits":[${rule}]`) });
  const resolvers = (instead: string): SignedMap =>
    withParts({ names: edited(names, ',"resolvers":["9.9.9.9"]', instead) });
  return [
    missing,
    { ...swapped, parts: { ...mixed, ...rest } } as Vector,
    { ...swapped, what: 'a part that lost its last byte', parts: { ...cut, ...rest } } as Vector,
    map('a part whose length the map gives wrongly', 'part-mismatch', mapOf({ parts: lied })),
    map('a part that is not JSON', 'malformed', listed(text('[]'))),
    map('a member with a key of no meaning', 'malformed', listed(edited(members, '{"name"', '{"owner":1,"name"'))),
    map('a member without a WireGuard key', 'malformed', listed(edited(members, home.wireGuardKey, ''))),
    map(
      'a member whose identity key is of small order',
      'malformed',
      listed(edited(members, home.identityKey, `01${'00'.repeat(31)}`)),
    ),
    map('a member whose name is not a label', 'malformed', listed(edited(members, '"home"', '"ho_me"'))),
    map('a subnet with host bits', 'malformed', listed(edited(members, '192.168.1.0/24', '192.168.1.1/24'))),
    map('an address in a second spelling', 'malformed', listed(edited(members, '10.77.0.1', '10.77.0.01'))),
    map('an endpoint without a port', 'malformed', listed(edited(members, '203.0.113.7:51820', '203.0.113.7'))),
    map(
      'a rule for a protocol of no meaning',
      'malformed',
      withParts({ policy: edited(policy, '["any"]}', '["sctp:1"]}') }),
    ),
    map('a policy with an exit rule', 'accepted', exits('{"from":["any"],"via":["member:home"],"protocols":["any"]}')),
    map(
      'an exit rule that names a prefix to leave by',
      'malformed',
      exits('{"from":["any"],"via":["10.77.0.1/32"],"protocols":["any"]}'),
    ),
    map(
      'an exit rule that names nobody to leave by',
      'malformed',
      exits('{"from":["any"],"via":[],"protocols":["any"]}'),
    ),
    map('an exit rule with a destination', 'malformed', exits('{"from":["any"],"to":["any"],"protocols":["any"]}')),
    map('a policy without exits', 'malformed', withParts({ policy: edited(policy, ',"exits":[]', '') })),
    map('names without resolvers', 'malformed', resolvers('')),
    map('names with no resolver', 'accepted', resolvers(',"resolvers":[]')),
    map('a resolver that is a name', 'malformed', resolvers(',"resolvers":["dns.example"]')),
    map('one resolver twice', 'malformed', resolvers(',"resolvers":["9.9.9.9","9.9.9.9"]')),
    map(
      'a fifth resolver',
      'malformed',
      resolvers(`,"resolvers":${JSON.stringify([1, 2, 3, 4, 5].map((each) => `192.0.2.${each}`))}`),
    ),
  ];
}

export function agreement(): Vector[] {
  const plus = (member: Member): SignedMap => withMembers([...content.members, member]);
  const extra = (over: Partial<Member>, v4 = '10.77.0.9'): SignedMap => plus(memberOf('extra', v4, over));
  const routes = (...subnets: string[]): Partial<Member> => ({ subnets: subnets as Cidr[], roles: ['subnet-router'] });
  const shard = shardOf(home.id, 1);
  const stray = shardOf(home.id, 1) === 'members/0' ? 'members/1' : 'members/0';
  const { policy, names } = partsOf(content) as Record<'policy' | 'names', Uint8Array>;
  const others = { policy, names };
  const range = (...ranges: string[]): SignedMap =>
    withParts({ policy: encodePolicy({ ...content.policy, ranges: ranges as Cidr[] }) });
  const ula = content.policy.ranges[1] ?? '';
  return [
    map('a fourth member apart from the three', 'accepted', extra(routes('192.168.3.0/24'))),
    map('a member in the shard of its id', 'accepted', mapOf({}, { ...others, [shard]: encodeMembers([home]) })),
    map('a member in a shard of other ids', 'conflict', mapOf({}, { ...others, [stray]: encodeMembers([home]) })),
    map('one identity key at two members', 'conflict', extra({ identityKey: home.identityKey })),
    map('one WireGuard key at two members', 'conflict', extra({ wireGuardKey: home.wireGuardKey })),
    map('one name at two members', 'conflict', plus({ ...memberOf('extra', '10.77.0.9'), name: laptop.name })),
    map('one IPv4 address at two members', 'conflict', extra({}, '10.77.0.1')),
    map(
      'one IPv6 address at two members',
      'conflict',
      extra({ addresses: ['10.77.0.9' as Ip, home.addresses[1] ?? (home.addresses[0] as Ip)] }),
    ),
    map('an address outside the ranges', 'conflict', extra({}, '10.78.0.9')),
    map('a member without an IPv6 address', 'conflict', extra({ addresses: ['10.77.0.9' as Ip] })),
    map('one subnet at two members', 'conflict', extra(routes('192.168.1.0/24'))),
    map('a subnet within that of another member', 'conflict', extra(routes('192.168.2.128/25'))),
    map('a subnet around that of another member', 'conflict', extra(routes('192.168.0.0/16'))),
    map('a subnet around the mesh itself', 'conflict', extra(routes('10.0.0.0/8'))),
    map('a subnet at a member that is no subnet-router', 'conflict', extra({ subnets: ['192.168.3.0/24' as Cidr] })),
    map("an IPv6 range that is not the network's own", 'conflict', range('10.77.0.0/16', 'fd00::/48')),
    map('two IPv6 ranges and no IPv4', 'conflict', range(ula, 'fd00::/48')),
    map('no members at all', 'accepted', withMembers([])),
    map('the same members in another order', 'accepted', withMembers([laptop, office, home])),
  ];
}
