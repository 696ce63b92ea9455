/**
 * The ruleset of firewall4 for a configuration.
 * In: the sections of /etc/config/firewall and netifd's networks. Out: text for `nft -f`, byte for byte what fw4
 * printed where fw4/*.nft has a recording of it. Sections that the stand-in does not know are reported.
 */
import type { UciSection } from '../uci/file.ts';
import { type Chains, nftSet, quote, readRules } from './rules.ts';
import { type Defaults, type Network, readDefaults, readZones, type Verdict, type Warn, type Zone } from './zones.ts';

const known = ['defaults', 'zone', 'rule', 'forwarding'];
const both = 'IPv4/IPv6';

function chain(name: string, lines: readonly string[]): string[] {
  return [`\tchain ${name} {`, ...lines.map((line) => (line === '' ? '' : `\t\t${line}`)), '\t}', ''];
}

function heading(title: string): string[] {
  return ['\t#', `\t# ${title}`, '\t#', ''];
}

function deviceMatch(direction: 'iifname' | 'oifname', { devices }: Zone): string {
  return `${direction} ${nftSet(devices.map(quote))}`;
}

function comment(text: string): string {
  return `comment ${quote(`!fw4: ${text}`)}`;
}

/** Zones without a device match nothing, so no line names them. */
function present(zones: readonly Zone[]): Zone[] {
  return zones.filter(({ devices }) => devices.length > 0);
}

function jumps(zones: readonly Zone[], direction: string, match: 'iifname' | 'oifname', kind = 'traffic'): string[] {
  return present(zones).map((zone) => {
    const note = comment(`Handle ${zone.name} ${both} ${direction} ${kind}`);
    return `${deviceMatch(match, zone)} jump ${direction}_${zone.name} ${note}`;
  });
}

function policy(verdict: Verdict): string {
  return verdict === 'accept' ? 'accept' : 'drop';
}

function established({ dropsInvalid }: Defaults, what: string): string {
  const invalid = dropsInvalid ? ', invalid : drop' : '';
  return `ct state vmap { established : accept, related : accept${invalid} } ${comment(`Handle ${what} flows`)}`;
}

function baseChains(defaults: Defaults, zones: readonly Zone[], rules: Chains): string[] {
  const rejects = (verdict: Verdict): string[] => (verdict === 'reject' ? ['jump handle_reject'] : []);
  const syn = `tcp flags & (fin | syn | rst | ack) == syn jump syn_flood ${comment('Rate limit TCP syn packets')}`;
  const helped = zones.filter((zone) => !zone.masquerades);
  return [
    ...chain('input', [
      `type filter hook input priority filter; policy ${policy(defaults.input)};`,
      '',
      `iif "lo" accept ${comment('Accept traffic from loopback')}`,
      '',
      established(defaults, 'inbound'),
      ...(defaults.limitsSyn ? [syn] : []),
      ...(rules.get('input') ?? []),
      ...jumps(zones, 'input', 'iifname'),
      ...rejects(defaults.input),
    ]),
    ...chain('forward', [
      `type filter hook forward priority filter; policy ${policy(defaults.forward)};`,
      '',
      established(defaults, 'forwarded'),
      ...(rules.get('forward') ?? []),
      ...jumps(zones, 'forward', 'iifname'),
      ...rejects(defaults.forward),
    ]),
    ...chain('output', [
      `type filter hook output priority filter; policy ${policy(defaults.output)};`,
      '',
      `oif "lo" accept ${comment('Accept traffic towards loopback')}`,
      '',
      established(defaults, 'outbound'),
      ...(rules.get('output') ?? []),
      ...jumps(zones, 'output', 'oifname'),
      ...rejects(defaults.output),
    ]),
    ...chain('prerouting', [
      'type filter hook prerouting priority filter; policy accept;',
      ...jumps(helped, 'helper', 'iifname', 'assignment'),
    ]),
    ...chain('handle_reject', [
      `meta l4proto tcp reject with tcp reset ${comment('Reject TCP traffic')}`,
      `reject with icmpx type port-unreachable ${comment('Reject any other traffic')}`,
    ]),
    ...(defaults.limitsSyn
      ? chain('syn_flood', [
          `limit rate 25/second burst 50 packets return ${comment('Accept SYN packets below rate-limit')}`,
          `drop ${comment('Drop excess packets')}`,
        ])
      : []),
  ];
}

function verdictLine(zone: Zone, verdict: Verdict, match: 'iifname' | 'oifname'): string[] {
  if (zone.devices.length === 0) return [];
  const action = verdict === 'reject' ? 'jump handle_reject' : verdict;
  return [`${deviceMatch(match, zone)} counter ${action} ${comment(`${verdict} ${zone.name} ${both} traffic`)}`];
}

