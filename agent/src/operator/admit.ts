/**
 * One router in, by its request and the invite that it proved to hold. In: the folder, for this process alone (alone.ts).
 * Out: a member in members.json, once an invite. The order: see that it fits, end the invite, add the member, note that.
 * A crash before the end changes nothing. After it, the invite is used and only the same router's request goes on from
 * there; when members.json has it, its request is never heard again, also after it was removed.
 */
import type { JoinRequest } from '../trust/join.ts';
import type { Member } from '../trust/types.ts';
import { nodeIdOf } from '../trust/words.ts';
import { checkedContent, readContent, writeMembers } from './content.ts';
import type { Folder } from './folder.ts';
import { endInvite, nodeOf, readInvite, stateOf, tidyInvites, type InviteEnd } from './invites.ts';
import { newMember, nextAddress } from './members.ts';
import { fail } from './refused.ts';
import { readSettings } from './settings.ts';

/** Throws `Refused`: unknown-invite, used, expired, revoked; conflict or full where the member does not fit. */
export function admit(folder: Folder, request: JoinRequest, nowUnixS: number): Member {
  const settings = readSettings(folder);
  const content = readContent(folder, settings);
  tidyInvites(folder, content.members, nowUnixS);
  const { invite: id, identityKey, wireGuardKey } = request;
  const invite = readInvite(folder, id) ?? fail('unknown-invite', `wanted an invite of this folder, got ${id}`);
  const state = stateOf(invite, nowUnixS);
  const { end } = invite;
  const isCutOff = end?.state === 'used' && !end.isAdded && end.identityKey === identityKey;
  if (state !== 'created' && !isCutOff) {
    const by = end?.state === 'used' ? ` by node ${nodeOf(end)}` : '';
    fail(state, `wanted an invite that is open, got ${id}, ${state}${by}`);
  }
  // What was written when it ended is what holds.
  const keys = end?.state === 'used' ? end : { identityKey, wireGuardKey };
  const own = { identityKey: keys.identityKey, wireGuardKey: keys.wireGuardKey };
  const member = newMember(settings, invite, own, nextAddress(settings, content.members));
  const next = checkedContent(settings, { ...content, members: [...content.members, member] });
  const used: InviteEnd = { state: 'used', atUnixS: nowUnixS, ...own, isAdded: false };
  if (end === undefined && !endInvite(folder, id, used)) {
    fail('used', `wanted an invite that is open, got ${id}, which ended just now; node ${nodeIdOf(identityKey)} waits`);
  }
  writeMembers(folder, next.members);
  tidyInvites(folder, next.members, nowUnixS);
  return member;
}
