/**
 * What the operator decided and nobody signed yet: members.json and policy.json. In: the folder, or typed members and
 * rules. Out: parts, and content that the trust room's own checks 10 and 11 accept: there is no second set of rules here.
 */
import { hostPrefixOf, parseIp } from '../trust/ip.ts';
import { readJson, type JsonRecord, type JsonValue } from '../trust/json.ts';
import { maxMembers } from '../trust/limits.ts';
import { completeMap, encodeMembers, encodeNames, encodePolicy, shardOf } from '../trust/parts.ts';
import { isRefusal, refusing } from '../trust/refuse.ts';
import { integer, list, record, text, wanted, type Shape } from '../trust/shape.ts';
import type { Digest, ExitRule, Member, PartRef, Refusal, Rule, VerifiedMap } from '../trust/types.ts';
import { digestOf, nodeIdOf, parseIdentityKey } from '../trust/words.ts';
import { prettyJson, type Folder } from './folder.ts';
import { lineOfDetail, lineOfPath } from './json-lines.ts';
import { parseQuestion, questionForm, type Question } from './question.ts';
import { believed, fail, placeOf } from './refused.ts';
import type { Settings } from './settings.ts';

/** What policy.json says of the network. */
export interface Grants {
  readonly rules: readonly Rule[];
  readonly exits: readonly ExitRule[];
}
export interface PolicyTest {
  readonly expects: 'allow' | 'deny';
  readonly text: string;
  readonly question: Question;
}
/** The tests stay with the operator: no router sees them. */
export interface PolicyFile extends Grants {
  readonly tests: readonly PolicyTest[];
  /** The place of a path in it, `$.rules[0]`, for people. */
  readonly at: (path: string) => string;
}
export interface Content extends Grants {
  /** By name. */
  readonly members: readonly Member[];
}
export type Parts = ReadonlyMap<string, Uint8Array>;

export const membersFile = 'members.json';
export const policyFile = 'policy.json';
/** 16,384 members of two kilobytes. */
const maxFileBytes = 64 * 1024 * 1024;
const maxTests = 4096;
/** Shards stay near 64 members: that is what a change of one member sends again. */
const membersByDepth = [64, 1024];

function depthOf(members: number): number {
  const depth = membersByDepth.findIndex((most) => members <= most);
  return depth === -1 ? membersByDepth.length : depth;
}

function shards<Entry>(entries: readonly Entry[], idOf: (entry: Entry) => string): ReadonlyMap<string, Entry[]> {
  const depth = depthOf(entries.length);
  const sharded = new Map<string, Entry[]>(depth === 0 ? [['members', []]] : []);
  for (const entry of entries) {
    const name = shardOf(idOf(entry), depth);
    sharded.set(name, [...(sharded.get(name) ?? []), entry]);
  }
  return new Map([...sharded].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function byName(left: Member, right: Member): number {
  return left.name < right.name ? -1 : 1;
}

export function partsOf({ ranges, zone, resolvers }: Settings, { members, rules, exits }: Content): Parts {
  const sorted = [...members].sort(byName);
  return new Map([
    ...[...shards(sorted, ({ id }) => id)].map(([name, shard]) => [name, encodeMembers(shard)] as const),
    ['policy', encodePolicy({ ranges, rules, exits })],
    ['names', encodeNames({ zone, resolvers })],
  ]);
}

export function partRefs(parts: Parts): readonly PartRef[] {
  return [...parts].map(([name, bytes]) => ({ name, sha256: digestOf(bytes), bytes: bytes.length }));
}

/** How the parts reach `completeMap`, which asks for them by digest. */
export function byDigest(parts: Parts): (digest: Digest) => Uint8Array | undefined {
  const found = new Map([...parts.values()].map((bytes) => [digestOf(bytes), bytes]));
  return (digest) => found.get(digest);
}

/** The parts read as a router reads them; the manifest around them says nothing and is not signed. */
function readAsRouter({ network }: Settings, parts: Parts): VerifiedMap | Refusal {
  const manifest = { network, epoch: 1, issuedUnixS: 0, expiresUnixS: 0, rootVersion: 1, parts: partRefs(parts) };
  return completeMap({ ...manifest, digest: digestOf(new Uint8Array()) }, byDigest(parts));
}

function contentOf({ members, policy }: VerifiedMap): Content {
  return { members: [...members].sort(byName), rules: policy.rules, exits: policy.exits };
}

/** The content, or the reason why no router would believe it. */
export function checkedContent(settings: Settings, content: Content): Content {
  const map = readAsRouter(settings, partsOf(settings, content));
  return contentOf(believed(map, 'the network as it would become'));
}

const anything: Shape<JsonValue> = (value) => value;
const membersShape = record({ format: integer(1, 1), members: list(anything, 0, maxMembers) });
const questionShape = text(questionForm, (words) => {
  const question = parseQuestion(words);
  return question && { text: words, question };
});
const testShape: Shape<PolicyTest> = (value, path) => {
  const expects = value instanceof Map && value.has('deny') ? 'deny' : 'allow';
  const asked = record({ [expects]: questionShape })(value, path)[expects];
  return asked === undefined ? wanted('a test', path, value) : { expects, ...asked };
};
const policyShape = record({ rules: anything, exits: anything, tests: list(testShape, 0, maxTests) });
const identityShape = text('an Ed25519 public key, hex', parseIdentityKey);

function identityOf(entry: JsonValue, index: number): string {
  const identity = entry instanceof Map ? (entry.get('identity') as JsonValue | undefined) : undefined;
  return nodeIdOf(identityShape(identity ?? '', `$.members[${index}].identity`));
}

function toPlain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, toPlain(each)]));
  return Array.isArray(value) ? value.map(toPlain) : value;
}

