/**
 * The second layer of protected routing, rules and routes of the kernel, and what holds without it: no packet for the
 * mesh follows the default route. In: choices, what is desired and what is around. Out: lines as ip-rule(8) and
 * ip-route(8) take them, and what to do about those that differ.
 */
import { rangeOf } from '../trust/ip.ts';
import type { Cidr, Ip } from '../trust/types.ts';
import type { Desired } from '../policy/desired.ts';
import { marksOf } from './guard.ts';
import { askPort, type Family, type Observed, type Routing, type Routings } from './observed.ts';
import { carriers, isProtected } from './protection.ts';

/** Rules of these priorities are ours: before those of mwan3 (1001 and up), of pbr and of the main table. */
export const priorities = { lifeline: 852, tunnel: 853 } as const;
export const tunnelTable = 8507;
/** Of the tunnel's own default route, in its table. */
export const pathMetric = 1;
/** Behind every route that anyone sets. */
export const lastMetric = 2147483647;

const hex = (bit: number): string => `0x${bit.toString(16)}/0x${bit.toString(16)}`;
const familyOf = (text: Cidr | Ip): Family => rangeOf(text).family;
const defaults = { 4: '0.0.0.0/0', 6: '::/0' } as const;

function lifelineRules(family: Family, { lifelines, uplinkResolvers }: Observed): readonly string[] {
  const [client, server] = family === 4 ? [68, 67] : [546, 547];
  const rule = (fields: string): string => `priority ${priorities.lifeline} ${fields} lookup main`;
  const host = (address: Ip): string => `to ${address} iif lo`;
  return [
    rule(`iif lo ipproto udp sport ${client} dport ${server}`),
    ...carriers.map((protocol) => rule(`iif lo ipproto ${protocol}`)),
    ...lifelines
      .filter(({ address }) => familyOf(address) === family)
      .map(({ address, protocol, port }) => rule(`${host(address)} ipproto ${protocol} dport ${port}`)),
    ...uplinkResolvers
      .filter((address) => familyOf(address) === family)
      .map((address) => rule(`${host(address)} ipproto udp sport ${askPort} dport 53`)),
  ];
}

/** LANs are looked up in the main table; everything else goes into the tunnel, or nowhere while there is none. */
function tunnelRoutes(family: Family, desired: Desired, { locals }: Observed): readonly string[] {
  const lans = locals.flatMap(({ prefixes }) => prefixes).filter((each) => familyOf(each) === family);
  const direct = family === 6 ? [...lans, 'fe80::/10'] : lans;
  return [
    ...direct.map((prefix) => `throw ${prefix} table ${tunnelTable}`),
    ...(desired.publicKey !== undefined
      ? [`${defaults[family]} dev ${desired.interface} table ${tunnelTable} metric ${pathMetric}`]
      : []),
    `unreachable ${defaults[family]} table ${tunnelTable} metric ${lastMetric}`,
  ];
}

function routingOf(family: Family, desired: Desired, observed: Observed): Routing {
  const { meshPrefixes = [] } = desired;
  const held = meshPrefixes.filter((each) => familyOf(each) === family);
  const guarded = isProtected(desired);
  const tunnel = `priority ${priorities.tunnel} not fwmark ${hex(marksOf(desired).tunnel)} lookup ${tunnelTable}`;
  return {
    // Two names may have one address, and the kernel takes no rule twice.
    rules: guarded ? [...new Set(lifelineRules(family, observed)), tunnel] : [],
    routes: [
      ...held.map((prefix) => `unreachable ${prefix} table main metric ${lastMetric}`),
      ...(guarded ? tunnelRoutes(family, desired, observed) : []),
    ],
  };
}

/** Paths end with their device. */
function withoutPaths({ rules, routes }: Routing): Routing {
  return { rules, routes: routes.filter((line) => !isPath(line)) };
}

export function desiredRouting(desired: Desired, observed: Observed): Routings {
  if (desired.keepsExit) return { 4: withoutPaths(observed.routing[4]), 6: withoutPaths(observed.routing[6]) };
  const all = { 4: routingOf(4, desired, observed), 6: routingOf(6, desired, observed) };
  if (desired.meshPrefixes !== undefined) return all;
  // Closed without a map: what was known of the mesh stays out of the clear.
  const kept = (family: Family): Routing => ({
    rules: all[family].rules,
    routes: [...observed.routing[family].routes.filter((each) => each.includes(' table main ')), ...all[family].routes],
  });
  return { 4: kept(4), 6: kept(6) };
}

function differing(left: readonly string[], right: readonly string[]): readonly string[] {
  const known = new Set(right);
  return left.filter((each) => !known.has(each));
}

/** A route that carries, and needs its device; every other one only holds back. */
export function isPath(line: string): boolean {
  return line.includes(' dev ');
}

/** Lines for `ip -4 -batch` and `ip -6 -batch`: routes before rules that lead to them, paths after their device. */
export function routingScripts(
  desired: Desired,
  observed: Observed,
  part: 'guard' | 'paths',
): Readonly<Record<Family, string>> {
  const wanted = desiredRouting(desired, observed);
  const script = (family: Family): string => {
    const [want, got] = [wanted[family], observed.routing[family]];
    const added = differing(want.routes, got.routes).filter((line) => isPath(line) === (part === 'paths'));
    const gone = differing(got.routes, want.routes).map((line) => `route del ${line}`);
    const rules = [
      ...differing(want.rules, got.rules).map((line) => `rule add ${line}`),
      ...differing(got.rules, want.rules).map((line) => `rule del ${line}`),
    ];
    const lines = [...added.map((line) => `route replace ${line}`), ...(part === 'guard' ? [...rules, ...gone] : [])];
    return lines.map((line) => `${line}\n`).join('');
  };
  return { 4: script(4), 6: script(6) };
}

/** What must hold back and does not, and what opens a way that nobody asked for, is the guard's; the rest is not. */
export function routingFindings(desired: Desired, observed: Observed, part: 'guard' | 'paths'): readonly string[] {
  const wanted = desiredRouting(desired, observed);
  const all = ({ rules, routes }: Routing): readonly string[] => [...rules, ...routes];
  const belongs = (isGuards: boolean): boolean => isGuards === (part === 'guard');
  return ([4, 6] as const).flatMap((family) => {
    const [want, got] = [all(wanted[family]), all(observed.routing[family])];
    const missing = differing(want, got).filter((line) => belongs(!isPath(line)));
    const extra = differing(got, want).filter((line) => belongs(!line.startsWith('unreachable ')));
    return [
      ...missing.map((line) => `IPv${family} ${line}: wanted it, got none`),
      ...extra.map((line) => `IPv${family} ${line}: wanted none, got it`),
    ];
  });
}
