/** Invites by the names that `invite list` shows: which of several is meant, and when none is. */
import { beforeEach, expect, it } from 'vitest';
import { done, populated, refused, type Answer } from './operator.ts';

let folder: string;
beforeEach(async () => {
  folder = await populated();
});
const invited = (name: string): Promise<Answer> => done(folder, ['invite', '--name', name, '--ttl', '1h']);

it('revoked by name: the open one, else the only one; of several that have ended, by id', async () => {
  const revoke = ['invite', 'revoke', 'attic'];
  const first = await invited('attic');
  expect(await done(folder, revoke)).toEqual({ revoked: first.id });
  await refused(folder, revoke, { code: 'revoked', message: new RegExp(`got ${first.id}, revoked already`) });
  const second = await invited('attic');
  await invited('cellar');
  expect(await done(folder, revoke)).toEqual({ revoked: second.id });
  const message = /wanted one invite, got 2 of the name attic: give an id of [0-9a-f]{16}, [0-9a-f]{16}$/m;
  await refused(folder, revoke, { code: 'conflict', message });
});

it('an id comes before a name that looks like one', async () => {
  const { id } = await invited('attic');
  const other = await invited(id);
  expect(await done(folder, ['invite', 'revoke', id])).toEqual({ revoked: id });
  expect(await done(folder, ['invite', 'revoke', other.id])).toEqual({ revoked: other.id });
});
