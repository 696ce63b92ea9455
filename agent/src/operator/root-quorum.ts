/**
 * Whose signatures a proposed root has and needs, and what its owners are asked. In: the root that holds, the proposal, a
 * folder with keys. Out: counts, signers, a yes. Both roots have a say: a threshold of version N and of N+1 (TUF 1.0 5.3).
 */
import type { IdentityKey, RoleKeys, Root } from '../trust/types.ts';
import { keyIdOf } from '../trust/words.ts';
import { ownersOf } from './carried.ts';
import { describeChange } from './difference.ts';
import { openKeys, type Signer } from './keys.ts';
import { maxRootLifetimeS } from './lifetimes.ts';
import { fail } from './refused.ts';
import { rootChanges } from './root-difference.ts';
import type { Call } from './surroundings.ts';
import { formatTime, left } from './times.ts';

function missing(role: RoleKeys, signers: ReadonlySet<IdentityKey>): number {
  return Math.max(0, role.threshold - role.keys.filter((key) => signers.has(key)).length);
}

/** How many are still to sign, of each of the two roots that have a say. */
export function standing(current: Root, next: Root, signers: ReadonlySet<IdentityKey>) {
  const [ofCurrent, ofNext] = [missing(current.root, signers), missing(next.root, signers)];
  const needs = [
    ...(ofCurrent > 0 ? [`${ofCurrent} more of the owners of root version ${current.version}`] : []),
    ...(ofNext > 0 ? [`${ofNext} more of the owners of root version ${next.version}`] : []),
  ];
  const words =
    needs.length === 0 ? 'enough have signed: root accept, then publish' : `still to sign: ${needs.join(' and ')}`;
  return {
    words,
    value: { signers: [...signers].map(keyIdOf), missing: { [current.version]: ofCurrent, [next.version]: ofNext } },
  };
}

export async function ownSigners(
  { folder }: Call,
  current: Root,
  next: Root,
  secret: string,
): Promise<readonly Signer[]> {
  const keys = ownersOf(current, next);
  const signers = await openKeys(folder, 'root', { network: next.network, keys }, secret);
  if (signers.length > 0) return signers;
  const wanted = `wanted a key of an owner, ${keys.map(keyIdOf).join(' or ')}`;
  return fail('not-owner', `${wanted}, got none in ${folder.pathOf('keys')}`);
}

/** A clock that is years ahead shows in the end that it made. */
export function requireEnd({ expiresUnixS, version }: Root, nowUnixS: number): void {
  if (expiresUnixS > nowUnixS && expiresUnixS <= nowUnixS + maxRootLifetimeS) return;
  const wanted = `wanted an end between ${formatTime(nowUnixS)} and ${formatTime(nowUnixS + maxRootLifetimeS)}`;
  fail(
    'expired',
    `root version ${version}: ${wanted}, got ${formatTime(expiresUnixS)}: is the clock right, here and there?`,
  );
}

export async function ask(
  { given, around }: Call,
  lines: readonly string[],
  { version, expiresUnixS }: Root,
  verb: string,
) {
  if (given.flag('yes')) return;
  const end = `${formatTime(expiresUnixS)} (${left(expiresUnixS, around.nowUnixS())})`;
  const question = [...lines, `${verb} root version ${version}, which ends ${end}?`].join('\n');
  if (!(await around.confirm(question))) fail('not-confirmed', 'wanted a yes, got none: nothing was signed');
}

export function changeLines(current: Root, next: Root): readonly string[] {
  return rootChanges(current, next).map((change) => `~ ${describeChange(change)}`);
}
