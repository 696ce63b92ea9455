/** The command line's words for people. In: the daemon's JSON and the time. Out: lines. */
import type { JsonObject } from './control/ports.ts';
import { duration, time } from './trust/times.ts';

type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

function fieldsOf(data: JsonObject, key: string): Fields | undefined {
  const value = data[key];
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}

/** How the time is known. */
const clockWords: Readonly<Record<string, string>> = {
  ntp: 'set by NTP',
  signed: 'not confirmed by NTP, not before any signed time',
  unknown: 'not usable: wait for NTP',
};

function listOf(data: JsonObject, key: string): readonly string[] {
  const value = data[key];
  return Array.isArray(value) ? value.map(String) : [];
}

/** The router's own choices, and what of them the map grants. */
export function choiceLines(data: JsonObject): readonly string[] {
  const choices = (data['choices'] ?? {}) as JsonObject;
  const { exit, exit_lan: lan, offer_exit: offers } = choices;
  const announced = (Array.isArray(choices['announced']) ? choices['announced'] : []) as readonly Fields[];
  const rows = [
    ...announced.map(({ prefix, granted }) => `${prefix}${granted === true ? '' : ': not granted by the map'}`),
    ...listOf(choices, 'not_announced').map((prefix) => `${prefix}: granted by the map, not announced here`),
  ];
  const through = exit === 'off' ? 'off' : `${exit}, the LAN behind it ${lan === true ? 'on' : 'off'}`;
  return [
    `exit        ${through}; offered to others: ${offers === true ? 'yes' : 'no'}`,
    ...(rows.length === 0 ? ['nothing'] : rows).map((row, at) => `${at === 0 ? 'announced' : ''}`.padEnd(12) + row),
  ];
}

/** What a person overrode here, and until when. */
export function breakGlassLines({ allowed, open }: JsonObject): readonly string[] {
  if (open === null || open === undefined) {
    return [allowed === true ? 'not open' : 'not open, and not allowed: rustynet.main.break_glass is 0'];
  }
  const { who, reason, peer, allowed_ips: ips, endpoint, until, left_s: leftS } = open as JsonObject;
  return [
    `open until ${time(until)} (${duration(Number(leftS))}), by ${who}: ${reason}`,
    `peer ${peer}${endpoint === null ? '' : ` at ${endpoint}`}: ${(ips as readonly string[]).join(' ')}`,
  ];
}

/** What the operator is told of a router that has joined, or has another broker. */
export function joinText(data: JsonObject): string {
  const { network, node, broker, invite, identity_key: identity, wireguard_key: wireGuard } = data;
  const first = broker === undefined ? `joined network ${network} as node ${node}; ` : `its broker is ${broker} now; `;
  if (invite !== undefined)
    return `${first}waits for the operator, who compares the node:\n  rustynet-operator approve ${node}`;
  if (broker !== undefined) return `${first}all else of network ${network} stays`;
  return `${first}for the operator:\n  rustynet-operator member add NAME --identity ${identity} --wireguard ${wireGuard}`;
}

