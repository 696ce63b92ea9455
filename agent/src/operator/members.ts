/**
 * `member add`, `member rotate`, `member remove`, `member list`. In: what `rustynet join` shows on a router, and addresses or
 * routes. Out: members.json, in which no two members claim the same thing.
 */
import { deriveMemberV6, formatIp, parseCidr, parseIp, rangeOf } from '../trust/ip.ts';
import type { Cidr, IdentityKey, Ip, Member, Role, WireGuardKey } from '../trust/types.ts';
import { nodeIdOf, parseEndpoint, parseIdentityKey, parseLabel, parseWireGuardKey } from '../trust/words.ts';
import type { Given, Options } from './args.ts';
import { checkedContent, readContent, writeMembers } from './content.ts';
import { tidyInvites, type Wanted } from './invites.ts';
import { problemsOf } from './policy-file.ts';
import { fail, misuse } from './refused.ts';
import { roles, roleWarnings } from './roles.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';

const identityWords = 'an Ed25519 public key, 64 hex digits,';
const wireGuardWords = 'a WireGuard public key, base64,';

/** What the operator decides of a member, whether by hand or in an invite. */
export const memberOptions = {
  subnet: { value: 'CIDR', many: true, help: 'a network behind it; makes it a subnet-router' },
  role: { value: 'ROLE', many: true, help: `${roles.join(', ')} (default: client)` },
  tag: { value: 'TAG', many: true, help: 'a name for rules: tag:TAG' },
  endpoint: { value: 'HOST:PORT', many: true, help: 'where other members reach it' },
} satisfies Options;

export const addOptions = {
  identity: { value: 'HEX', required: true, help: "the router's Ed25519 public key" },
  wireguard: { value: 'BASE64', required: true, help: "the router's WireGuard public key" },
  ...memberOptions,
  address: { value: 'IPV4', help: 'its address in the mesh (default: the first free one)' },
} satisfies Options;

export const rotateOptions = {
  identity: {
    value: 'HEX',
    help: "the router's new Ed25519 public key; its node id and its IPv6 address follow from it",
  },
  wireguard: { value: 'BASE64', help: "the router's new WireGuard public key" },
} satisfies Options;

/** First and last address of the range that a member can have: the network's and the broadcast address are nobody's. */
function usable({ ranges }: Settings): { readonly first: bigint; readonly last: bigint } {
  const range = ranges.map((text) => rangeOf(text)).find(({ family }) => family === 4);
  if (range === undefined) fail('conflict', `network.json: wanted an IPv4 range, got ${ranges.join(' ')}`);
  return { first: range.first + 1n, last: range.last - 1n };
}

export function nextAddress(settings: Settings, members: readonly Member[]): Ip {
  const { first, last } = usable(settings);
  const taken = new Set<string>(members.flatMap(({ addresses }) => addresses));
  for (let value = first; value <= last; value += 1n) {
    const address = formatIp(4, value);
    if (!taken.has(address)) return address;
  }
  return fail('full', `wanted a free address in ${settings.ranges[0]}, got ${members.length} members`);
}

export function requireUsable(settings: Settings, address: Ip): Ip {
  const { first, last } = usable(settings);
  const range = rangeOf(address);
  if (range.family === 4 && range.first >= first && range.first <= last) return address;
  return fail('conflict', `wanted an address from ${formatIp(4, first)} to ${formatIp(4, last)}, got ${address}`);
}

function memberFrom({ given }: Call, settings: Settings, members: readonly Member[]): Member {
  const name = given.parsedOperand(0, 'a label of RFC 1123, lower case, as NAME', parseLabel);
  const identityKey = given.parsedNeeded('identity', identityWords, parseIdentityKey);
  const wireGuardKey = given.parsedNeeded('wireguard', wireGuardWords, parseWireGuardKey);
  const address = given.parsed('address', 'an IPv4 address', parseIp);
  const own = address === undefined ? nextAddress(settings, members) : requireUsable(settings, address);
  return newMember(settings, { name, ...decided(given) }, { identityKey, wireGuardKey }, own);
}

/** `memberOptions`, as they were given. */
export function listsIn(given: Given): Omit<Wanted, 'name'> {
  return {
    subnets: given.parsedAll('subnet', 'a prefix without host bits', parseCidr),
    roles: given.parsedAll('role', `one of ${roles.join(' ')}`, (text) => roles.find((role) => role === text)),
    tags: given.parsedAll('tag', 'a label of RFC 1123, lower case,', parseLabel),
    endpoints: given.parsedAll('endpoint', 'host:port', parseEndpoint),
  };
}

/** A subnet brings its own role; who has no other is a client. */
export function rolesOf(own: readonly Role[], subnets: readonly Cidr[]): readonly Role[] {
  const all: readonly Role[] = subnets.length > 0 ? [...own, 'subnet-router'] : own;
  return all.length === 0 ? ['client'] : [...new Set(all)];
}

/** `memberOptions` */
export function decided(given: Given): Omit<Wanted, 'name'> {
  const lists = listsIn(given);
  return { ...lists, roles: rolesOf(lists.roles, lists.subnets) };
}

