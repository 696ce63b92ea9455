/**
 * `root propose`: the next root, for several owners to sign. In: a folder with a network and an owner's key, what is to
 * change, a yes. Out: proposed/root-<version>.json, signed by that owner, to be carried to the others.
 */
import { maxRoleKeys, rootType } from '../trust/limits.ts';
import { encodeRoot, readProposedRoot } from '../trust/root.ts';
import type { IdentityKey, RoleKeys, Root } from '../trust/types.ts';
import { keyIdOf, parseDigest, parseIdentityKey } from '../trust/words.ts';
import type { Given, Options } from './args.ts';
import { encodeCarried, proposalFile } from './carried.ts';
import { passphrase, passphraseOption, signedBy, type KeyRole } from './keys.ts';
import { rootLifetimeOption } from './lifetimes.ts';
import { believed, fail, misuse } from './refused.ts';
import { roleNames, rootChanges } from './root-difference.ts';
import { ask, changeLines, ownSigners, standing } from './root-quorum.ts';
import { keptEnd } from './roots.ts';
import { readSettings } from './settings.ts';
import { requireClock } from './sign.ts';
import { newest, readRoots, readSignedMap } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';

export const rootProposeOptions = {
  'add-owner': { value: 'KEY', many: true, help: 'public key of a new owner, as key new shows it' },
  'remove-owner': { value: 'ID', many: true, help: 'key of an owner who goes, as root show names it' },
  'owner-threshold': { value: 'N', help: 'how many owners must sign a root (default: as many as now)' },
  'add-map-key': { value: 'KEY', many: true, help: 'public key of a new map key' },
  'remove-map-key': { value: 'ID', many: true, help: 'map key that goes; its maps are refused from then on' },
  'map-threshold': { value: 'N', help: 'how many map keys must sign a map (default: as many as now)' },
  'root-lifetime': rootLifetimeOption('it ends when it did'),
  'passphrase-file': passphraseOption,
} satisfies Options;
const words: Readonly<Record<KeyRole, string>> = { root: 'owner', map: 'map-key' };

function roleAfter(given: Given, role: KeyRole, { keys, threshold }: RoleKeys): RoleKeys {
  const come = given.parsedAll(`add-${words[role]}`, 'an Ed25519 public key, 64 hex digits,', parseIdentityKey);
  const go = given.parsedAll(`remove-${words[role]}`, 'a key id, 64 hex digits,', parseDigest);
  const again = come.find((key) => keys.includes(key));
  if (again !== undefined)
    fail('exists', `wanted a new ${roleNames[role]}, got ${keyIdOf(again)}, which is one already`);
  const isGone = (key: IdentityKey): boolean => go.some((id) => id === keyIdOf(key));
  const unknown = go.find((id) => !keys.some((key) => keyIdOf(key) === id));
  if (unknown !== undefined) {
    fail('unknown-key', `wanted one of the ${roleNames[role]}s ${keys.map(keyIdOf).join(' ')}, got ${unknown}`);
  }
  const after = [...keys.filter((key) => !isGone(key)), ...come];
  const option = role === 'root' ? 'owner-threshold' : 'map-threshold';
  const chosen = given.parsed(option, `a number from 1 to ${maxRoleKeys}`, (text) =>
    /^[1-9][0-9]?$/.test(text) ? Number(text) : undefined,
  );
  const next = chosen ?? threshold;
  if (next > after.length) {
    fail('threshold', `wanted at least ${next} ${roleNames[role]}s, as many as must sign, got ${after.length}`);
  }
  return { keys: after, threshold: next };
}

function proposed({ given, around }: Call, current: Root): Root {
  const next = {
    network: current.network,
    version: current.version + 1,
    expiresUnixS: keptEnd(current, given, around.nowUnixS()),
    root: roleAfter(given, 'root', current.root),
    map: roleAfter(given, 'map', current.map),
  };
  if (rootChanges(current, next).length === 1) misuse('wanted a change to propose, got none: see --help');
  return next;
}

export async function rootPropose(call: Call): Promise<Answer> {
  const { folder, around } = call;
  const roots = readRoots(folder, readSettings(folder));
  const current = newest(roots).root;
  requireClock(around.nowUnixS(), readSignedMap(folder, roots)?.map);
  const next = proposed(call, current);
  const file = proposalFile(next.version);
  if (folder.has(file))
    fail(
      'exists',
      `wanted no proposal of root version ${next.version}, got ${folder.pathOf(file)}: sign it, or remove it`,
    );
  await ask(call, changeLines(current, next), next, 'Propose and sign');
  const signers = await ownSigners(call, current, next, await passphrase(call));
  const envelope = signedBy(signers, rootType, encodeRoot(next));
  const { digest } = believed(readProposedRoot(envelope), `root version ${next.version}`);
  folder.writeNew(file, encodeCarried(roots, envelope));
  const { words, value } = standing(current, next, new Set(signers.map(({ key }) => key)));
  return {
    lines: [`proposed root version ${next.version} in ${folder.pathOf(file)}`, `digest ${digest}`, words],
    value: { version: next.version, digest, file, changes: rootChanges(current, next), ...value },
  };
}
