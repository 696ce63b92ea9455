/**
 * Rules and forwardings of /etc/config/firewall, as lines of nft.
 * In: UCI sections and the zones. Out: for each chain its lines, and the verdict chains of zones that they jump to.
 * The text is the recorded one (openwrt-25.12-firewall4.md, fw4/*.nft); a rule without protocol means tcp and udp.
 */
import type { UciSection } from '../uci/file.ts';
import { optionFlag, optionList, optionText, verdictOf, type Warn, warnUnknown, type Zone } from './zones.ts';

/** Chain names to lines. */
export type Chains = Map<string, string[]>;
type Family = 4 | 6;

const ruleOptions = ['name', 'enabled', 'src', 'dest', 'proto', 'family', 'target', 'mark', 'limit'].concat([
  'src_ip',
  'dest_ip',
  'src_port',
  'dest_port',
  'icmp_type',
]);

/** Names of ICMP types: the type alone, or with one code. */
const icmpNames: Readonly<Record<Family, Readonly<Record<string, string>>>> = {
  4: {
    'echo-request': '8',
    'echo-reply': '0',
    'destination-unreachable': '3',
    'time-exceeded': '11',
  },
  6: {
    'echo-request': '128',
    'echo-reply': '129',
    'destination-unreachable': '1',
    'packet-too-big': '2/0',
    'time-exceeded': '3',
    'bad-header': '4/0',
    'unknown-header-type': '4/1',
    'router-solicitation': '133',
    'router-advertisement': '134',
    'neighbour-solicitation': '135/0',
    'neighbour-advertisement': '136/0',
  },
};

/** One value, or a set of several. */
export function nftSet(values: readonly string[], always = false): string {
  return values.length === 1 && !always ? (values[0] ?? '') : `{ ${values.join(', ')} }`;
}

export function quote(text: string): string {
  return `"${text.replaceAll('"', '')}"`;
}

interface Match {
  readonly family: Family | undefined;
  readonly protocol: string;
  readonly types?: readonly string[];
  readonly codes?: readonly string[];
}

function familyOf(section: UciSection): Family | undefined {
  const text = optionText(section, 'family');
  if (text === 'ipv4' || text === '4') return 4;
  if (text === 'ipv6' || text === '6') return 6;
  const addresses = [...optionList(section, 'src_ip'), ...optionList(section, 'dest_ip')];
  if (addresses.length === 0) return undefined;
  return addresses[0]?.includes(':') === true ? 6 : 4;
}

/** The lines that one protocol needs: ICMP types with a code cannot share a line with types without. */
function matchesOf(section: UciSection, protocol: string, family: Family | undefined): Match[] {
  const names = protocol === 'icmp' ? optionList(section, 'icmp_type') : [];
  if (names.length === 0) return [{ family, protocol }];
  const families: Family[] = family === undefined ? [4, 6] : [family];
  return families.flatMap((one) => {
    const known = names
      .map((name) => (/^\d/.test(name) ? name : icmpNames[one][name]))
      .filter((name) => name !== undefined);
    const types = known.filter((name) => !name.includes('/'));
    const codes = known.filter((name) => name.includes('/')).map((name) => name.replace('/', ' . '));
    return [
      ...(types.length === 0 ? [] : [{ family: one, protocol, types }]),
      ...(codes.length === 0 ? [] : [{ family: one, protocol, codes }]),
    ];
  });
}

function hostOf(address: string): string {
  return address.replace(/\/(32|128)$/, '');
}

function markText(mark: string): string {
  const [value = '0', mask] = mark.replace('!', '').split('/');
  const hex = (text: string): string => `0x${Number(text).toString(16)}`;
  const comparison = mark.includes('!') ? '!=' : '==';
  if (mask === undefined) return `meta mark${mark.includes('!') ? ' !=' : ''} ${hex(value)}`;
  return `meta mark and ${hex(mask)} ${comparison} ${hex(value)}`;
}