export interface MemberKeys {
  readonly identityKey: IdentityKey;
  readonly wireGuardKey: WireGuardKey;
}

export function newMember({ network }: Settings, wanted: Wanted, keys: MemberKeys, address: Ip): Member {
  const id = nodeIdOf(keys.identityKey);
  const { name, subnets, roles: may, tags, endpoints } = wanted;
  const addresses = [address, deriveMemberV6(network, id)];
  return { id, name, ...keys, addresses, subnets, roles: may, tags, endpoints };
}

export async function addMember(call: Call): Promise<Answer> {
  const { folder, around } = call;
  const settings = readSettings(folder);
  const content = readContent(folder, settings);
  tidyInvites(folder, content.members, around.nowUnixS());
  const { members } = content;
  const member = memberFrom(call, settings, members);
  const checked = checkedContent(settings, { ...content, members: [...members, member] });
  writeMembers(folder, checked.members);
  const lines = [`added ${member.name} with ${member.addresses.join(' and ')}, not signed yet`];
  return { lines, warnings: roleWarnings(member.roles), value: { member: plainMember(member) } };
}

/** All else stays: name, IPv4 address, subnets, tags. Rules name members, and no rule has to change. */
export async function rotateMember({ folder, given, around }: Call): Promise<Answer> {
  const settings = readSettings(folder);
  const content = readContent(folder, settings);
  tidyInvites(folder, content.members, around.nowUnixS());
  const before = namedMember(content.members, given.operand(0));
  const identityKey = given.parsed('identity', identityWords, parseIdentityKey);
  const wireGuardKey = given.parsed('wireguard', wireGuardWords, parseWireGuardKey);
  if (identityKey === undefined && wireGuardKey === undefined)
    misuse('wanted --wireguard, --identity or both, got neither');
  if (identityKey === before.identityKey || wireGuardKey === before.wireGuardKey) {
    fail('same-key', `wanted a new key of ${before.name}, got the one that it has`);
  }
  const id = nodeIdOf(identityKey ?? before.identityKey);
  const ownV6 = deriveMemberV6(settings.network, before.id);
  const after: Member = {
    ...before,
    id,
    identityKey: identityKey ?? before.identityKey,
    wireGuardKey: wireGuardKey ?? before.wireGuardKey,
    addresses: before.addresses.map((each) => (each === ownV6 ? deriveMemberV6(settings.network, id) : each)),
  };
  const members = content.members.map((member) => (member === before ? after : member));
  writeMembers(folder, checkedContent(settings, { ...content, members }).members);
  const lines = [`${after.name} has new keys, not signed yet: the old ones hold until "sign" and "publish"`];
  return { lines, value: { member: plainMember(after) } };
}

export function namedMember(members: readonly Member[], name: string): Member {
  const found = members.find((member) => member.name === name);
  return found ?? fail('unknown-name', `wanted the name of a member, got ${JSON.stringify(name)}`);
}

export async function removeMember({ folder, given, around }: Call): Promise<Answer> {
  const settings = readSettings(folder);
  const content = readContent(folder, settings);
  const { members } = content;
  tidyInvites(folder, members, around.nowUnixS());
  const { name } = namedMember(members, given.operand(0));
  const rest = members.filter((member) => member.name !== name);
  const problems = problemsOf({ ...content, members: rest });
  const gone = problems.find(({ selector }) => selector === `member:${name}`);
  if (gone !== undefined) {
    fail('conflict', `wanted no rule that names ${name}, got ${gone.clause}: change it with "policy set" first`);
  }
  writeMembers(folder, rest);
  const lines = [`removed ${name}, not signed yet: it stays a member until "sign" and "publish"`];
  return { lines, warnings: problems.map(({ text }) => text), value: { removed: name } };
}

export async function listMembers({ folder }: Call): Promise<Answer> {
  const { members } = readContent(folder, readSettings(folder));
  return { lines: memberTable(members), value: { members: members.map(plainMember) } };
}

/** As members.json has it, with the node id, which the broker's topics and logs show. */
export function plainMember(member: Member): Readonly<Record<string, unknown>> {
  const { id, name, identityKey: identity, wireGuardKey: wireguard, ...rest } = member;
  const { addresses, subnets, roles: own, tags, endpoints } = rest;
  return { id, name, identity, wireguard, addresses, subnets, roles: own, tags, endpoints };
}

export function memberTable(members: readonly Member[]): readonly string[] {
  if (members.length === 0) return ['no members'];
  const words = (values: readonly string[]): string => values.join(' ') || '-';
  const rows = members.map((member) => [
    member.name,
    words(member.addresses),
    words(member.roles),
    words(member.subnets),
    words(member.tags),
    words(member.endpoints),
    member.id,
  ]);
  const table = [['NAME', 'ADDRESSES', 'ROLES', 'SUBNETS', 'TAGS', 'ENDPOINTS', 'NODE'], ...rows];
  const widths =
    table[0]?.map((_, at) => table.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), 0)) ?? [];
  return table.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
