/**
 * Whether the decisions in this folder come after the map at the broker. In: a session, what it retains, the folder's roots
 * and its last map. Out: nothing, or a refusal that says what the map at the broker has and the folder has not: another copy
 * of the folder published it, and a later epoch over it would undo unseen what was decided there.
 */
import type { VerifiedManifest } from '../trust/map.ts';
import { completeMap } from '../trust/parts.ts';
import { isRefusal } from '../trust/refuse.ts';
import { verifyNextRoot } from '../trust/root.ts';
import { topics } from '../trust/topics.ts';
import type { Digest, NetworkId, VerifiedMap } from '../trust/types.ts';
import { BrokerSession, type Retained } from './broker-session.ts';
import { describeDifference, differenceOf, draftOf } from './difference.ts';
import type { Folder } from './folder.ts';
import { knownMaps } from './known-maps.ts';
import { readLogin } from './login.ts';
import { fail } from './refused.ts';
import { readSettings } from './settings.ts';
import { judgeMap, newest, readRoots, readSignedMap, type PartReader, type SignedRoots } from './signed.ts';
import type { Call } from './surroundings.ts';

export interface Here {
  readonly folder: Folder;
  readonly roots: SignedRoots;
  /** The map in signed/. */
  readonly last: VerifiedMap | undefined;
}

/** Filters of every root, of the map and of every part. */
export function filtersOf(network: NetworkId): Readonly<Record<'roots' | 'map' | 'parts', string>> {
  const map = topics.map(network);
  const base = map.slice(0, -'map'.length);
  return { roots: `${base}root/+`, map, parts: `${base}part/#` };
}

/** Roots and map, which are small. */
export function readTop(session: BrokerSession, network: NetworkId): Promise<Retained> {
  const { roots, map } = filtersOf(network);
  return session.retained(
    [roots, map],
    (_, payload) => new Uint8Array(payload),
    () => true,
  );
}

/** The parts that a map names, and nothing else of what there is. */
export async function readParts(
  session: BrokerSession,
  { network, parts }: Pick<VerifiedManifest, 'network' | 'parts'>,
): Promise<PartReader> {
  const bytesOf = new Map(parts.map(({ sha256, bytes }) => [topics.part(network, sha256), bytes]));
  const hold = (topic: string, payload: Uint8Array): Uint8Array | undefined =>
    bytesOf.get(topic) === payload.length ? new Uint8Array(payload) : undefined;
  const found = await session.retained([filtersOf(network).parts], hold, () => true);
  return (digest) => found.get(topics.part(network, digest));
}

/** Two roots of one version, both signed well: routers that took the one at the broker could never follow the other. */
export function requireOneLine(roots: SignedRoots, found: Retained): void {
  for (const [index, { root }] of roots.slice(1).entries()) {
    const bytes = found.get(topics.root(root.network, root.version));
    const before = roots[index]?.root;
    const other = bytes === undefined || before === undefined ? undefined : verifyNextRoot(before, bytes);
    if (other === undefined || isRefusal(other) || other.digest === root.digest) continue;
    fail('fork', `wanted root ${other.digest} as version ${root.version}, as at the broker, got ${root.digest}`);
  }
}

const wayOut = 'fetch the newest copy of the folder, the one that published it, or, if that is lost, run adopt';

function requireNewestRoot(roots: SignedRoots, found: Retained): void {
  requireOneLine(roots, found);
  const { root } = newest(roots);
  const nextRoot = found.get(topics.root(root.network, root.version + 1));
  if (nextRoot === undefined || isRefusal(verifyNextRoot(root, nextRoot))) return;
  fail('rollback', `wanted the newest root in this folder, got ${root.version + 1} at the broker: ${wayOut}`);
}

const mostLines = 20;

async function whatItHas(session: BrokerSession, { last }: Here, manifest: VerifiedManifest): Promise<string> {
  const map = completeMap(manifest, await readParts(session, manifest));
  if (isRefusal(map)) return `; what it has is not all at the broker: ${map.detail}`;
  const all = describeDifference(differenceOf(last, draftOf(map)));
  if (all.length === 0) return '; it has the same members, policy and names';
  const more = all.length > mostLines ? [`and ${all.length - mostLines} more`] : [];
  const than = last === undefined ? 'this folder, which has none' : `epoch ${last.epoch} of this folder`;
  return [`; what it has other than ${than}:`, ...all.slice(0, mostLines), ...more].join('\n  ');
}

/**
 * Gives the map that `replace` names, where there may be nothing to fetch it from: one of keys that a newer root replaced,
 * which a thief may have signed, or one older than all that this folder has noted.
 */
export async function requireInStep(
  session: BrokerSession,
  here: Here,
  found: Retained,
  replace?: Digest,
): Promise<VerifiedManifest | undefined> {
  const { folder, roots, last } = here;
  requireNewestRoot(roots, found);
  const bytes = found.get(topics.map(newest(roots).root.network));
  const judged = bytes === undefined ? undefined : judgeMap(bytes, roots);
  if (judged === undefined || isRefusal(judged)) return undefined;
  const { manifest, retired } = judged;
  const { epoch, digest } = manifest;
  const known = knownMaps(folder, last);
  if (known.some((each) => each.digest === digest)) {
    if (retired || last === undefined || epoch <= last.epoch) return undefined;
    return fail('rollback', `wanted epoch ${epoch} as at the broker, or later, got ${last.epoch}: ${wayOut}`);
  }
  const isOlder = known.every((each) => epoch < each.epoch);
  if ((retired || isOlder) && replace === digest) return manifest;
  const got = `wanted a map at the broker that this folder signed or took over, got epoch ${epoch} ${digest}`;
  const why = retired ? 'of keys that a newer root replaced' : 'older than all that this folder remembers';
  const orReplace = retired || isOlder ? `; ${why}: if it shall be undone, publish --replace ${digest}` : '';
  const code = last !== undefined && epoch > last.epoch ? 'rollback' : 'fork';
  return fail(code, `${got}: ${wayOut}${orReplace}${await whatItHas(session, here, manifest)}`);
}

/** Before anything is signed that nobody looks at. */
export async function lookFirst({ folder, given }: Call): Promise<void> {
  const settings = readSettings(folder);
  const roots = readRoots(folder, settings);
  const last = readSignedMap(folder, roots)?.map;
  const session = await BrokerSession.open(readLogin(given, settings));
  try {
    await requireInStep(session, { folder, roots, last }, await readTop(session, settings.network));
  } finally {
    await session.close();
  }
}