function matchText(section: UciSection, { family, protocol, types, codes }: Match): string[] {
  const sources = optionList(section, 'src_ip').map(hostOf);
  const targets = optionList(section, 'dest_ip').map(hostOf);
  const hasAddresses = sources.length + targets.length > 0;
  const ip = family === 6 ? 'ip6' : 'ip';
  const icmp = family === 6 ? 'icmpv6' : 'icmp';
  const hasPorts = ['tcp', 'udp'].includes(protocol);
  const ports = (option: string): string[] =>
    hasPorts ? optionList(section, option).map((port) => port.replace(':', '-')) : [];
  const [from, to] = [ports('src_port'), ports('dest_port')];
  const bare = protocol !== 'any' && types === undefined && codes === undefined && from.length + to.length === 0;
  const limit = optionText(section, 'limit')?.replace(/\/(sec|s)$/, '/second');
  const mark = optionText(section, 'mark');
  return [
    ...(family === undefined || hasAddresses ? [] : [`meta nfproto ipv${family}`]),
    ...(bare ? [`meta l4proto ${protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol}`] : []),
    ...(sources.length === 0 ? [] : [`${ip} saddr ${nftSet(sources)}`]),
    ...(targets.length === 0 ? [] : [`${ip} daddr ${nftSet(targets)}`]),
    ...(from.length === 0 ? [] : [`${protocol} sport ${nftSet(from)}`]),
    ...(to.length === 0 ? [] : [`${protocol} dport ${nftSet(to)}`]),
    ...(types === undefined ? [] : [`${icmp} type ${nftSet(types)}`]),
    ...(codes === undefined ? [] : [`${icmp} type . ${icmp} code ${nftSet(codes, true)}`]),
    ...(limit === undefined ? [] : [`limit rate ${limit}`]),
    ...(mark === undefined ? [] : [markText(mark)]),
  ];
}

function chainOf(source: string | undefined, target: string | undefined): string {
  if (source === undefined) return target === undefined || target === '*' ? 'output' : `output_${target}`;
  const direction = target === undefined ? 'input' : 'forward';
  return source === '*' ? direction : `${direction}_${source}`;
}

function addRule(section: UciSection, index: number, zones: readonly Zone[], chains: Chains, warn: Warn): void {
  warnUnknown(section, ruleOptions, warn);
  const name = optionText(section, 'name') ?? `@rule[${index}]`;
  const [source, target] = [optionText(section, 'src'), optionText(section, 'dest')];
  const missing = [source, target].find(
    (zone) => zone !== undefined && zone !== '*' && !zones.some((z) => z.name === zone),
  );
  if (missing !== undefined) {
    warn(`rule ${name}: no zone ${missing}, skipping`);
    return;
  }
  const verdict = verdictOf(optionText(section, 'target'), 'drop');
  const zone = zones.find((candidate) => candidate.name === target);
  zone?.to.add(verdict);
  const plain = verdict === 'reject' ? 'jump handle_reject' : verdict;
  const action = zone === undefined ? plain : `jump ${verdict}_to_${zone.name}`;
  const listed = optionList(section, 'proto');
  const protocols =
    listed.length === 0 ? ['tcp', 'udp'] : listed.map((item) => (item === 'all' ? 'any' : item.toLowerCase()));
  const chain = chainOf(source, target);
  const lines = protocols.flatMap((protocol) =>
    matchesOf(section, protocol, familyOf(section)).map((match) =>
      [...matchText(section, match), 'counter', action, 'comment', quote(`!fw4: ${name}`)].join(' '),
    ),
  );
  chains.set(chain, [...(chains.get(chain) ?? []), ...lines]);
}

function addForwarding(section: UciSection, zones: readonly Zone[], chains: Chains, warn: Warn): void {
  warnUnknown(section, ['name', 'src', 'dest', 'enabled'], warn);
  const [source, target] = [optionText(section, 'src'), optionText(section, 'dest')];
  const zone = zones.find(({ name }) => name === target);
  if (zone === undefined || !zones.some(({ name }) => name === source)) {
    warn(`forwarding: no zone ${String(source)} or ${String(target)}, skipping`);
    return;
  }
  zone.to.add('accept');
  const chain = `forward_${String(source)}`;
  const line = `jump accept_to_${zone.name} comment ${quote(`!fw4: Accept ${String(source)} to ${zone.name} forwarding`)}`;
  chains.set(chain, [...(chains.get(chain) ?? []), line]);
}

/** The lines of every chain, rules before forwardings whatever their order in the file. */
export function readRules(sections: readonly UciSection[], zones: readonly Zone[], warn: Warn): Chains {
  const chains: Chains = new Map();
  const enabled = (type: string): UciSection[] =>
    sections.filter((section) => section.type === type && optionFlag(section, 'enabled', true));
  const all = sections.filter(({ type }) => type === 'rule');
  for (const section of enabled('rule')) addRule(section, all.indexOf(section), zones, chains, warn);
  for (const section of enabled('forwarding')) addForwarding(section, zones, chains, warn);
  return chains;
}