function zoneChains(zone: Zone, rules: Chains, { dropsInvalid }: Defaults): string[] {
  const { name } = zone;
  const lines = (direction: string): string[] => rules.get(`${direction}_${name}`) ?? [];
  const leak =
    zone.masquerades && !dropsInvalid && zone.devices.length > 0
      ? [
          `meta nfproto ipv4 ${deviceMatch('oifname', zone)} ct state invalid counter drop ${comment('Prevent NAT leakage')}`,
        ]
      : [];
  const verdicts = (['accept', 'reject', 'drop'] as const).flatMap((verdict) => [
    ...(zone.from.has(verdict) ? chain(`${verdict}_from_${name}`, verdictLine(zone, verdict, 'iifname')) : []),
    ...(zone.to.has(verdict)
      ? chain(`${verdict}_to_${name}`, [
          ...(verdict === 'accept' ? leak : []),
          ...verdictLine(zone, verdict, 'oifname'),
        ])
      : []),
  ]);
  return [
    ...chain(`input_${name}`, [...lines('input'), `jump ${zone.input}_from_${name}`]),
    ...chain(`output_${name}`, [...lines('output'), `jump ${zone.output}_to_${name}`]),
    ...chain(`forward_${name}`, [...lines('forward'), `jump ${zone.forward}_to_${name}`]),
    ...(zone.masquerades ? [] : chain(`helper_${name}`, [])),
    ...verdicts,
  ];
}

function natChains(zones: readonly Zone[]): string[] {
  const masquerading = zones.filter((zone) => zone.masquerades);
  return [
    ...chain('dstnat', ['type nat hook prerouting priority dstnat; policy accept;']),
    ...chain('srcnat', [
      'type nat hook postrouting priority srcnat; policy accept;',
      ...jumps(masquerading, 'srcnat', 'oifname'),
    ]),
    ...masquerading.flatMap(({ name }) =>
      chain(`srcnat_${name}`, [`meta nfproto ipv4 masquerade ${comment(`Masquerade IPv4 ${name} traffic`)}`]),
    ),
  ];
}

function hooks(zones: readonly Zone[]): string[] {
  const fix = (direction: 'ingress' | 'egress'): string[] =>
    present(zones.filter(({ fixesMtu }) => fixesMtu)).map((zone) => {
      const match = deviceMatch(direction === 'egress' ? 'oifname' : 'iifname', zone);
      const note = comment(`Zone ${zone.name} ${both} ${direction} MTU fixing`);
      return `${match} tcp flags syn / syn,fin,rst tcp option maxseg size set rt mtu ${note}`;
    });
  const hook = (name: string, type: string, at: string, priority: string, lines: readonly string[] = []): string[] =>
    chain(name, [`type ${type} hook ${at} priority ${priority}; policy accept;`, ...lines]);
  return [
    ...heading('Raw rules (notrack)'),
    ...hook('raw_prerouting', 'filter', 'prerouting', 'raw'),
    ...hook('raw_output', 'filter', 'output', 'raw'),
    '',
    ...heading('Mangle rules'),
    ...hook('mangle_prerouting', 'filter', 'prerouting', 'mangle'),
    ...hook('mangle_postrouting', 'filter', 'postrouting', 'mangle', fix('egress')),
    ...hook('mangle_input', 'filter', 'input', 'mangle'),
    ...hook('mangle_output', 'route', 'output', 'mangle'),
    ...hook('mangle_forward', 'filter', 'forward', 'mangle', fix('ingress')),
  ];
}

function defines({ name, devices, subnets }: Zone): string[] {
  const variable = /^\d/.test(name) ? `_${name}` : name;
  return [
    `\tdefine ${variable}_devices = ${nftSet(devices.map(quote), true)}`,
    `\tdefine ${variable}_subnets = ${nftSet(subnets, true)}`,
    '',
  ];
}

/** The whole ruleset. */
export function renderRuleset(
  sections: readonly UciSection[],
  networks: ReadonlyMap<string, Network>,
  warn: Warn,
): string {
  for (const { type, name } of sections.filter((section) => !known.includes(section.type))) {
    warn(`${type} ${name}: the stand-in does not render sections of this type`);
  }
  const defaults = readDefaults(sections, warn);
  const zones = readZones(sections, defaults, networks, warn);
  const rules = readRules(sections, zones, warn);
  const body = [
    ...heading('Defines'),
    ...zones.flatMap(defines),
    '',
    ...heading('User includes'),
    '\tinclude "/etc/nftables.d/*.nft"',
    '',
    '',
    ...heading('Filter rules'),
    ...baseChains(defaults, zones, rules),
    ...zones.flatMap((zone) => zoneChains(zone, rules, defaults)),
    '',
    ...heading('NAT rules'),
    ...natChains(zones),
    '',
    ...hooks(zones).slice(0, -1),
  ];
  return ['table inet fw4', 'flush table inet fw4', '', 'table inet fw4 {', ...body, '}', ''].join('\n');
}
