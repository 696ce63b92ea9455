/**
 * The parts of a map: members, policy, names. In: a verified manifest and the bytes of its parts. Out: the verified map
 * (checks 10 and 11 of the design) or a refusal. Parts carry no signature: the manifest names their SHA-256.
 */
import { encodeUtf8 } from '../wire/utf8.ts';
import { requireAgreement } from './agreement.ts';
import { parseCidr, parseIp } from './ip.ts';
import { readJson } from './json.ts';
import {
  maxAddresses,
  maxEndpoints,
  maxMembers,
  maxPartBytes,
  maxProtocols,
  maxResolvers,
  maxRules,
  maxSelectors,
  maxSubnets,
  maxTags,
} from './limits.ts';
import type { VerifiedManifest } from './map.ts';
import { refuse, refusing } from './refuse.ts';
import { integer, list, oneOf, record, set, text } from './shape.ts';
import type { Digest, IdentityKey, Member, Names, PartRef, Policy, Refusal, VerifiedMap } from './types.ts';
import {
  digestOf,
  nodeIdOf,
  parseEndpoint,
  parseHostname,
  parseIdentityKey,
  parseLabel,
  parseMemberSelector,
  parseProtocol,
  parseSelector,
  parseWireGuardKey,
} from './words.ts';

const formatVersion = 1;
const format = integer(formatVersion, formatVersion);
const label = text('a label of RFC 1123, lower case', parseLabel);
const cidr = text('a prefix without host bits', parseCidr);
const roles = ['client', 'subnet-router', 'exit', 'relay'] as const;
/** An identity key of `known` was read before: whether it is a point on the curve takes longer than all the rest. */
const membersShape = (known: ReadonlySet<string>) =>
  record({
    format,
    members: list(
      record({
        name: label,
        identity: text('an Ed25519 public key, hex', (key) =>
          known.has(key) ? (key as IdentityKey) : parseIdentityKey(key),
        ),
        wireguard: text('a WireGuard public key, base64', parseWireGuardKey),
        addresses: set(text('an address', parseIp), 1, maxAddresses),
        subnets: set(cidr, 0, maxSubnets),
        roles: set(oneOf(roles), 0, roles.length),
        tags: set(label, 0, maxTags),
        endpoints: set(text('host:port', parseEndpoint), 0, maxEndpoints),
      }),
      0,
      maxMembers,
    ),
  });
const selectors = set(text('any, member:NAME, tag:TAG or a prefix', parseSelector), 1, maxSelectors);
const memberSelectors = set(text('any, member:NAME or tag:TAG', parseMemberSelector), 1, maxSelectors);
const protocols = set(text('any, icmp, tcp:PORT or udp:PORT-PORT', parseProtocol), 1, maxProtocols);
const policyShape = record({
  format,
  ranges: set(cidr, 2, 2),
  rules: list(record({ from: selectors, to: selectors, protocols }), 0, maxRules),
  exits: list(record({ from: selectors, via: memberSelectors, protocols }), 0, maxRules),
});
const namesShape = record({
  format,
  zone: text('a domain name', parseHostname),
  resolvers: set(text('an address', parseIp), 0, maxResolvers),
});

export function encodeMembers(members: readonly Member[]): Uint8Array {
  const coded = members.map(({ name, identityKey, wireGuardKey, addresses, subnets, roles, tags, endpoints }) => ({
    name,
    identity: identityKey,
    wireguard: wireGuardKey,
    addresses,
    subnets,
    roles,
    tags,
    endpoints,
  }));
  return encodeUtf8(JSON.stringify({ format: formatVersion, members: coded }));
}

export function encodePolicy({ ranges, rules, exits }: Policy): Uint8Array {
  const coded = {
    rules: rules.map(({ from, to, protocols }) => ({ from, to, protocols })),
    exits: exits.map(({ from, via, protocols }) => ({ from, via, protocols })),
  };
  return encodeUtf8(JSON.stringify({ format: formatVersion, ranges, ...coded }));
}

export function encodeNames({ zone, resolvers }: Names): Uint8Array {
  return encodeUtf8(JSON.stringify({ format: formatVersion, zone, resolvers }));
}

