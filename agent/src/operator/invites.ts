/**
 * The one-time invites of a network: invites/<id>.json says whom one lets in, and never changes; invites/<id>.end.json says
 * how it ended, and is made once, by link(2), so that of any number of processes one alone ends an invite, and a crash ends
 * it or does not. invites/keys/<id> is what a proof is checked with, for this computer alone: git is told to leave it out,
 * and it goes when the invite has ended. In and out: the folder.
 */
import { readJson } from '../trust/json.ts';
import { maxEndpoints, maxSubnets, maxTags } from '../trust/limits.ts';
import { refusing } from '../trust/refuse.ts';
import { integer, list, oneOf, record, set, text } from '../trust/shape.ts';
import type { IdentityKey, InviteId, InviteKey, Label, Member, NodeId, WireGuardKey } from '../trust/types.ts';
import { nodeIdOf, parseEndpoint, parseIdentityKey, parseInviteId, parseInviteKey } from '../trust/words.ts';
import { parseLabel, parseWireGuardKey } from '../trust/words.ts';
import { parseCidr } from '../trust/ip.ts';
import { prettyJson, type Folder } from './folder.ts';
import { believed, Refused } from './refused.ts';
import { roles } from './roles.ts';

/** What a member is beside its keys and addresses. */
export type Wanted = Pick<Member, 'name' | 'subnets' | 'roles' | 'tags' | 'endpoints'>;

export interface InviteRecord extends Wanted {
  readonly id: InviteId;
  readonly createdUnixS: number;
  readonly expiresUnixS: number;
}
export type InviteEnd =
  | { readonly state: 'expired' | 'revoked'; readonly atUnixS: number }
  | {
      readonly state: 'used';
      readonly atUnixS: number;
      readonly identityKey: IdentityKey;
      readonly wireGuardKey: WireGuardKey;
      /** False between the end of the invite and its router in members.json. */
      readonly isAdded: boolean;
    };
export interface StoredInvite extends InviteRecord {
  readonly end: InviteEnd | undefined;
}
export type InviteState = 'created' | InviteEnd['state'];

const inviteFile = (id: InviteId): string => `invites/${id}.json`;
const endFile = (id: InviteId): string => `invites/${id}.end.json`;
const keysFolder = 'invites/keys';
const keyFile = (id: InviteId): string => `${keysFolder}/${id}`;
const secretMode = 0o600;
const maxFileBytes = 64 * 1024;

const time = integer(0, Number.MAX_SAFE_INTEGER);
const inviteShape = record({
  format: integer(1, 1),
  id: text('an invite id, 16 hex digits', parseInviteId),
  name: text('a label of RFC 1123, lower case', parseLabel),
  subnets: list(text('a prefix without host bits', parseCidr), 0, maxSubnets),
  roles: set(oneOf(roles), 1, roles.length),
  tags: list(text('a label of RFC 1123, lower case', parseLabel), 0, maxTags),
  endpoints: list(text('host:port', parseEndpoint), 0, maxEndpoints),
  created: time,
  expires: time,
});
const unusedShape = record({ format: integer(1, 1), state: oneOf(['expired', 'revoked']), at: time });
const usedShape = record({
  format: integer(1, 1),
  state: oneOf(['used']),
  at: time,
  identity: text('an Ed25519 public key, hex', parseIdentityKey),
  wireguard: text('a WireGuard public key, base64', parseWireGuardKey),
  added: oneOf(['no', 'yes']),
});

function decodeEnd(bytes: Uint8Array): InviteEnd {
  const value = readJson(bytes, maxFileBytes);
  if (!(value instanceof Map) || value.get('state') !== 'used') {
    const { state, at: atUnixS } = unusedShape(value, '$');
    return { state, atUnixS };
  }
  const { state, at: atUnixS, identity: identityKey, wireguard: wireGuardKey, added } = usedShape(value, '$');
  return { state, atUnixS, identityKey, wireGuardKey, isAdded: added === 'yes' };
}

function encodeEnd(end: InviteEnd): string {
  const { state, atUnixS: at } = end;
  if (end.state !== 'used') return prettyJson({ format: 1, state, at });
  const { identityKey: identity, wireGuardKey: wireguard, isAdded } = end;
  return prettyJson({ format: 1, state, at, identity, wireguard, added: isAdded ? 'yes' : 'no' });
}

