/**
 * `root sign` and `root accept`. In: a carried file, a folder with an owner's key or a network, a yes. Out: the file with
 * one more signature; or, signed by enough, root version N+1 in the folder, and never over another. To sign, nothing is
 * needed but the file and the key.
 */
import { encodeEnvelope } from '../trust/dsse.ts';
import { rootType } from '../trust/limits.ts';
import { isRefusal } from '../trust/refuse.ts';
import { verifyNextRoot } from '../trust/root.ts';
import { keyIdOf } from '../trust/words.ts';
import type { Options } from './args.ts';
import { encodeCarried, knownRoots, proposalFile, readCarried, type Carried } from './carried.ts';
import { replaceFile, type Folder } from './folder.ts';
import { placeKeys } from './key-files.ts';
import { passphrase, passphraseOption, signatures } from './keys.ts';
import { fail } from './refused.ts';
import { rootChanges } from './root-difference.ts';
import { ask, changeLines, ownSigners, requireEnd, standing } from './root-quorum.ts';
import { readSettings, settingsFile } from './settings.ts';
import { keepRoots, newest, readRoots, type SignedRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';

export const rootSignOptions = { 'passphrase-file': passphraseOption } satisfies Options;

function describeCarried({ roots, next, signers }: Carried, isFirst: boolean): readonly string[] {
  const current = newest(roots).root;
  return [
    `network ${next.network}, root version ${current.version} ${current.digest}`,
    ...(isFirst
      ? ['this folder has signed for no network yet: compare these two with "root show" of another owner']
      : []),
    ...changeLines(current, next),
    `signed so far by ${[...signers].map(keyIdOf).join(' ')}`,
  ];
}

export async function rootSign(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const path = given.operand(0);
  const known = knownRoots(folder);
  const carried = readCarried(path, known);
  const { roots, next, envelope, signers: before } = carried;
  const current = newest(roots).root;
  requireEnd(next, around.nowUnixS());
  const lines = describeCarried(carried, known === undefined);
  await ask(call, lines, next, 'Add your signature to');
  const own = await ownSigners(call, current, next, await passphrase(call));
  const fresh = own.filter(({ key }) => !before.has(key));
  if (fresh.length === 0) {
    fail(
      'signed-already',
      `${path}: wanted a signature of another owner, got ${own.map(({ key }) => keyIdOf(key)).join(' ')} again`,
    );
  }
  const added = signatures(fresh, rootType, envelope.payload);
  const bytes = encodeEnvelope({ ...envelope, signatures: [...envelope.signatures, ...added] });
  if (!folder.has(settingsFile)) keepRoots(folder, roots);
  replaceFile(path, encodeCarried(roots, bytes), 0o644);
  const { words, value } = standing(current, next, new Set([...before, ...fresh.map(({ key }) => key)]));
  return {
    lines: [...(given.flag('yes') ? lines : []), `signed root version ${next.version} in ${path}`, words],
    value: { version: next.version, digest: next.digest, file: path, changes: rootChanges(current, next), ...value },
  };
}

/** New roots of the file, oldest first: a cut leaves a line of roots that ends earlier, and the same call goes on. */
function keep(folder: Folder, roots: SignedRoots): void {
  keepRoots(folder, roots);
  placeKeys(folder, roots);
  folder.remove(proposalFile(newest(roots).root.version));
}

export async function rootAccept(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const known = readRoots(folder, readSettings(folder));
  const path = given.operandIfAny(0) ?? folder.pathOf(proposalFile(newest(known).root.version + 1));
  const carried = readCarried(path, known);
  const { roots, next, signers, bytes } = carried;
  const current = newest(roots).root;
  requireEnd(next, around.nowUnixS());
  const root = verifyNextRoot(current, bytes);
  if (isRefusal(root)) fail(root.refused, `${path}: ${root.detail}; ${standing(current, next, signers).words}`);
  const lines = describeCarried(carried, false);
  await ask(call, lines, next, 'Accept');
  placeKeys(folder, known);
  keep(folder, [...roots, { root, envelope: bytes }]);
  const changes = rootChanges(current, next);
  const then = changes.some(({ what }) => what.startsWith('map'))
    ? 'sign next, then publish: routers refuse maps of before'
    : 'publish it next';
  return {
    lines: [...(given.flag('yes') ? lines : []), `root version ${next.version} holds in this folder; ${then}`],
    value: { version: next.version, digest: next.digest, signers: [...signers].map(keyIdOf), changes },
  };
}
