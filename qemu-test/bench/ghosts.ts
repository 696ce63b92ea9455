// Members that nobody is: peers of the routers that never answer. In: a mesh, how many of them go and come. Out: who are
// members then, in members.json, which is not signed yet.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { readContent, writeMembers } from '../../agent/src/operator/content.ts';
import { Folder } from '../../agent/src/operator/folder.ts';
import { newMember, nextAddress } from '../../agent/src/operator/members.ts';
import { readSettings, type Settings } from '../../agent/src/operator/settings.ts';
import type { Member } from '../../agent/src/trust/types.ts';
import { parseIdentityKey, parseLabel, parseWireGuardKey } from '../../agent/src/trust/words.ts';
import type { Mesh } from '../topology/mesh.ts';

const prefix = 'ghost-';

function ghostBeside(members: readonly Member[], settings: Settings): Member {
  const name = parseLabel(`${prefix}${randomBytes(6).toString('hex')}`);
  const identityKey = parseIdentityKey(Buffer.from(ed25519.getPublicKey(randomBytes(32))).toString('hex'));
  const wireGuardKey = parseWireGuardKey(Buffer.from(x25519.getPublicKey(randomBytes(32))).toString('base64'));
  if (name === undefined || identityKey === undefined || wireGuardKey === undefined) {
    throw new Error('ghost: wanted a name and keys, got none');
  }
  const wanted = { name, subnets: [], roles: ['client' as const], tags: [], endpoints: [] };
  return newMember(settings, wanted, { identityKey, wireGuardKey }, nextAddress(settings, members));
}

/** One write for all of them: `member add` reads and checks every member each time. Gives how many members there are. */
export function changeGhosts(mesh: Mesh, come: number, go = 0): number {
  const folder = new Folder(join(mesh.folder, 'network'));
  const settings = readSettings(folder);
  const { members } = readContent(folder, settings);
  const going = new Set(members.filter(({ name }) => name.startsWith(prefix)).slice(0, go));
  const next = members.filter((member) => !going.has(member));
  for (let count = 0; count < come; count += 1) next.push(ghostBeside(next, settings));
  writeMembers(folder, next);
  return next.length;
}
