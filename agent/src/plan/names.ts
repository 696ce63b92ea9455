/**
 * What the router's dnsmasq is given, and whether it answers so. In: desired names, lifelines, what its files hold and
 * what it answers. Out: the two files, the step that puts them there, findings. Specified in dnsmasq(8), hosts(5).
 *
 * The names are a hosts file, which dnsmasq reads again without a restart; the zone is configuration, which it does not.
 */
import type { Desired } from '../policy/desired.ts';
import type { HostName } from '../policy/names.ts';
import type { Observed } from './observed.ts';

/** Empty text is no file. */
export interface ResolverFiles {
  readonly conf: string;
  readonly hosts: string;
}
export interface ResolverState {
  readonly isRunning: boolean;
  readonly files: ResolverFiles;
  /** Addresses that it gives for the own name, none for no such name; `undefined` when not asked or not answered. */
  readonly answer?: readonly string[];
}
export interface NamesStep {
  readonly do: 'names';
  readonly files: ResolverFiles;
  readonly restart: boolean;
  /** What it must answer afterwards. */
  readonly own?: HostName;
}

const header = '# Written by rustynet, and written again when it changes.';

function file(lines: readonly string[]): string {
  return lines.length === 0 ? '' : [header, ...lines, ''].join('\n');
}

function hostLines(hosts: readonly HostName[]): readonly string[] {
  return hosts.flatMap(({ name, addresses }) => addresses.map((address) => `${address} ${name}`));
}

/**
 * A name of which only one family is known is asked upstream for the other one, where nobody answers while plain DNS is
 * closed, and its user waits. So it is local; names below it are nobody's business here.
 */
function lifelineLines({ name }: HostName, zone: string | undefined): readonly string[] {
  if (zone !== undefined && `.${name}`.endsWith(`.${zone}`)) return [];
  return [`local=/${name}/`, `server=/*.${name}/#`];
}

export function resolverFiles({ names }: Desired, { lifelineHosts }: Observed): ResolverFiles {
  const zones = names === undefined ? [] : [names.zone, ...names.reverseZones].map((zone) => `local=/${zone}/`);
  const resolvers = names?.resolvers ?? [];
  const upstream = resolvers.length === 0 ? [] : ['no-resolv', ...resolvers.map((address) => `server=${address}`)];
  return {
    conf: file([...zones, ...upstream, ...lifelineHosts.flatMap((host) => lifelineLines(host, names?.zone))]),
    hosts: file([...hostLines(names?.hosts ?? []), ...hostLines(lifelineHosts)]),
  };
}

function sorted(addresses: readonly string[]): string {
  return [...addresses].sort().join(' ') || 'none';
}

function answerFindings({ names }: Desired, { resolver }: Observed): readonly string[] {
  if (names === undefined || resolver?.answer === undefined) return [];
  const [wanted, got] = [sorted(names.own.addresses), sorted(resolver.answer)];
  return wanted === got ? [] : [`answer of dnsmasq for ${names.own.name}: wanted ${wanted}, got ${got}`];
}

/** A router without a running dnsmasq has another resolver or none: nothing here is wrong then. */
function differences(desired: Desired, observed: Observed): readonly string[] {
  const { resolver } = observed;
  if (resolver?.isRunning !== true) return [];
  const wanted = resolverFiles(desired, observed);
  const lines = (text: string): number => Math.max(0, text.split('\n').length - 2);
  const differ = (['conf', 'hosts'] as const).filter((each) => wanted[each] !== resolver.files[each]);
  return [
    ...differ.map(
      (each) =>
        `${each} file of dnsmasq: wanted ${lines(wanted[each])} lines, got other ${lines(resolver.files[each])}`,
    ),
    ...answerFindings(desired, observed),
  ];
}

/** Of an open mesh: while closed, a wrong name opens nothing and is told as a problem. */
export function nameFindings(desired: Desired, observed: Observed): readonly string[] {
  return desired.publicKey === undefined ? [] : differences(desired, observed);
}

export function planNames(desired: Desired, observed: Observed): readonly NamesStep[] {
  const { resolver } = observed;
  if (resolver === undefined) return [];
  const files = resolverFiles(desired, observed);
  const restart = files.conf !== resolver.files.conf;
  const isRight = !restart && files.hosts === resolver.files.hosts && answerFindings(desired, observed).length === 0;
  return isRight ? [] : [{ do: 'names', files, restart, ...(desired.names && { own: desired.names.own }) }];
}

/** Why names are not answered although nothing closes because of it. */
export function nameProblems(desired: Desired, observed: Observed): readonly string[] {
  const { names, publicKey } = desired;
  const { resolver } = observed;
  if (publicKey === undefined) return differences(desired, observed);
  if (names === undefined) return [];
  if (resolver === undefined) return [`names of ${names.zone}: wanted OpenWrt's dnsmasq, got none`];
  if (!resolver.isRunning) return [`names of ${names.zone}: wanted a dnsmasq that runs, got one that is stopped`];
  return resolver.answer === undefined ? [`names of ${names.zone}: wanted an answer of dnsmasq, got none`] : [];
}
