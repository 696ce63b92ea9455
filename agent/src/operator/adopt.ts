/**
 * `adopt`: what the map at the broker says becomes what is decided in this folder, where the copy of it that published that
 * map is lost. In: the folder, a login, a yes to what changes here. Out: newer roots; members.json, policy.json (its tests
 * stay), zone and resolvers, signed/; the open invites end, because the lost copy may have let a router in with one and
 * taken it out again. All is verified as a router does; what a cut leaves is adopted again.
 */
import { topics } from '../trust/topics.ts';
import type { Digest, VerifiedMap } from '../trust/types.ts';
import { BrokerSession } from './broker-session.ts';
import { mapProposalFile } from './carried-map.ts';
import { readContent, readPolicyFile, writeMembers, writePolicy } from './content.ts';
import { describeDifference, differenceBetween, draftOf, plainDifference, type Difference } from './difference.ts';
import type { Folder } from './folder.ts';
import { readParts, readTop, requireOneLine, type Here } from './in-step.ts';
import { endInvite, listInvites, stateOf, type StoredInvite } from './invites.ts';
import { placeKeys } from './key-files.ts';
import { knownMaps, noteMap } from './known-maps.ts';
import { readLogin } from './login.ts';
import { believed, fail } from './refused.ts';
import { readSettings, writeSettings, type Settings } from './settings.ts';
import { judgeMap, keepRoots, newest, readMapOf, readRoots, readSignedMap, rootFile, walk } from './signed.ts';
import { writeSignedMap, type SignedRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatTime } from './times.ts';

interface FoundMap {
  readonly map: VerifiedMap;
  readonly envelope: Uint8Array;
  readonly parts: ReadonlyMap<Digest, Uint8Array>;
}
interface Found {
  readonly roots: SignedRoots;
  /** `undefined` where this folder knows the one at the broker: only roots are new then. */
  readonly theirs: FoundMap | undefined;
}

const subject = 'the map at the broker';

async function find(session: BrokerSession, { folder, roots: known, last }: Here): Promise<Found> {
  const { network } = known[0].root;
  const found = await readTop(session, network);
  requireOneLine(known, found);
  const rootOf = (version: number): Uint8Array | undefined =>
    folder.read(rootFile(version)) ?? found.get(topics.root(network, version));
  const roots = walk(known[0], rootOf, (version) => `root version ${version} at the broker`);
  const envelope = found.get(topics.map(network)) ?? fail('not-published', 'wanted a map at the broker, got none');
  const { manifest, retired } = believed(judgeMap(envelope, roots), subject);
  const { epoch, digest, parts } = manifest;
  const isKnown = knownMaps(folder, last).some((each) => each.digest === digest);
  if (isKnown && last !== undefined && epoch <= last.epoch) {
    if (roots.length > known.length) return { roots, theirs: undefined };
    const wanted = 'wanted a map at the broker that another copy of this folder signed';
    return fail('accepted', `${wanted}, got epoch ${epoch} ${digest} of this one: nothing is to be taken over`);
  }
  if (retired) {
    const wanted = `wanted a map of the map keys of root version ${newest(roots).root.version}`;
    return fail('too-few-signers', `${subject}: ${wanted}, got one of keys that it replaced`);
  }
  const readPart = await readParts(session, manifest);
  const { map } = readMapOf(envelope, readPart, roots, subject);
  const bytes = new Map(parts.map(({ sha256 }) => [sha256, readPart(sha256) ?? new Uint8Array()]));
  return { roots, theirs: { map, envelope, parts: bytes } };
}

function changesOf({ folder, roots: known }: Here, settings: Settings, { roots, theirs }: Found): Difference {
  const here = { ...readContent(folder, settings), ...settings, rootVersion: newest(known).root.version };
  const then = theirs === undefined ? here : draftOf(theirs.map);
  // How long the next map holds stays with the folder.
  return differenceBetween(here, { ...then, lifetimeS: settings.lifetimeS, rootVersion: newest(roots).root.version });
}

/** Decisions first, and the map last: until it is there, `publish` refuses. */
function takeMap({ folder, last }: Here, settings: Settings, { map, envelope, parts }: FoundMap): void {
  const { members, policy, names } = map;
  const { tests } = readPolicyFile(folder, settings);
  writeMembers(folder, members);
  writePolicy(folder, { ...policy, tests });
  writeSettings(folder, { ...settings, ...names, ranges: policy.ranges, epoch: Math.max(settings.epoch, map.epoch) });
  folder.remove(mapProposalFile);
  noteMap(folder, last, map);
  writeSignedMap(folder, envelope, parts);
}

function openInvites(folder: Folder, nowUnixS: number): readonly StoredInvite[] {
  return listInvites(folder).filter((invite) => stateOf(invite, nowUnixS) === 'created');
}

export async function adopt(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const settings = readSettings(folder);
  const roots = readRoots(folder, settings);
  const here = { folder, roots, last: readSignedMap(folder, roots)?.map };
  const session = await BrokerSession.open(readLogin(given, settings));
  const found = await find(session, here).finally(() => session.close());
  const difference = changesOf(here, settings, found);
  const nowUnixS = around.nowUnixS();
  const open = found.theirs === undefined ? [] : openInvites(folder, nowUnixS);
  const lines = [
    ...describeFound(found),
    ...describeDifference(difference),
    ...open.map(({ id, name }) => `- invite ${id} (${name}), which the other copy may have ended`),
  ];
  if (!given.flag('yes') && !(await around.confirm([...lines, 'Take it over?'].join('\n')))) {
    fail('not-confirmed', 'wanted a yes, got none: nothing was taken over');
  }
  keepRoots(folder, found.roots);
  placeKeys(folder, found.roots);
  for (const { id } of open) endInvite(folder, id, { state: 'revoked', atUnixS: nowUnixS });
  if (found.theirs !== undefined) takeMap(here, settings, found.theirs);
  const then = 'took it over: decide again what you would have otherwise, sign and publish';
  return {
    lines: [...(given.flag('yes') ? lines : []), then],
    value: {
      ...(found.theirs === undefined ? {} : { epoch: found.theirs.map.epoch, digest: found.theirs.map.digest }),
      ...{ difference: plainDifference(difference), revoked: open.map(({ id }) => id) },
    },
  };
}

function describeFound({ roots, theirs }: Found): readonly string[] {
  const { version, digest } = newest(roots).root;
  if (theirs === undefined) return [`root version ${version} ${digest} at the broker changes here:`];
  const { epoch, issuedUnixS } = theirs.map;
  return [`epoch ${epoch} ${theirs.map.digest} at the broker, issued ${formatTime(issuedUnixS)}, changes here:`];
}
