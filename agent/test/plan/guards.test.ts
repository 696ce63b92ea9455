/** The two layers of protected routing and what the boot sets of them, as tables: what is wanted, and what is done about it. */
import { describe, expect, test } from 'vitest';
import { bootFiles } from '../../src/plan/boot.ts';
import { nothingAround, type Observed } from '../../src/plan/observed.ts';
import { protectionFindings, protectionScript } from '../../src/plan/protection.ts';
import { desiredRouting, routingFindings, routingScripts } from '../../src/plan/routing.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import type { Cidr, Ip } from '../../src/trust/types.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { laptop } from '../trust/network.ts';

const map = believed([rule('any', 'any')]);
const open = compile(map, laptop.id, choices);
const guarded = compile(map, laptop.id, { ...choices, exit: 'full' });
const shut = closedDesired({ ...choices, exit: 'full' });
const around: Observed = {
  ...{ atUnixS: 0, ...nothingAround, resolved: new Map() },
  locals: [{ name: 'lan', device: 'br-lan', prefixes: ['192.168.3.0/24', '2001:db8:3::/64'] as Cidr[] }],
  lifelines: [
    { protocol: 'tcp', address: '198.51.100.1' as Ip, port: 8883 },
    { protocol: 'udp', address: '2001:db8::123' as Ip, port: 123 },
  ],
  uplinkResolvers: ['198.51.100.53' as Ip],
};
const settled: Observed = { ...around, routing: desiredRouting(guarded, around) };
const lines = (text: string): string[] => text.split('\n').filter(Boolean);

describe('routing', () => {
  test('without an exit there is no rule, and each prefix of the mesh is held behind every route', () => {
    const { rules, routes } = desiredRouting(open, around)[4];
    expect(rules).toEqual([]);
    expect(routes).toEqual(
      open.routes
        .filter((each) => !each.includes(':'))
        .map((each) => `unreachable ${each} table main metric 2147483647`),
    );
  });

  test('with one, lifelines are looked up in the main table, all else in the tunnel, which ends in unreachable', () => {
    const { 4: v4, 6: v6 } = desiredRouting(guarded, around);
    expect(v4.rules).toEqual([
      'priority 852 iif lo ipproto udp sport 68 dport 67 lookup main',
      'priority 852 iif lo ipproto ipencap lookup main',
      'priority 852 iif lo ipproto ipv6 lookup main',
      'priority 852 iif lo ipproto gre lookup main',
      'priority 852 to 198.51.100.1 iif lo ipproto tcp dport 8883 lookup main',
      'priority 852 to 198.51.100.53 iif lo ipproto udp sport 53853 dport 53 lookup main',
      'priority 853 not fwmark 0x2000000/0x2000000 lookup 8507',
    ]);
    expect(v6.rules).toEqual([
      'priority 852 iif lo ipproto udp sport 546 dport 547 lookup main',
      'priority 852 iif lo ipproto ipencap lookup main',
      'priority 852 iif lo ipproto ipv6 lookup main',
      'priority 852 iif lo ipproto gre lookup main',
      'priority 852 to 2001:db8::123 iif lo ipproto udp dport 123 lookup main',
      'priority 853 not fwmark 0x2000000/0x2000000 lookup 8507',
    ]);
    expect(v4.routes.filter((each) => each.includes('8507'))).toEqual([
      'throw 192.168.3.0/24 table 8507',
      '0.0.0.0/0 dev rn0 table 8507 metric 1',
      'unreachable 0.0.0.0/0 table 8507 metric 2147483647',
    ]);
    expect(v6.routes.filter((each) => each.includes('8507'))).toContain('throw fe80::/10 table 8507');
  });

  test('two names of one address are one lifeline: ip(8) ends a batch at a rule that is there', () => {
    const twice = [...around.lifelines, ...around.lifelines];
    expect(desiredRouting(guarded, { ...around, lifelines: twice })).toEqual(desiredRouting(guarded, around));
  });

  test('closed, the tunnel has no path, and what was held of the mesh stays held', () => {
    const { routes } = desiredRouting(shut, settled)[4];
    expect(routes.some((each) => each.includes(' dev '))).toBe(false);
    expect(routes).toContain('unreachable 0.0.0.0/0 table 8507 metric 2147483647');
    for (const each of settled.routing[4].routes.filter((line) => line.includes('table main')))
      expect(routes).toContain(each);
  });

  test('what is there is left alone', () => {
    for (const part of ['guard', 'paths'] as const) {
      expect(routingScripts(guarded, settled, part)).toEqual({ 4: '', 6: '' });
      expect(routingFindings(guarded, settled, part)).toEqual([]);
    }
  });

  test('what holds back comes before the rule that leads to it, and a path only once its device is there', () => {
    const script = lines(routingScripts(guarded, around, 'guard')[4]);
    const at = (start: string): number => script.findIndex((each) => each.startsWith(start));
    expect(at('route replace unreachable 0.0.0.0/0 table 8507')).toBeGreaterThanOrEqual(0);
    expect(at('rule add priority 853')).toBeGreaterThan(at('route replace unreachable 0.0.0.0/0 table 8507'));
    expect(script.some((each) => each.includes(' dev '))).toBe(false);
    expect(lines(routingScripts(guarded, around, 'paths')[4])).toEqual([
      'route replace 0.0.0.0/0 dev rn0 table 8507 metric 1',
    ]);
  });

  test.each<[string, (line: string) => boolean]>([
    ['the rule that leads into the tunnel', (line) => line.startsWith('priority 853')],
    ['the route that ends it', (line) => line.startsWith('unreachable 0.0.0.0/0')],
    ['a lifeline', (line) => line.includes('dport 8883')],
    ['what holds a prefix of the mesh', (line) => line.includes('table main')],
  ])('%s, gone, is missed by the guard and set again', (_, isIt) => {
    const { rules, routes } = settled.routing[4];
    const gone = [...rules, ...routes].filter(isIt);
    const without = { rules: rules.filter((each) => !isIt(each)), routes: routes.filter((each) => !isIt(each)) };
    const seen = { ...settled, routing: { ...settled.routing, 4: without } };
    expect(gone.length).toBeGreaterThan(0);
    expect(routingFindings(guarded, seen, 'guard')).toEqual(gone.map((each) => `IPv4 ${each}: wanted it, got none`));
    for (const each of gone) expect(routingScripts(guarded, seen, 'guard')[4]).toContain(each);
  });

  test('a lifeline that nobody asked for is the finding of the guard, and goes', () => {
    const extra = 'priority 852 to 203.0.113.9 iif lo ipproto tcp dport 443 lookup main';
    const { 4: v4, 6: v6 } = settled.routing;
    const seen = { ...settled, routing: { 4: { ...v4, rules: [...v4.rules, extra] }, 6: v6 } };
    expect(routingFindings(guarded, seen, 'guard')).toEqual([`IPv4 ${extra}: wanted none, got it`]);
    expect(routingScripts(guarded, seen, 'guard')[4]).toBe(`rule del ${extra}\n`);
  });
});