function readMembers(bytes: Uint8Array, part: string, known: ReadonlySet<string>): readonly Member[] {
  const { members } = membersShape(known)(readJson(bytes, maxPartBytes), part);
  return members.map(({ identity, wireguard, ...fields }) => ({
    ...fields,
    id: nodeIdOf(identity),
    identityKey: identity,
    wireGuardKey: wireguard,
  }));
}

/** The shard of a node at `depth` hex digits: `members`, `members/a`, `members/a7`. */
export function shardOf(id: string, depth: number): string {
  return depth === 0 ? 'members' : `members/${id.slice(0, depth)}`;
}

/** Whether these bytes are the part that the manifest names. */
export function isPart({ sha256, bytes }: PartRef, got: Uint8Array): boolean {
  return got.length === bytes && digestOf(got) === sha256;
}

function takePart(part: PartRef, getPart: (digest: Digest) => Uint8Array | undefined): Uint8Array {
  const bytes = getPart(part.sha256);
  if (bytes === undefined) refuse('part-missing', `wanted part ${part.name} ${part.sha256}, got none`);
  if (isPart(part, bytes)) return bytes;
  const got = `${digestOf(bytes)} of ${bytes.length} bytes`;
  refuse('part-mismatch', `wanted part ${part.name} ${part.sha256} of ${part.bytes} bytes, got ${got}`);
}

/** Whether a map before has this very part: it was read and checked then. */
export function isKnown({ name, sha256 }: PartRef, known: VerifiedMap | undefined): boolean {
  return known?.parts.some((part) => part.name === name && part.sha256 === sha256) === true;
}

interface Found {
  readonly part: PartRef;
  /** `undefined`: it is known. */
  readonly bytes: Uint8Array | undefined;
}

/** Of the shards that are known, the members that the map before has in them. */
function membersIn(shards: readonly Found[], known: VerifiedMap | undefined): readonly Member[] {
  const keys = new Set<string>(known?.members.map(({ identityKey }) => identityKey));
  return shards.flatMap(({ part: { name }, bytes }) => {
    const depth = Math.max(0, name.length - 'members/'.length);
    const isOf = ({ id }: Member): boolean => shardOf(id, depth) === name;
    if (bytes === undefined) return known?.members.filter(isOf) ?? [];
    const shard = readMembers(bytes, name, keys);
    const stray = shard.find((member) => !isOf(member));
    if (stray) refuse('conflict', `wanted ${stray.name} in part ${shardOf(stray.id, depth)}, got it in ${name}`);
    return shard;
  });
}

function readPolicy(bytes: Uint8Array): Policy {
  const { ranges, rules, exits } = policyShape(readJson(bytes, maxPartBytes), 'policy');
  return { ranges, rules, exits };
}

function readNames(bytes: Uint8Array): Names {
  const { zone, resolvers } = namesShape(readJson(bytes, maxPartBytes), 'names');
  return { zone, resolvers };
}

/**
 * Checks 10 and 11. `getPart` gives the bytes kept under a digest; they are checked here and not believed before. Parts
 * that a map before, `known`, has as well are not asked for: reading a thousand members takes a router seconds.
 */
export function completeMap(
  manifest: VerifiedManifest,
  getPart: (digest: Digest) => Uint8Array | undefined,
  known?: VerifiedMap,
): VerifiedMap | Refusal {
  return refusing(() => {
    // All are asked for before one is read: a part that is missing is told apart from one that is wrong.
    const found = manifest.parts.map((part): Found => ({
      part,
      bytes: isKnown(part, known) ? undefined : takePart(part, getPart),
    }));
    const readAs = <Value>(name: string, read: (bytes: Uint8Array) => Value, before: Value | undefined): Value => {
      const bytes = found.find(({ part }) => part.name === name)?.bytes;
      return bytes === undefined && before !== undefined ? before : read(bytes ?? new Uint8Array());
    };
    const shards = found.filter(({ part }) => part.name.startsWith('members'));
    const members = membersIn(shards, known);
    const policy = readAs('policy', readPolicy, known?.policy);
    const names = readAs('names', readNames, known?.names);
    requireAgreement(manifest.network, members, policy.ranges);
    return { ...manifest, members, policy, names } as unknown as VerifiedMap;
  });
}