function encoded(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Member shards of members.json, every key of every entry as it stands there. */
function rawMembers(bytes: Uint8Array): Parts {
  const { members } = membersShape(readJson(bytes, maxFileBytes), '$');
  const entries = members.map((entry, index) => ({ id: identityOf(entry, index), plain: toPlain(entry) }));
  const sharded = [...shards(entries, ({ id }) => id)];
  return new Map(
    sharded.map(([name, shard]) => [name, encoded({ format: 1, members: shard.map(({ plain }) => plain) })]),
  );
}

function rawPolicy(bytes: Uint8Array) {
  const value = readJson(bytes, maxFileBytes);
  // A file may leave out exits and tests; the part that routers read leaves nothing out.
  const defaults = [['exits', []] as const, ['tests', []] as const];
  return policyShape(value instanceof Map ? new Map([...defaults, ...(value as JsonRecord)]) : value, '$');
}

/** An address where a prefix is wanted: the prefix of it alone. */
function hinted({ refused, detail }: Refusal): Refusal {
  const [, got = ''] = / or a prefix at \S+, got "([^"]*)"$/.exec(detail) ?? [];
  const address = parseIp(got);
  return { refused, detail: address === undefined ? detail : `${detail}: write "${hostPrefixOf(address)}"` };
}

/** A policy file, its rules and exits in the words of the trust room. */
export function readPolicy(settings: Settings, bytes: Uint8Array, path: string): PolicyFile {
  const written = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const read = refusing(() => {
    const { rules, exits, tests } = rawPolicy(bytes);
    const policy = encoded({ format: 1, ranges: settings.ranges, rules: toPlain(rules), exits: toPlain(exits) });
    const empty = partsOf(settings, { members: [], rules: [], exits: [] });
    const map = readAsRouter(settings, new Map([...empty, ['policy', policy]]));
    return isRefusal(map) ? map : { rules: map.policy.rules, exits: map.policy.exits, tests };
  });
  const line = isRefusal(read) ? lineOfDetail(written, read.detail) : undefined;
  return {
    ...believed(isRefusal(read) ? hinted(read) : read, placeOf(path, line)),
    at: (place) => placeOf(path, lineOfPath(written, place)),
  };
}

export function readPolicyFile(folder: Folder, settings: Settings): PolicyFile {
  return readPolicy(settings, needed(folder, policyFile), policyFile);
}

function needed(folder: Folder, name: string): Uint8Array {
  return folder.read(name) ?? fail('no-file', `wanted ${folder.pathOf(name)}, got no such file`);
}

export function readContent(folder: Folder, settings: Settings): Content {
  const { rules, exits } = readPolicyFile(folder, settings);
  const bytes = needed(folder, membersFile);
  const map = refusing(() => {
    const policy = encodePolicy({ ranges: settings.ranges, rules, exits });
    return readAsRouter(
      settings,
      new Map([...rawMembers(bytes), ['policy', policy], ['names', encodeNames(settings)]]),
    );
  });
  return contentOf(believed(map, membersFile));
}

export function writeMembers(folder: Folder, members: readonly Member[]): void {
  const text = new TextDecoder().decode(encodeMembers([...members].sort(byName)));
  folder.write(membersFile, prettyJson(JSON.parse(text)));
}

export function writePolicy(folder: Folder, { rules, exits, tests }: Omit<PolicyFile, 'at'>): void {
  const plain = {
    rules: rules.map(({ from, to, protocols }) => ({ from, to, protocols })),
    exits: exits.map(({ from, via, protocols }) => ({ from, via, protocols })),
    tests: tests.map(({ expects, text: words }) => ({ [expects]: words })),
  };
  folder.write(policyFile, prettyJson(plain));
}