export function readInvite(folder: Folder, id: InviteId): StoredInvite | undefined {
  const [bytes, ended] = [folder.read(inviteFile(id)), folder.read(endFile(id))];
  if (bytes === undefined) return undefined;
  const read = refusing(() => inviteShape(readJson(bytes, maxFileBytes), '$'));
  const { id: own, name, subnets, roles: may, tags, endpoints, created, expires } = believed(read, inviteFile(id));
  if (own !== id) throw new Refused('malformed', `${inviteFile(id)}: wanted the invite ${id}, got ${own}`);
  const end = ended === undefined ? undefined : refusing(() => decodeEnd(ended));
  const wanted = { name, subnets, roles: may, tags, endpoints };
  const times = { createdUnixS: created, expiresUnixS: expires };
  return { id, ...wanted, ...times, end: end && believed(end, endFile(id)) };
}

/** Oldest first. */
export function listInvites(folder: Folder): readonly StoredInvite[] {
  const ids = folder.list('invites').map((name) => parseInviteId(name.replace(/\.json$/, '')));
  const found = ids
    .flatMap((id) => (id === undefined ? [] : [readInvite(folder, id)]))
    .filter((each) => each !== undefined);
  return found.sort((left, right) => left.createdUnixS - right.createdUnixS);
}

export function writeInvite(folder: Folder, invite: InviteRecord, key: InviteKey): void {
  const { id, name, subnets, roles: may, tags, endpoints, createdUnixS: created, expiresUnixS: expires } = invite;
  folder.write(`${keysFolder}/.gitignore`, '*\n');
  folder.writeNew(keyFile(id), `${key}\n`, secretMode);
  const fields = { format: 1, id, name, subnets, roles: may, tags, endpoints, created, expires };
  folder.writeNew(inviteFile(id), prettyJson(fields));
}

export function keyOfInvite(folder: Folder, id: InviteId): InviteKey | undefined {
  return parseInviteKey(new TextDecoder().decode(folder.read(keyFile(id))).trimEnd());
}

/** An end that waits for its crash to be found counts already. */
export function stateOf({ end, expiresUnixS }: StoredInvite, nowUnixS: number): InviteState {
  return end?.state ?? (nowUnixS >= expiresUnixS ? 'expired' : 'created');
}

export function nodeOf(end: InviteEnd | undefined): NodeId | undefined {
  return end?.state === 'used' ? nodeIdOf(end.identityKey) : undefined;
}

/** False when it had ended before: nothing was changed then. */
export function endInvite(folder: Folder, id: InviteId, end: InviteEnd): boolean {
  try {
    folder.writeNew(endFile(id), encodeEnd(end));
  } catch (error) {
    if (error instanceof Refused && error.code === 'exists') return false;
    throw error;
  }
  // The key of one that was used is needed until its router is a member: a crash before that is made good by its request.
  if (end.state !== 'used') folder.remove(keyFile(id));
  return true;
}

/** Its router is in members.json: from now on nothing that it asks is heard, also after it was removed. */
function settle(folder: Folder, id: InviteId, end: InviteEnd & { readonly state: 'used' }): void {
  folder.write(endFile(id), encodeEnd({ ...end, isAdded: true }));
  folder.remove(keyFile(id));
}

/** Ends what has ended by the clock, and finishes what a crash left: before anything else is done with members. */
export function tidyInvites(folder: Folder, members: readonly Member[], nowUnixS: number): void {
  for (const { id, end, expiresUnixS } of listInvites(folder)) {
    if (end === undefined && nowUnixS >= expiresUnixS) endInvite(folder, id, { state: 'expired', atUnixS: nowUnixS });
    else if (end?.state !== 'used') continue;
    else if (end.isAdded) folder.remove(keyFile(id));
    else if (members.some(({ identityKey }) => identityKey === end.identityKey)) settle(folder, id, end);
  }
}

export function requireNoInvite(folder: Folder, name: Label, nowUnixS: number): void {
  const taken = listInvites(folder).find((each) => each.name === name && stateOf(each, nowUnixS) === 'created');
  if (taken === undefined) return;
  throw new Refused(
    'exists',
    `wanted a name that no open invite has, got ${name} of invite ${taken.id}: revoke it first`,
  );
}
