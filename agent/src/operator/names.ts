/** `names set`. In: a zone, resolvers. Out: network.json; what it says of names goes into the next map. */
import { maxResolvers } from '../trust/limits.ts';
import type { Ip } from '../trust/types.ts';
import { parseHostname } from '../trust/words.ts';
import { misuse } from './refused.ts';
import type { Given, Options } from './args.ts';
import { readSettings, settingsFile, writeSettings } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';
import { parseResolver, requireFreeZone } from './zone.ts';

export const resolverOption = {
  value: 'IP',
  many: true,
  help: `a DNS server that routers with an exit ask through it, up to ${maxResolvers}`,
} satisfies Options[string];

export const namesOptions = {
  zone: { value: 'ZONE', help: 'domain of the names' },
  resolver: resolverOption,
  'no-resolver': { help: 'routers with an exit ask no resolver' },
} satisfies Options;

export function chosenZone(given: Given): string | undefined {
  const zone = given.parsed('zone', 'a domain name, lower case,', parseHostname);
  return zone === undefined ? undefined : requireFreeZone(zone, '--zone');
}

export function chosenResolvers(given: Given): readonly Ip[] {
  const resolvers = given.parsedAll('resolver', 'the address of a DNS server behind an exit', parseResolver);
  if (new Set(resolvers).size < resolvers.length) misuse('wanted each --resolver once, got one again');
  if (resolvers.length > maxResolvers) misuse(`wanted at most ${maxResolvers} --resolver, got ${resolvers.length}`);
  return resolvers;
}

export async function setNames({ folder, given }: Call): Promise<Answer> {
  const [zone, resolvers, none] = [chosenZone(given), chosenResolvers(given), given.flag('no-resolver')];
  if (none && resolvers.length > 0) misuse('wanted --resolver or --no-resolver, got both');
  if (!none && resolvers.length === 0 && zone === undefined) {
    misuse('wanted --zone, --resolver or --no-resolver, got none');
  }
  const settings = readSettings(folder);
  const next = {
    ...settings,
    zone: zone ?? settings.zone,
    resolvers: none || resolvers.length > 0 ? resolvers : settings.resolvers,
  };
  writeSettings(folder, next);
  const line = `zone ${next.zone}, resolvers ${next.resolvers.join(' ') || 'none'} in ${settingsFile}, not signed yet`;
  return { lines: [line], value: { zone: next.zone, resolvers: next.resolvers } };
}