describe('protection', () => {
  test('without an exit there is none, and one that is there goes', () => {
    const protection = { chains: new Map(), sets: new Map(), expiresS: new Map(), flowtables: new Map() };
    expect(protectionScript(open, around)).toBe('');
    expect(protectionScript(open, { ...around, protection })).toBe('delete table inet rustynet_guard\n');
    expect(protectionFindings(open, around)).toEqual([]);
  });

  test('with one it is missed, and made whole in one transaction that names each lifeline', () => {
    expect(protectionFindings(guarded, around)).toEqual(['table inet rustynet_guard: wanted it, got none']);
    const script = protectionScript(guarded, around);
    expect(script.startsWith('add table inet rustynet_guard\ndelete table inet rustynet_guard\n')).toBe(true);
    for (const word of ['198.51.100.1 . tcp . 8883', '2001:db8::123 . udp . 123', '198.51.100.53', '{ "br-lan" }'])
      expect(script).toContain(word);
    expect(lines(script).filter((each) => / (forward|output) drop$/.test(each))).toHaveLength(2);
    // The packet around another, of an uplink that is a tunnel: the router's own alone.
    expect(lines(script).filter((each) => each.includes('ipencap'))).toEqual([
      'add rule inet rustynet_guard output meta l4proto { ipencap, ipv6, gre } accept',
    ]);
  });

  test('an empty table in its place is replaced', () => {
    const protection = { chains: new Map(), sets: new Map(), expiresS: new Map(), flowtables: new Map() };
    expect(protectionFindings(guarded, { ...around, protection }).length).toBeGreaterThan(0);
    expect(protectionScript(guarded, { ...around, protection })).toBe(protectionScript(guarded, around));
  });
});

describe('what the boot sets', () => {
  test('without an exit no file but what holds the prefixes of the mesh', () => {
    const files = bootFiles(open, around);
    expect(files.nft).toBe('');
    expect(lines(files.ip4).every((each) => each.startsWith('route replace unreachable '))).toBe(true);
    expect(lines(files.ip4)).toHaveLength(open.routes.filter((each) => !each.includes(':')).length);
  });

  test('with one, the table and the rules without a lifeline, a resolver or a path', () => {
    const { nft, ip4, ip6 } = bootFiles(guarded, around);
    expect(nft).toContain('add table inet rustynet_guard');
    for (const word of ['8883', '198.51.100.53', ' dev '])
      for (const text of [nft.replaceAll(/resolvers\d udp/g, ''), ip4, ip6]) expect(text).not.toContain(word);
    expect(ip4).toContain('rule add priority 853');
  });

  test('before netifd knows the LANs, what was written while it did stays', () => {
    const known = { nft: 'table', ip4: 'rule', ip6: 'rule' };
    expect(bootFiles(guarded, { ...around, locals: [], bootFiles: known })).toBe(known);
  });

  test('the order in which the kernel lists its routes is no reason to write to flash', () => {
    const turned = { ...guarded, meshPrefixes: [...(guarded.meshPrefixes ?? [])].reverse() };
    expect(bootFiles(turned, around)).toEqual(bootFiles(guarded, around));
  });
});
