/**
 * `publish`: signed/ goes to the broker. In: the folder, a login. Out: retained messages; roots first, then parts, and the
 * map last, so that no router is told of what it cannot fetch; then parts that no map names are cleared. Only what differs
 * is sent, because each retained message wakes every router.
 */
import type { VerifiedManifest } from '../trust/map.ts';
import { topics } from '../trust/topics.ts';
import type { Digest, VerifiedMap } from '../trust/types.ts';
import { parseDigest } from '../trust/words.ts';
import { alone } from './alone.ts';
import type { Options } from './args.ts';
import { BrokerSession, type Retained } from './broker-session.ts';
import type { Folder } from './folder.ts';
import { filtersOf, requireInStep, type Here } from './in-step.ts';
import { noteMap } from './known-maps.ts';
import { loginOptions, readLogin } from './login.ts';
import { fail, Refused } from './refused.ts';
import { readSettings } from './settings.ts';
import { neededSignedMap, partFile, readRoots, type SignedRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';

export const publishOptions = {
  ...loginOptions,
  replace: { value: 'DIGEST', help: 'a map at the broker that shall be undone, where publish asks for it' },
} satisfies Options;

interface Publication {
  readonly roots: SignedRoots;
  readonly map: VerifiedMap;
  /** In the order in which they are sent. */
  readonly messages: Retained;
}

/** Everything of signed/, verified as of now: what a router would refuse is not sent. */
export function publicationOf(folder: Folder, nowUnixS: number): Publication {
  const settings = readSettings(folder);
  const { network } = settings;
  const roots = readRoots(folder, settings);
  const { map, envelope } = neededSignedMap(folder, roots, nowUnixS);
  const part = (digest: Digest): Uint8Array =>
    folder.read(partFile(digest)) ?? fail('no-file', `wanted ${folder.pathOf(partFile(digest))}, got no such file`);
  return {
    roots,
    map,
    messages: new Map([
      ...roots.map((each) => [topics.root(network, each.root.version), each.envelope] as const),
      ...map.parts.map(({ sha256 }) => [topics.part(network, sha256), part(sha256)] as const),
      [topics.map(network), envelope],
    ]),
  };
}

function same(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && Buffer.compare(left, right) === 0;
}

function notRetained(error: unknown): never {
  if (!(error instanceof Refused) || error.code !== 'broker-silent') throw error;
  const wanted = 'wanted to read back from the broker what was published, got other messages or none';
  return fail('not-retained', `${wanted}: may this user write and read under rustynet/1/, and does the broker retain?`);
}

async function publishAll(session: BrokerSession, here: Here, made: Publication, replace: Digest | undefined) {
  const { map, messages: wanted } = made;
  const { roots, map: mapTopic, parts } = filtersOf(map.network);
  const filters = [roots, mapTopic, parts];
  const isUnder = (filter: string, topic: string): boolean => topic.startsWith(filter.slice(0, -1));
  const isRead = (topic: string): boolean => wanted.has(topic) || isUnder(roots, topic);
  const hold = (topic: string, payload: Uint8Array): Uint8Array =>
    isRead(topic) ? new Uint8Array(payload) : new Uint8Array();
  const before = await session.retained(filters, hold, () => true);
  const replaced = await requireInStep(session, here, before, replace);
  const missing = [...wanted].filter(([topic, bytes]) => !same(before.get(topic), bytes));
  for (const [topic, bytes] of missing) await session.publish(topic, bytes);
  // Brokers of MQTT 3.1.1 drop what is forbidden without a word: only reading it back shows that it is there.
  const after = await session
    .retained(filters, hold, (found) => [...wanted].every(([topic, bytes]) => same(found.get(topic), bytes)))
    .catch(notRetained);
  const cleared = [...after.keys()].filter((topic) => isUnder(parts, topic) && !wanted.has(topic));
  for (const topic of cleared) await session.publish(topic, new Uint8Array());
  const done = { published: missing.map(([topic]) => topic), unchanged: wanted.size - missing.length, cleared };
  return { done, replaced };
}

/** Whoever has an old key may say it again: what it has was looked at. */
async function noteReplaced({ folder, last }: Here, replaced: VerifiedManifest | undefined): Promise<void> {
  if (replaced !== undefined) await alone(folder, () => noteMap(folder, last, replaced));
}

export async function publish({ folder, given, around }: Call): Promise<Answer> {
  const login = readLogin(given, readSettings(folder));
  const replace = given.parsed('replace', 'a SHA-256, 64 hex digits,', parseDigest);
  const made = publicationOf(folder, around.nowUnixS());
  const { roots, map } = made;
  const here = { folder, roots, last: map };
  const session = await BrokerSession.open(login);
  try {
    const { done, replaced } = await publishAll(session, here, made, replace);
    await noteReplaced(here, replaced);
    const { published, unchanged, cleared } = done;
    const counts = `${published.length} sent, ${unchanged} there already, ${cleared.length} old parts cleared`;
    return {
      lines: [`published epoch ${map.epoch} at ${login.url}: ${counts}`],
      value: { epoch: map.epoch, broker: { url: login.url }, ...done },
    };
  } finally {
    await session.close();
  }
}
