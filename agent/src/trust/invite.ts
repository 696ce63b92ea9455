/**
 * The invite: what a router needs to find a network and to know its owners, carried out of band. In: text, or what it
 * should say. Out: `rustynet1:` and base64url (RFC 4648 section 5, without padding) of strict JSON, or a refusal.
 * It is not signed: whoever hands it over is believed, so the root's digest in it decides what the router ever believes.
 */
import { encodeUtf8 } from '../wire/utf8.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { parseIp } from './ip.ts';
import { readJson, type JsonValue } from './json.ts';
import { maxVersion } from './limits.ts';
import { refuse, refusing } from './refuse.ts';
import { integer, record, text, type Shape } from './shape.ts';
import type { Digest, InviteId, InviteSecret, NetworkId, Refusal } from './types.ts';
import { parseDigest, parseHostname, parseInviteId, parseInviteSecret, parseNetworkId } from './words.ts';

const formatVersion = 1;
const prefix = 'rustynet1:';
const maxInviteBytes = 32 * 1024;
const maxCaCharacters = 24 * 1024;
const maxWordCharacters = 256;

export interface InviteBroker {
  readonly url: string;
  /** PEM of the only CAs to believe; without it the system's store. */
  readonly ca?: string;
  readonly user?: string;
  readonly password?: string;
}
export interface Invite {
  readonly network: NetworkId;
  readonly root: { readonly version: number; readonly digest: Digest };
  readonly broker: InviteBroker;
  readonly issuedUnixS: number;
  /** With it the router asks to be let in, and one router only is. Without it the operator adds the router by hand. */
  readonly once?: { readonly id: InviteId; readonly secret: InviteSecret };
}

/** `mqtt://host[:port]` or `mqtts://host[:port]`, a lower-case name, an IPv4 or a bracketed IPv6 address. */
export function parseBrokerUrl(url: string): string | undefined {
  const [, bracketed, host = '', port] =
    /^mqtts?:\/\/(?:\[([0-9a-f:]+)\]|([a-z0-9.-]+))(?::([0-9]+))?$/.exec(url) ?? [];
  const known = bracketed === undefined ? (parseIp(host) ?? parseHostname(host)) : parseIp(bracketed);
  const portFits = port === undefined || (/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= 65535);
  return known !== undefined && portFits ? url : undefined;
}

/** A user name or a password: MQTT and password files both end at a control character or before it. */
export function parseCredential(value: string): string | undefined {
  return value !== '' && value.length <= maxWordCharacters && !/\p{Cc}/u.test(value) ? value : undefined;
}

/** One PEM certificate or several, and nothing secret beside them. */
export function parseCaPem(value: string): string | undefined {
  const one = '-----BEGIN CERTIFICATE-----\\s[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----\\s*';
  return value.length <= maxCaCharacters && new RegExp(`^(?:${one})+$`).test(value) ? value : undefined;
}

const credential = text(`1 to ${maxWordCharacters} characters without control characters`, parseCredential);
const optional = {
  ca: text(`PEM certificates of at most ${maxCaCharacters} characters`, parseCaPem),
  user: credential,
  password: credential,
};
const url = text('mqtt://host[:port] or mqtts://host[:port]', parseBrokerUrl);
const broker: Shape<InviteBroker> = (value, path) => {
  const present = Object.entries(optional).filter(([key]) => value instanceof Map && value.has(key));
  const fields: InviteBroker = record({ url, ...Object.fromEntries(present) })(value, path);
  if (fields.password !== undefined && fields.user === undefined) {
    refuse('malformed', `wanted a user beside the password in ${path}, got none`);
  }
  if (fields.ca !== undefined && !fields.url.startsWith('mqtts:')) {
    refuse('malformed', `wanted mqtts:// at ${path}.url because a CA is given, got ${fields.url}`);
  }
  return fields;
};
const always = {
  format: integer(formatVersion, formatVersion),
  network: text('a network id, 32 hex digits', parseNetworkId),
  root: record({ version: integer(1, maxVersion), digest: text('a SHA-256, hex', parseDigest) }),
  broker,
  issued: integer(0, Number.MAX_SAFE_INTEGER),
};
const once = record({
  id: text('an invite id, 16 hex digits', parseInviteId),
  secret: text('a secret, 64 hex digits', parseInviteSecret),
});
const shape: Shape<Omit<Invite, 'issuedUnixS'> & { readonly issued: number }> = (value, path) =>
  value instanceof Map && value.has('once') ? record({ ...always, once })(value, path) : record(always)(value, path);

export function encodeInvite({ network, root, broker, issuedUnixS: issued, once: oneTime }: Invite): string {
  const { version, digest } = root;
  const fields = { format: formatVersion, network, root: { version, digest }, broker, issued, once: oneTime };
  const coded = encodeBase64(encodeUtf8(JSON.stringify(fields)));
  return prefix + coded.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function decodeInvite(invite: string): Invite | Refusal {
  return refusing(() => {
    if (!invite.startsWith(prefix)) {
      refuse(
        'malformed',
        `wanted text that begins with ${prefix}, got ${JSON.stringify(invite.slice(0, prefix.length))}`,
      );
    }
    const { network, root, broker: at, issued, once: oneTime } = shape(payload(invite.slice(prefix.length)), 'invite');
    return { network, root, broker: at, issuedUnixS: issued, ...(oneTime === undefined ? {} : { once: oneTime }) };
  });
}

function payload(coded: string): JsonValue {
  // Asked before it is decoded: three bytes for four characters.
  if (coded.length > Math.ceil((maxInviteBytes * 4) / 3)) {
    refuse('too-large', `wanted an invite of at most ${maxInviteBytes} bytes, got ${coded.length} characters`);
  }
  const standard = coded.replaceAll('-', '+').replaceAll('_', '/');
  const padded = standard.padEnd(Math.ceil(coded.length / 4) * 4, '=');
  const bytes = /^[A-Za-z0-9_-]*$/.test(coded) ? decodeBase64(padded) : undefined;
  if (bytes === undefined)
    refuse('malformed', `wanted base64url after ${prefix}, got ${coded.length} characters that are not`);
  return readJson(bytes, maxInviteBytes);
}
