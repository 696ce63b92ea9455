/**
 * What a login may do. In: the files of /usr/share/rpcd/acl.d and the `login` sections of /etc/config/rpcd. Out: grants,
 * each a scope, an object and a function, the last two as shell patterns. Specified in rpcd's session.c
 * (rpc_login_test_permission, rpc_login_setup_acl_file); the shape of `acls` is that of openwrt-25.12-ubus-objects.md.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UciSection } from '../uci/file.ts';

export interface Grant {
  readonly scope: string;
  readonly object: string;
  readonly function: string;
}
type Permission = 'read' | 'write';
type Table = Readonly<Record<string, unknown>>;

/** fnmatch(3) without flags, of which files have `*` and `?` only. */
export function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

/** Without a login it is the session of everybody. What may write may read. */
function permits(login: UciSection | undefined, permission: Permission, group: string): boolean {
  if (login === undefined) return group === 'unauthenticated';
  const patterns = login.options.get(permission) ?? [];
  for (const pattern of typeof patterns === 'string' ? [] : patterns) {
    if (pattern.startsWith('!') && matches(pattern.slice(1), group)) return false;
    if (matches(pattern, group)) return true;
  }
  return permission === 'read' && permits(login, 'write', group);
}

const strings = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

/** A scope has a list of objects, for which the permission is the function, or a table of objects with functions. */
function scopeGrants(scope: string, objects: unknown, permission: Permission): Grant[] {
  if (Array.isArray(objects)) return strings(objects).map((object) => ({ scope, object, function: permission }));
  return Object.entries(objects as Table).flatMap(([object, functions]) =>
    strings(functions).map((name) => ({ scope, object, function: name })),
  );
}

/** The grants of a login, or of everybody. */
export function grantsOf(folder: string, login: UciSection | undefined): Grant[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  const groups = files.sort().flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return Object.entries(JSON.parse(text) as Record<string, Table>);
  });
  return groups.flatMap(([group, about]) =>
    (['read', 'write'] as const)
      .filter((permission) => about[permission] !== undefined && permits(login, permission, group))
      .flatMap((permission) => [
        { scope: 'access-group', object: group, function: permission },
        ...Object.entries(about[permission] as Table).flatMap(([scope, of]) => scopeGrants(scope, of, permission)),
      ]),
  );
}
