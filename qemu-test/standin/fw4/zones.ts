/**
 * Zones and forwardings of /etc/config/firewall.
 * In: UCI sections and what netifd says of each network. Out: zones with their devices, policies and the verdict
 * chains that somebody jumps to. Specified in firewall4's documentation of UCI; an option that the stand-in does not
 * render is reported, so that nobody takes silence for effect.
 */
import type { UciSection } from '../uci/file.ts';

export type Verdict = 'accept' | 'reject' | 'drop';

/** A network as netifd has it; without a device it is down. */
export interface Network {
  readonly device: string | undefined;
  readonly subnets: readonly string[];
}

export interface Zone {
  readonly name: string;
  readonly networks: readonly string[];
  readonly devices: readonly string[];
  readonly subnets: readonly string[];
  readonly input: Verdict;
  readonly output: Verdict;
  readonly forward: Verdict;
  readonly masquerades: boolean;
  readonly fixesMtu: boolean;
  /** Chains `<verdict>_from_<zone>` and `<verdict>_to_<zone>` that are used. */
  readonly from: Set<Verdict>;
  readonly to: Set<Verdict>;
}

export interface Defaults {
  readonly input: Verdict;
  readonly output: Verdict;
  readonly forward: Verdict;
  readonly limitsSyn: boolean;
  readonly dropsInvalid: boolean;
}

export type Warn = (message: string) => void;

const zoneOptions = ['name', 'network', 'device', 'input', 'output', 'forward', 'masq', 'mtu_fix', 'enabled'];
const defaultsOptions = ['input', 'output', 'forward', 'syn_flood', 'synflood_protect', 'drop_invalid'];

export function optionText({ options }: UciSection, name: string): string | undefined {
  const value = options.get(name);
  return value === undefined ? undefined : [value].flat().join(' ');
}

export function optionList({ options }: UciSection, name: string): string[] {
  return [options.get(name) ?? []].flat().flatMap((value) => value.split(/\s+/).filter((item) => item !== ''));
}

export function optionFlag(section: UciSection, name: string, otherwise = false): boolean {
  const text = optionText(section, name);
  return text === undefined ? otherwise : ['1', 'on', 'true', 'yes', 'enabled'].includes(text);
}

/** Says which options of a section have no effect here. */
export function warnUnknown(section: UciSection, known: readonly string[], warn: Warn): void {
  const unknown = [...section.options.keys()].filter((option) => !known.includes(option));
  const what = optionText(section, 'name') ?? section.name;
  for (const option of unknown) warn(`${section.type} ${what}: the stand-in does not render option ${option}`);
}

export function verdictOf(text: string | undefined, otherwise: Verdict): Verdict {
  const lower = text?.toLowerCase();
  return lower === 'accept' || lower === 'reject' || lower === 'drop' ? lower : otherwise;
}

export function readDefaults(sections: readonly UciSection[], warn: Warn): Defaults {
  const section = sections.find(({ type }) => type === 'defaults');
  if (section === undefined) {
    return { input: 'drop', output: 'drop', forward: 'drop', limitsSyn: false, dropsInvalid: false };
  }
  warnUnknown(section, defaultsOptions, warn);
  return {
    input: verdictOf(optionText(section, 'input'), 'drop'),
    output: verdictOf(optionText(section, 'output'), 'drop'),
    forward: verdictOf(optionText(section, 'forward'), 'drop'),
    limitsSyn: optionFlag(section, 'syn_flood') || optionFlag(section, 'synflood_protect'),
    dropsInvalid: optionFlag(section, 'drop_invalid'),
  };
}

export function readZones(
  sections: readonly UciSection[],
  defaults: Defaults,
  networks: ReadonlyMap<string, Network>,
  warn: Warn,
): Zone[] {
  const zones = sections.filter((section) => section.type === 'zone' && optionFlag(section, 'enabled', true));
  return zones.map((section) => {
    warnUnknown(section, zoneOptions, warn);
    const named = optionList(section, 'network');
    const known = named.map((name) => networks.get(name)).filter((network) => network !== undefined);
    const devices = known.map(({ device }) => device).filter((device) => device !== undefined);
    const zone: Zone = {
      name: optionText(section, 'name') ?? section.name,
      networks: named,
      devices: [...new Set([...devices, ...optionList(section, 'device')])],
      subnets: known.flatMap(({ subnets }) => subnets),
      input: verdictOf(optionText(section, 'input'), defaults.input),
      output: verdictOf(optionText(section, 'output'), defaults.output),
      forward: verdictOf(optionText(section, 'forward'), defaults.forward),
      masquerades: optionFlag(section, 'masq'),
      fixesMtu: optionFlag(section, 'mtu_fix'),
      from: new Set(),
      to: new Set(),
    };
    zone.from.add(zone.input);
    zone.to.add(zone.output).add(zone.forward);
    return zone;
  });
}
