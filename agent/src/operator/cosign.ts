/**
 * `sign FILE` and `accept`: a map that several keys must sign. In: a carried file, a folder with a map key or a network, a
 * yes. Out: the file with one more signature; or, signed by enough, signed/map.json and its parts, as `sign` alone leaves
 * them where one key is enough.
 */
import { encodeEnvelope } from '../trust/dsse.ts';
import { mapType } from '../trust/limits.ts';
import { verifyMap } from '../trust/map.ts';
import { isRefusal } from '../trust/refuse.ts';
import { keyIdOf } from '../trust/words.ts';
import { knownRoots } from './carried.ts';
import { mapProposalFile, mapStanding, readCarriedMap, type CarriedMap } from './carried-map.ts';
import { describeDifference, differenceOf, draftOf } from './difference.ts';
import { replaceFile } from './folder.ts';
import { openKeys, passphrase, signatures } from './keys.ts';
import { noteMap } from './known-maps.ts';
import { fail } from './refused.ts';
import { readSettings, settingsFile, writeSettings } from './settings.ts';
import { floorsAfter, keepRoots, newest, readRoots, readSignedMap, writeSignedMap } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatTime } from './times.ts';

function describe({ roots, map, last, signers }: CarriedMap, isFirst: boolean): readonly string[] {
  const { root } = newest(roots);
  return [
    `network ${map.network}, root version ${root.version} ${root.digest}`,
    ...(isFirst ? ['this folder has signed for no network yet: compare these two with "root show" of an owner'] : []),
    last === undefined ? 'the first map of this network' : `since epoch ${last.epoch}:`,
    ...describeDifference(differenceOf(last, draftOf(map))),
    `signed so far by ${[...signers].map(keyIdOf).join(' ')}`,
  ];
}

async function ask(
  { given, around }: Call,
  lines: readonly string[],
  { map }: CarriedMap,
  verb: string,
): Promise<void> {
  if (given.flag('yes')) return;
  const question = [...lines, `${verb} epoch ${map.epoch}, good until ${formatTime(map.expiresUnixS)}?`].join('\n');
  if (!(await around.confirm(question))) fail('not-confirmed', 'wanted a yes, got none: nothing was signed');
}

export async function cosignMap(call: Call, path: string): Promise<Answer> {
  const { folder, given, around } = call;
  const known = knownRoots(folder);
  const own = known === undefined ? undefined : readSignedMap(folder, known)?.map;
  const carried = readCarriedMap(path, known, own, around.nowUnixS());
  const { roots, map, envelope, signers: before } = carried;
  const { root } = newest(roots);
  const lines = describe(carried, known === undefined);
  await ask(call, lines, carried, 'Add your signature to');
  const { keys } = root.map;
  const signers = await openKeys(folder, 'map', { network: map.network, keys }, await passphrase(call));
  if (signers.length === 0) {
    fail('no-key', `wanted one of the map keys ${keys.map(keyIdOf).join(' ')}, got none in ${folder.pathOf('keys')}`);
  }
  const fresh = signers.filter(({ key }) => !before.has(key));
  if (fresh.length === 0) {
    const got = signers.map(({ key }) => keyIdOf(key)).join(' ');
    fail('signed-already', `${path}: wanted a signature of another map key, got ${got} again`);
  }
  const added = signatures(fresh, mapType, envelope.payload);
  const bytes = encodeEnvelope({ ...envelope, signatures: [...envelope.signatures, ...added] });
  if (!folder.has(settingsFile)) keepRoots(folder, roots);
  replaceFile(path, carried.withEnvelope(bytes), 0o644);
  const { words, value } = mapStanding(root, new Set([...before, ...fresh.map(({ key }) => key)]));
  return {
    lines: [...(given.flag('yes') ? lines : []), `signed epoch ${map.epoch} in ${path}; ${words}`],
    value: { epoch: map.epoch, digest: map.digest, file: path, ...value },
  };
}

export async function acceptMap(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const settings = readSettings(folder);
  const known = readRoots(folder, settings);
  const path = given.operandIfAny(0) ?? folder.pathOf(mapProposalFile);
  const own = readSignedMap(folder, known)?.map;
  const carried = readCarriedMap(path, known, own, around.nowUnixS());
  const { roots, map, parts, bytes, signers } = carried;
  const { root } = newest(roots);
  const judged = verifyMap(bytes, root, floorsAfter(roots, own), around.nowUnixS());
  if (isRefusal(judged)) fail(judged.refused, `${path}: ${judged.detail}; ${mapStanding(root, signers).words}`);
  const lines = describe(carried, false);
  await ask(call, lines, carried, 'Accept');
  keepRoots(folder, roots);
  writeSettings(folder, { ...settings, epoch: Math.max(settings.epoch, map.epoch) });
  noteMap(folder, own, map);
  writeSignedMap(folder, bytes, parts);
  folder.remove(mapProposalFile);
  const { epoch, digest, expiresUnixS: expires } = map;
  return {
    lines: [...(given.flag('yes') ? lines : []), `epoch ${epoch} holds in this folder; publish it next`],
    value: { epoch, digest, expires, signers: [...signers].map(keyIdOf) },
  };
}
