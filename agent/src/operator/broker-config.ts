/**
 * The files with which mosquitto (2.0 or later) serves one network.
 * In: where it listens, the network, its users. Out: the text of mosquitto.conf, of the ACL and of the password file.
 * Specified in mosquitto.conf(5). The broker needs no trust: what it is told to forbid keeps one router from troubling
 * another, and keeps nobody from being believed.
 */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { maxEnvelopeBytes, maxMembers, maxPartBytes, maxParts } from '../trust/limits.ts';
import type { NetworkId } from '../trust/types.ts';

export interface BrokerUser {
  readonly name: string;
  readonly password: string;
  /** A router's client id must be its node id: that is what the ACL lets it write. */
  readonly role: 'router' | 'operator';
}

export interface MosquittoTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Whether a client must have a certificate of that CA, beside its password. */
  readonly requireCertificate?: boolean;
}

export interface MosquittoSettings {
  readonly listenPort: number;
  /** Where `acl` and `passwords` will lie. */
  readonly folder: string;
  readonly network: NetworkId;
  /** `undefined` serves passwords and messages in the clear. */
  readonly tls: MosquittoTls | undefined;
  readonly users: readonly BrokerUser[];
  /** Where retained messages outlive the broker; without it they are gone when it stops. */
  readonly persistenceFolder?: string;
}

export type MosquittoFiles = Readonly<Record<'mosquitto.conf' | 'acl' | 'passwords', string>>;

/** Throws `RangeError` for a value that one of the files cannot hold. */
export function mosquittoConfig(settings: MosquittoSettings): MosquittoFiles {
  const names = settings.users.map(({ name }) => checked('a user name of A-Z a-z 0-9 . _ -', name, /^[\w.-]+$/));
  if (new Set(names).size < names.length) throw new RangeError(`wanted each user once, got ${names.join(' ')}`);
  return {
    'mosquitto.conf': lines(configOf(settings)),
    acl: lines(aclOf(settings)),
    passwords: lines(settings.users.map(({ name, password }) => `${name}:${mosquittoPassword(password)}`)),
  };
}

/** Each login costs the broker's one thread about 5 ms: after a restart 1,000 routers are back in 5 s. */
const iterations = 5_000;
const saltBytes = 12;
const hashBytes = 64;

/** Mosquitto's `$7$` form: PBKDF2 with HMAC-SHA-512 (RFC 8018), iterations, salt and hash. */
export function mosquittoPassword(password: string, salt: Uint8Array = randomBytes(saltBytes)): string {
  if (password === '') throw new RangeError('wanted a password, got an empty one');
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512');
  return `$7$${iterations}$${Buffer.from(salt).toString('base64')}$${hash.toString('base64')}`;
}

function configOf({ listenPort, folder, tls, persistenceFolder }: MosquittoSettings): string[] {
  if (!Number.isInteger(listenPort) || listenPort < 1 || listenPort > 65_535) {
    throw new RangeError(`wanted a port of 1 to 65535, got ${listenPort}`);
  }
  const inFolder = path(folder).replace(/\/$/, '');
  const largest = Math.max(maxPartBytes, maxEnvelopeBytes);
  return [
    'per_listener_settings false',
    'allow_anonymous false',
    'allow_zero_length_clientid false',
    `password_file ${inFolder}/passwords`,
    `acl_file ${inFolder}/acl`,
    `message_size_limit ${largest}`,
    // The limit above looks at a message that was read; this one refuses to read it.
    `max_packet_size ${largest + 4_096}`,
    'max_inflight_messages 20',
    // All that is retained, for one who subscribes to all of it: what does not fit is lost without a word.
    `max_queued_messages ${2 * maxMembers + maxParts}`,
    'persistent_client_expiration 1d',
    'set_tcp_nodelay true',
    'log_dest stderr',
    'log_type error',
    'log_type warning',
    'log_type notice',
    ...(persistenceFolder === undefined
      ? ['persistence false']
      : ['persistence true', `persistence_location ${path(persistenceFolder).replace(/\/?$/, '/')}`]),
    `listener ${listenPort}`,
    ...(tls === undefined ? [] : tlsOf(tls)),
  ];
}

function tlsOf({ caFile, certFile, keyFile, requireCertificate = false }: MosquittoTls): string[] {
  return [
    `cafile ${path(caFile)}`,
    `certfile ${path(certFile)}`,
    `keyfile ${path(keyFile)}`,
    'tls_version tlsv1.2',
    `require_certificate ${requireCertificate}`,
  ];
}

/** Patterns hold for every user; the topics after a user's name hold for that user. */
function aclOf({ network, users }: MosquittoSettings): string[] {
  const base = `rustynet/1/${checked('a network id of 32 hex digits', network, /^[0-9a-f]{32}$/)}`;
  const own = [`${base}/node/%c/status`, `${base}/node/%c/hint`, `${base}/join/%c`];
  const read = [`${base}/root/#`, `${base}/map`, `${base}/part/#`, `${base}/node/#`];
  return [
    ...own.map((topic) => `pattern write ${topic}`),
    ...users.flatMap(({ name, role }) => [
      '',
      `user ${name}`,
      ...(role === 'operator' ? [`topic readwrite ${base}/#`] : read.map((topic) => `topic read ${topic}`)),
    ]),
  ];
}

function checked(wanted: string, got: string, pattern: RegExp): string {
  if (!pattern.test(got)) throw new RangeError(`wanted ${wanted}, got ${JSON.stringify(got)}`);
  return got;
}

/** A line break in a path would add lines of its own to the configuration. */
const pathPattern = /^\/[^\p{Cc}]*$/u;
export const pathWords = 'an absolute path without control characters';

function path(text: string): string {
  return checked(pathWords, text, pathPattern);
}

/** A path at the broker. */
export function parsePath(text: string): string | undefined {
  return pathPattern.test(text) ? text : undefined;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
