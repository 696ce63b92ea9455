/**
 * `invite`, `invite list`, `invite revoke`. In: the folder, a login, and, for a router that asks by itself, a name and what
 * it shall be. Out: the pin, the network and the way to the broker as one line of text; with a name, also a secret that
 * lets one router in. The secret is in that line and nowhere else.
 */
import { randomBytes } from 'node:crypto';
import { renderUnicodeCompact } from 'uqr';
import { encodeBase64 } from '../trust/base64.ts';
import { decodeInvite, encodeInvite, type Invite } from '../trust/invite.ts';
import { inviteKeyOf } from '../trust/join.ts';
import type { InviteId, InviteSecret, Label, WireGuardKey } from '../trust/types.ts';
import { parseLabel } from '../trust/words.ts';
import type { Given, Options } from './args.ts';
import { checkedContent, readContent } from './content.ts';
import type { Folder } from './folder.ts';
import { endInvite, listInvites, nodeOf, readInvite, requireNoInvite, stateOf, tidyInvites } from './invites.ts';
import { writeInvite, type InviteRecord, type StoredInvite } from './invites.ts';
import { newSigner } from './keys.ts';
import { loginOptions, readLogin } from './login.ts';
import { decided, memberOptions, newMember, nextAddress } from './members.ts';
import { believed, fail, misuse } from './refused.ts';
import { roleWarnings } from './roles.ts';
import { readSettings, type Settings } from './settings.ts';
import { newest, readRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatTime, left, parseDurationS } from './times.ts';

const minTtlS = 60;
const maxTtlS = 30 * 86_400;

export const inviteOptions = {
  name: { value: 'NAME', help: 'let one router in, as NAME; without it the invite lets nobody in by itself' },
  ttl: { value: 'TIME', help: 'with --name: for how long, 1m to 30d' },
  qr: { help: 'show it as a QR code, too, for a camera' },
  ...memberOptions,
  ...loginOptions,
} satisfies Options;

function ttlS(given: Given): number {
  const wanted = 'a time from 1m to 30d, as 90m, 1h or 7d,';
  return given.parsedNeeded('ttl', wanted, (text) => {
    const durationS = parseDurationS(text);
    return durationS !== undefined && durationS >= minTtlS && durationS <= maxTtlS ? durationS : undefined;
  });
}

/** Version 40 of ISO/IEC 18004 with the least error correction, in bytes. */
const maxQrBytes = 2953;

function qrLines(text: string): readonly string[] {
  if (text.length > maxQrBytes) {
    fail('invite-length', `wanted at most ${maxQrBytes} bytes for a QR code, got an invite of ${text.length}`);
  }
  return renderUnicodeCompact(text, { ecc: 'L' }).split('\n');
}

/** What can be known to fail at approval fails now. */
function requireFits({ folder }: Call, settings: Settings, invite: InviteRecord, nowUnixS: number): void {
  const content = readContent(folder, settings);
  tidyInvites(folder, content.members, nowUnixS);
  requireNoInvite(folder, invite.name, nowUnixS);
  // Keys of nobody: whichever the router has, all else is as it will be.
  const wireGuardKey = encodeBase64(randomBytes(32)) as WireGuardKey;
  const keys = { identityKey: newSigner().key, wireGuardKey };
  const member = newMember(settings, invite, keys, nextAddress(settings, content.members));
  checkedContent(settings, { ...content, members: [...content.members, member] });
}

interface OneTime {
  readonly record: InviteRecord;
  readonly once: NonNullable<Invite['once']>;
}

function oneTime(call: Call, settings: Settings, name: Label, nowUnixS: number): OneTime {
  const { given } = call;
  const id = randomBytes(8).toString('hex') as InviteId;
  const expiresUnixS = nowUnixS + ttlS(given);
  const record = { id, name, ...decided(given), createdUnixS: nowUnixS, expiresUnixS };
  requireFits(call, settings, record, nowUnixS);
  const secret = randomBytes(32).toString('hex') as InviteSecret;
  return { record, once: { id, secret } };
}

