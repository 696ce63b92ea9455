/**
 * `publish`: signed/ goes to the broker. In: the folder, a login. Out: retained messages; roots first, then parts, and the
 * map last, so that no router is told of what it cannot fetch; then parts that no map names are cleared. Only what differs
 * is sent, because each retained message wakes every router.
 */
import { verifyMap } from '../trust/map.ts';
import { isRefusal } from '../trust/refuse.ts';
import { verifyNextRoot } from '../trust/root.ts';
import { topics } from '../trust/topics.ts';
import type { Digest, VerifiedMap } from '../trust/types.ts';
import { BrokerSession, type Retained } from './broker-session.ts';
import type { Folder } from './folder.ts';
import { loginOptions, readLogin } from './login.ts';
import { fail, Refused } from './refused.ts';
import { readSettings } from './settings.ts';
import { neededSignedMap, newest, partFile, readRoots, walkedFloors, type SignedRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';

export const publishOptions = loginOptions;

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

/** Two roots of one version, both signed well: routers that took the one at the broker could never follow the other. */
function requireOneLine(roots: SignedRoots, found: Retained): void {
  for (const [index, { root }] of roots.slice(1).entries()) {
    const bytes = found.get(topics.root(root.network, root.version));
    const before = roots[index]?.root;
    const other = bytes === undefined || before === undefined ? undefined : verifyNextRoot(before, bytes);
    if (other === undefined || isRefusal(other) || other.digest === root.digest) continue;
    fail('fork', `wanted root ${other.digest} as version ${root.version}, as at the broker, got ${root.digest}`);
  }
}

/** Another operator with a copy of this folder may have been faster: their work is not undone unseen. */
function requireNewest({ roots, map }: Publication, found: Retained, nowUnixS: number): void {
  const { root } = newest(roots);
  requireOneLine(roots, found);
  const nextRoot = found.get(topics.root(root.network, root.version + 1));
  if (nextRoot !== undefined && !isRefusal(verifyNextRoot(root, nextRoot))) {
    fail('rollback', `wanted the newest root in this folder, got ${root.version + 1} at the broker: fetch it first`);
  }
  const bytes = found.get(topics.map(root.network));
  const other = bytes === undefined ? undefined : verifyMap(bytes, root, walkedFloors(roots), nowUnixS);
  if (other === undefined || isRefusal(other) || other.epoch < map.epoch || other.digest === map.digest) return;
  if (other.epoch > map.epoch) {
    fail(
      'rollback',
      `wanted epoch ${other.epoch} as at the broker, or later, got ${map.epoch}: fetch the newest folder`,
    );
  }
  fail('fork', `wanted map ${other.digest} as epoch ${map.epoch}, as at the broker, got ${map.digest}: sign again`);
}

function notRetained(error: unknown): never {
  if (!(error instanceof Refused) || error.code !== 'broker-silent') throw error;
  const wanted = 'wanted to read back from the broker what was published, got other messages or none';
  return fail('not-retained', `${wanted}: may this user write and read under rustynet/1/, and does the broker retain?`);
}

async function publishAll(session: BrokerSession, made: Publication, nowUnixS: number) {
  const { map, messages: wanted } = made;
  const mapTopic = topics.map(map.network);
  // The filters of every root and part, from the topic of one.
  const base = mapTopic.slice(0, -'map'.length);
  const filters = [`${base}root/+`, mapTopic, `${base}part/#`];
  const isRead = (topic: string): boolean => wanted.has(topic) || topic.startsWith(`${base}root/`);
  const hold = (topic: string, payload: Uint8Array): Uint8Array =>
    isRead(topic) ? new Uint8Array(payload) : new Uint8Array();
  const before = await session.retained(filters, hold, () => true);
  requireNewest(made, before, nowUnixS);
  const missing = [...wanted].filter(([topic, bytes]) => !same(before.get(topic), bytes));
  for (const [topic, bytes] of missing) await session.publish(topic, bytes);
  // Brokers of MQTT 3.1.1 drop what is forbidden without a word: only reading it back shows that it is there.
  const after = await session
    .retained(filters, hold, (found) => [...wanted].every(([topic, bytes]) => same(found.get(topic), bytes)))
    .catch(notRetained);
  const cleared = [...after.keys()].filter((topic) => topic.startsWith(`${base}part/`) && !wanted.has(topic));
  for (const topic of cleared) await session.publish(topic, new Uint8Array());
  return { published: missing.map(([topic]) => topic), unchanged: wanted.size - missing.length, cleared };
}

export async function publish({ folder, given, around }: Call): Promise<Answer> {
  const login = readLogin(given, readSettings(folder));
  const nowUnixS = around.nowUnixS();
  const made = publicationOf(folder, nowUnixS);
  const session = await BrokerSession.open(login);
  try {
    const done = await publishAll(session, made, nowUnixS);
    const { published, unchanged, cleared } = done;
    const counts = `${published.length} sent, ${unchanged} there already, ${cleared.length} old parts cleared`;
    return {
      lines: [`published epoch ${made.map.epoch} at ${login.url}: ${counts}`],
      value: { epoch: made.map.epoch, broker: { url: login.url }, ...done },
    };
  } finally {
    await session.close();
  }
}