export function statusLines(data: JsonObject): readonly string[] {
  const [map, floors, broker] = ['map', 'floors', 'broker'].map((key) => fieldsOf(data, key));
  const now = Number(data['now']);
  const refused = Object.entries(fieldsOf(data, 'refusals') ?? {}).filter(([, count]) => count !== 0);
  const last = fieldsOf(data, 'last_refusal');
  const leaseS = Number(data['lease_s']);
  const glass = data['break_glass'] as JsonObject | undefined;
  return [
    `state       ${data['state']}: ${data['why']}`,
    `node        ${data['node']}${data['name'] === null ? '' : ` (${data['name']})`}`,
    `addresses   ${listOf(data, 'addresses').join(' ') || 'none'}`,
    `network     ${data['network'] ?? 'none'}`,
    map
      ? `map         epoch ${map['epoch']}, issued ${time(map['issued'])}, expires ${time(map['expires'])} (in ${duration(Number(map['expires']) - now)})`
      : 'map         none',
    floors
      ? `floors      root ${floors['root_version']}, epoch ${floors['epoch']}, time ${time(floors['time'])}`
      : 'floors      none',
    `clock       ${time(now)}, ${clockWords[String(data['clock'])] ?? 'unknown'}`,
    `lease       ${leaseS > 0 ? `closes in ${leaseS} s unless renewed` : 'none: closed'}`,
    `peers       ${data['peers']}`,
    ...(glass?.['open']
      ? breakGlassLines(glass as JsonObject).map((row, at) => `${at === 0 ? 'break-glass' : ''}`.padEnd(12) + row)
      : []),
    broker
      ? `broker      ${broker['connected'] === true ? 'connected' : 'not connected'}, ${broker['received_bytes']} bytes received`
      : 'broker      none',
    `refused     ${refused.length === 0 ? 'nothing' : refused.map(([reason, count]) => `${reason} ${count}`).join(', ')}`,
    ...(last ? [`            last: ${last['refused']}: ${last['detail']}`] : []),
    ...choiceLines(data),
    `flash       ${data['flash_writes']} writes since start`,
    ...listOf(data, 'findings').map((line) => `finding     ${line}`),
    ...listOf(data, 'problems').map((line) => `problem     ${line}`),
    ...listOf(data, 'warnings').map((line) => `warning     ${line}`),
  ];
}

function peersOf({ peers }: JsonObject): readonly Fields[] {
  return Array.isArray(peers) ? (peers as readonly Fields[]) : [];
}

/** A peer that nobody talks to is quiet, and nothing is wrong. */
function isWell({ link }: Fields): boolean {
  return link === 'up' || link === 'quiet';
}

export function peerLines(data: JsonObject, nowUnixS: number): readonly string[] {
  const head = ['NAME', 'LINK', 'HANDSHAKE', 'ENDPOINT', 'RECEIVED', 'SENT', 'ALLOWED IPS', 'WHY'];
  const rows = peersOf(data).map((peer) => {
    const handshake = Number(peer['latest_handshake']);
    return [
      peer['name'],
      peer['link'],
      handshake === 0 ? 'never' : `${duration(Math.max(0, nowUnixS - handshake))} ago`,
      peer['endpoint'] ?? '-',
      peer['received_bytes'],
      peer['sent_bytes'],
      (peer['allowed_ips'] as unknown as readonly string[]).join(' '),
      isWell(peer) ? '' : peer['why'],
    ].map(String);
  });
  const widths = head.map((title, index) => Math.max(...[head, ...rows].map((row) => (row[index] ?? title).length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export interface Check {
  readonly text: string;
  readonly good: boolean;
}

export function checkLines(checks: readonly Check[]): readonly string[] {
  return checks.map(({ text, good }) => `${good ? 'ok  ' : 'FAIL'} ${text}`);
}

export function netchecks(data: JsonObject): readonly Check[] {
  const broker = fieldsOf(data, 'broker');
  const now = Number(data['now']);
  return [
    {
      text: `clock ${time(now)}, ${clockWords[String(data['clock'])] ?? 'unknown'}`,
      good: data['clock_usable'] === true,
    },
    { text: `network ${data['network'] ?? 'none joined'}`, good: data['network'] !== null },
    {
      text: `broker ${broker?.['connected'] === true ? 'connected' : String(broker?.['last_error'] ?? 'none')}`,
      good: broker?.['connected'] === true,
    },
    { text: `state ${data['state']}: ${data['why']}`, good: data['state'] === 'enforced' },
    ...listOf(data, 'problems').map((text) => ({ text, good: false })),
    ...peersOf(data).map((peer) => ({
      text: `peer ${peer['name']} ${peer['link']}: ${peer['why']}`,
      good: isWell(peer),
    })),
  ];
}
