// Members that nobody is: peers of the routers that never answer. In: a mesh, how many of them go and come. Out: who are
// members then, in members.json, which is not signed yet.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { readContent, writeMembers } from '../../agent/src/operator/content.ts';
import { Folder } from '../../agent/src/operator/folder.ts';
import { newMember, nextAddress, type MemberKeys } from '../../agent/src/operator/members.ts';
import { readSettings, type Settings } from '../../agent/src/operator/settings.ts';
import type { IdentityKey, Ip, Label, Member, WireGuardKey } from '../../agent/src/trust/types.ts';
import type { Mesh } from '../topology/mesh.ts';

const prefix = 'ghost-';

/** Of nobody: the private ones are kept nowhere. */
export function newKeys(): MemberKeys {
  const identityKey = Buffer.from(ed25519.getPublicKey(randomBytes(32))).toString('hex') as IdentityKey;
  const wireGuardKey = Buffer.from(x25519.getPublicKey(randomBytes(32))).toString('base64') as WireGuardKey;
  return { identityKey, wireGuardKey };
}

/** One that has nothing but its address; `name` is a label. */
export function ghost(settings: Settings, name: string, address: Ip): Member {
  const wanted = { name: name as Label, subnets: [], roles: ['client'], tags: [], endpoints: [] } as const;
  return newMember(settings, wanted, newKeys(), address);
}

/** One write for all of them: `member add` reads and checks every member each time. */
export function changeGhosts(mesh: Mesh, come: number, go = 0): void {
  const folder = new Folder(join(mesh.folder, 'network'));
  const settings = readSettings(folder);
  const { members } = readContent(folder, settings);
  const going = new Set(members.filter(({ name }) => name.startsWith(prefix)).slice(0, go));
  if (going.size < go) throw new Error(`ghosts: wanted ${go} that go, got ${going.size}`);
  const next = members.filter((member) => !going.has(member));
  for (let count = 0; count < come; count += 1) {
    next.push(ghost(settings, `${prefix}${randomBytes(6).toString('hex')}`, nextAddress(settings, next)));
  }
  writeMembers(folder, next);
}
