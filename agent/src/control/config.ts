/**
 * The router's own choices. In: options of the UCI section `rustynet.main`, strings as rpcd gives them.
 * Out: a configuration, or Fault `SETTINGS` that names the option, what was wanted and what was there.
 */
import type { Choices } from '../policy/desired.ts';
import { parseCidr } from '../trust/ip.ts';
import type { Cidr, NetworkId } from '../trust/types.ts';
import { parseLabel, parseNetworkId } from '../trust/words.ts';
import { Fault, type JsonObject } from './ports.ts';

export interface Membership {
  readonly network: NetworkId;
  readonly brokerUrl: string;
  readonly username: string | undefined;
}
export interface Config {
  readonly enabled: boolean;
  /** Whether a person on this router may override it (control/break-glass.ts). */
  readonly breakGlass: boolean;
  readonly choices: Choices;
  /** `undefined` before the router joined. */
  readonly membership: Membership | undefined;
}

export function settingsFault(option: string, wanted: string, got: unknown): Fault {
  const subject = `rustynet.main.${option}`;
  const seen = got === undefined ? 'none' : JSON.stringify(got);
  return new Fault('SETTINGS', subject, `${subject}: wanted ${wanted}, got ${seen}`);
}

function integer(options: JsonObject, option: string, otherwise: number, min: number, max: number): number {
  const value = options[option] ?? String(otherwise);
  const number = typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw settingsFault(option, `an integer from ${min} to ${max}`, value);
}

function flag(options: JsonObject, option: string): boolean {
  const value = options[option] ?? '0';
  if (value === '0' || value === '1') return value === '1';
  throw settingsFault(option, '0 or 1', value);
}

/** A UCI list; an option with one value counts as a list of it. */
function list<Word>(
  options: JsonObject,
  option: string,
  wanted: string,
  parse: (text: string) => Word | undefined,
): readonly Word[] {
  const value = options[option] ?? [];
  return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map((each) => {
    const word = typeof each === 'string' ? parse(each) : undefined;
    if (word === undefined) throw settingsFault(option, wanted, each);
    return word;
  });
}

/** mwan3 has 0x3f00, pbr and Tailscale 0xff0000: this bit and the two below it stay clear of them. */
function mark(options: JsonObject): number {
  const { mark: value = '0x08000000' } = options;
  const bit = typeof value === 'string' && /^0x[0-9a-f]{1,8}$/.test(value) ? Math.log2(Number(value)) : Number.NaN;
  if (Number.isInteger(bit) && ((bit >= 2 && bit <= 7) || (bit >= 26 && bit <= 30))) return 2 ** bit;
  throw settingsFault('mark', 'one bit from 0x4 to 0x80 or from 0x4000000 to 0x40000000', value);
}

function mtu(options: JsonObject): number | 'auto' {
  // 1280 is the least that IPv6 (RFC 8200) lets a link have.
  return (options['mtu'] ?? 'auto') === 'auto' ? 'auto' : integer(options, 'mtu', 1420, 1280, 9000);
}

function exit(options: JsonObject): Choices['exit'] {
  const { exit: value = 'off' } = options;
  const name = typeof value === 'string' ? parseLabel(value) : undefined;
  if (name === undefined) throw settingsFault('exit', 'off, full or the name of a member', value);
  return name;
}

/** Names as netifd takes them, which stand in calls and messages. */
function networkName(text: string): string | undefined {
  return /^[A-Za-z0-9_]{1,32}$/.test(text) ? text : undefined;
}

function localNetworks(options: JsonObject): readonly string[] {
  const names = list(options, 'local_network', 'the name of an interface', networkName);
  return names.length === 0 ? ['lan'] : names;
}

function announced(options: JsonObject): readonly Cidr[] {
  return list(options, 'announce', 'a prefix without host bits', parseCidr);
}

function interfaceName(options: JsonObject): string {
  const { interface: name = 'rn0' } = options;
  // IFNAMSIZ of if.h is 16 with the closing zero; the name also stands in nft scripts.
  if (typeof name === 'string' && /^[a-z][a-z0-9_]{0,14}$/.test(name)) return name;
  throw settingsFault('interface', 'a letter, then up to 14 of a-z 0-9 _', name);
}

function membership({ network, broker, username }: JsonObject): Membership | undefined {
  if (network === undefined && broker === undefined) return undefined;
  const id = typeof network === 'string' ? parseNetworkId(network) : undefined;
  if (id === undefined) throw settingsFault('network', 'a network id, 32 hex digits', network);
  if (typeof broker !== 'string') throw settingsFault('broker', 'mqtt://host[:port] or mqtts://host[:port]', broker);
  if (username !== undefined && typeof username !== 'string') throw settingsFault('username', 'text', username);
  return { network: id, brokerUrl: broker, username };
}

export function parseConfig(options: JsonObject): Config {
  const { enabled = '1' } = options;
  if (enabled !== '0' && enabled !== '1') throw settingsFault('enabled', '0 or 1', enabled);
  return {
    enabled: enabled === '1',
    breakGlass: flag(options, 'break_glass'),
    choices: {
      interface: interfaceName(options),
      listenPort: integer(options, 'listen_port', 51820, 1, 65535),
      mtu: mtu(options),
      leaseS: integer(options, 'lease_s', 600, 30, 600),
      mark: mark(options),
      exit: exit(options),
      exitLan: flag(options, 'exit_lan'),
      offersExit: flag(options, 'offer_exit'),
      announced: announced(options),
      localNetworks: localNetworks(options),
    },
    membership: membership(options),
  };
}