export async function invite(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const settings = readSettings(folder);
  const { root } = newest(readRoots(folder, settings));
  const broker = readLogin(given, settings);
  const { version, digest } = root;
  const nowUnixS = around.nowUnixS();
  const name = given.parsed('name', 'a label of RFC 1123, lower case,', parseLabel);
  const stray = ['ttl', ...Object.keys(memberOptions)].find((option) => given.flag(option));
  if (name === undefined && stray !== undefined) misuse(`wanted --name with --${stray}, got none`);
  const made = name === undefined ? undefined : oneTime(call, settings, name, nowUnixS);
  const { network } = settings;
  const always = { network, root: { version, digest }, broker, issuedUnixS: nowUnixS };
  const text = encodeInvite(made === undefined ? always : { ...always, once: made.once });
  believed(decodeInvite(text), 'the invite');
  const lines = [text, ...(given.flag('qr') ? qrLines(text) : [])];
  if (made !== undefined) writeInvite(folder, made.record, inviteKeyOf(made.once.secret, network, made.once.id));
  const secrets = [
    ...(broker.password === undefined ? [] : ["it holds the broker's password: hand it over as a secret"]),
    ...(made === undefined ? [] : [`${describeOpen(made.record)}: hand it over as a secret`]),
  ];
  return {
    lines,
    warnings: [...secrets, ...roleWarnings(made?.record.roles ?? [])],
    value: {
      ...{ invite: text, network, root: { version, digest } },
      ...(made === undefined ? {} : { id: made.record.id, name, expires: made.record.expiresUnixS }),
    },
  };
}

function describeOpen({ id, name, expiresUnixS }: InviteRecord): string {
  return `invite ${id} lets one router in, as ${name}, until ${formatTime(expiresUnixS)}`;
}

function describeState(each: StoredInvite, nowUnixS: number): string {
  const { end, expiresUnixS } = each;
  const state = stateOf(each, nowUnixS);
  if (state === 'created') return `created, ends ${left(expiresUnixS, nowUnixS)}`;
  if (end?.state !== 'used') return state;
  const by = `used by node ${nodeOf(end)}`;
  if (end.isAdded) return by;
  const { identityKey, wireGuardKey } = end;
  const add = `member add ${each.name} --identity ${identityKey} --wireguard ${wireGuardKey}`;
  return `${by}, not added yet: approve it again while it asks, or ${add}`;
}

export async function listInviteVerb({ folder, around }: Call): Promise<Answer> {
  readSettings(folder);
  const nowUnixS = around.nowUnixS();
  const invites = listInvites(folder);
  const lines = invites.map((each) => `${each.id}  ${each.name}  ${describeState(each, nowUnixS)}`);
  const plain = invites.map((each) => {
    const { id, name, subnets, roles, tags, endpoints, createdUnixS: created, expiresUnixS: expires, end } = each;
    const used = end?.state === 'used' ? { node: nodeOf(end), added: end.isAdded } : {};
    const state = stateOf(each, nowUnixS);
    return { id, name, state, subnets, roles, tags, endpoints, created, expires, ...used };
  });
  return { lines: lines.length === 0 ? ['no one-time invites'] : lines, value: { invites: plain } };
}

/** By its id, or by a name: of several, the one that is open. */
function namedInvite(folder: Folder, text: string, nowUnixS: number): StoredInvite {
  const all = listInvites(folder);
  const byName = all.filter(({ name }) => name === text);
  const open = byName.filter((each) => stateOf(each, nowUnixS) === 'created');
  const byId = all.filter(({ id }) => id === text);
  const [found, ...more] = [byId, open, byName].find(({ length }) => length > 0) ?? [];
  if (found === undefined) return fail('unknown-invite', `wanted the id or name of an invite, got ${text}`);
  if (more.length === 0) return found;
  const ids = byName.map(({ id }) => id).join(', ');
  return fail('conflict', `wanted one invite, got ${byName.length} of the name ${text}: give an id of ${ids}`);
}

export async function revokeInvite({ folder, given, around }: Call): Promise<Answer> {
  const text = given.parsedOperand(0, 'the id or name of an invite', parseLabel);
  const settings = readSettings(folder);
  const nowUnixS = around.nowUnixS();
  const { members } = readContent(folder, settings);
  tidyInvites(folder, members, nowUnixS);
  const found = namedInvite(folder, text, nowUnixS);
  const { id } = found;
  if (found.end !== undefined || !endInvite(folder, id, { state: 'revoked', atUnixS: nowUnixS })) {
    const end = readInvite(folder, id)?.end;
    const state = end?.state ?? 'none';
    const member = members.find((each) => end?.state === 'used' && each.identityKey === end.identityKey);
    const then = member === undefined ? '' : `: "member remove ${member.name}" takes its router out`;
    fail(state, `wanted an invite that is open, got ${id}, ${state} already${then}`);
  }
  return { lines: [`revoked ${id} (${found.name}): it lets nobody in`], value: { revoked: id } };
}
