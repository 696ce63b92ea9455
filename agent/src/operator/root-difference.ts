/** What the next root would change. In: the root that holds and the next. Out: the difference, for owners who must say yes. */
import type { RoleKeys, Root } from '../trust/types.ts';
import { keyIdOf } from '../trust/words.ts';
import type { Change } from './difference.ts';
import type { KeyRole } from './keys.ts';
import { formatTime } from './times.ts';

export const roles = ['root', 'map'] as const;
export const roleNames: Readonly<Record<KeyRole, string>> = { root: 'root key', map: 'map key' };

/** A key that comes stands beside one that goes; nobody has to find the pair. */
function keyChanges(what: string, from: RoleKeys, to: RoleKeys): readonly Change[] {
  const gone = from.keys.filter((key) => !to.keys.includes(key)).map(keyIdOf);
  const come = to.keys.filter((key) => !from.keys.includes(key)).map(keyIdOf);
  return Array.from({ length: Math.max(gone.length, come.length) }, (_, at) => {
    return { what, from: gone[at] ?? 'none', to: come[at] ?? 'none' };
  });
}

function change(what: string, from: string, to: string): readonly Change[] {
  return from === to ? [] : [{ what, from, to }];
}

function quorumOf({ threshold, keys }: RoleKeys): string {
  return `${threshold} of ${keys.length}`;
}

export function rootChanges(current: Root, next: Root): readonly Change[] {
  return [
    ...change('root version', `${current.version}`, `${next.version}`),
    ...change('end', formatTime(current.expiresUnixS), formatTime(next.expiresUnixS)),
    ...roles.flatMap((role) => [
      ...keyChanges(roleNames[role], current[role], next[role]),
      ...change(`${roleNames[role]}s that must sign`, quorumOf(current[role]), quorumOf(next[role])),
    ]),
  ];
}
