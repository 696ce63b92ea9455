/** What dnsmasq is to hold, and what of it counts. The answers of a real one are in drivers/dnsmasq.test.ts. */
import { describe, expect, test } from 'vitest';
import { nameFindings, nameProblems, planNames, resolverFiles } from '../../src/plan/names.ts';
import type { Observed } from '../../src/plan/observed.ts';
import { plan } from '../../src/plan/plan.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import type { Ip } from '../../src/trust/types.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { laptop } from '../trust/network.ts';
import { mirror } from './mirror.ts';

const map = believed([rule('member:laptop', 'member:home')]);
const open = compile(map, laptop.id, choices);
const exit = compile(map, laptop.id, { ...choices, exit: 'full' });
const closed = closedDesired(choices, open.names);
const broker = [{ name: 'broker.example', addresses: ['203.0.113.7', '2001:db8::7'] as Ip[] }];
const lines = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const right = (over: Partial<NonNullable<Observed['resolver']>> = {}): Observed => {
  const base = mirror(open);
  return {
    ...base,
    resolver: { isRunning: true, files: resolverFiles(open, base), answer: laptop.addresses, ...over },
  };
};

describe('the files', () => {
  const zones = ['local=/mesh.example/', 'local=/77.10.in-addr.arpa/', expect.stringMatching(/^local=.*ip6\.arpa\/$/)];
  test.each([
    ['of a mesh: the zones are local', open, [], zones],
    ['of a mesh with an exit: only its resolvers are asked', exit, [], [...zones, 'no-resolv', 'server=9.9.9.9']],
    ['of a closed mesh: the zones are still local', closed, [], zones],
    ['without a mesh: none', closedDesired(choices), [], []],
    [
      'while protected without a map: lifelines are local, names below them are not',
      closedDesired({ ...choices, exit: 'full' }),
      broker,
      ['local=/broker.example/', 'server=/*.broker.example/#'],
    ],
    [
      'of a zone that has the lifeline in it: nothing of the zone goes elsewhere',
      open,
      [{ name: 'broker.mesh.example', addresses: ['203.0.113.7'] as Ip[] }],
      zones,
    ],
  ])('%s', (_, desired, lifelineHosts, wanted) => {
    expect(lines(resolverFiles(desired, { ...mirror(desired), lifelineHosts }).conf)).toEqual(wanted);
  });
  test('hosts are an address and a name a line; closed there are only lifelines', () => {
    const hosts = lines(resolverFiles(open, mirror(open)).hosts);
    expect(hosts.length).toBe(4);
    expect(hosts[0]).toBe('10.77.0.1 home.mesh.example');
    const left = resolverFiles(closed, { ...mirror(closed), lifelineHosts: broker }).hosts;
    expect(lines(left)).toEqual(['203.0.113.7 broker.example', '2001:db8::7 broker.example']);
  });
});

describe('what differs', () => {
  const other = { ...right().resolver?.files, hosts: '' } as { conf: string; hosts: string };
  test.each([
    ['nothing', right(), [], 0],
    ['the hosts file: a reload', right({ files: other }), [false], 1],
    ['the conf file: a restart', right({ files: { ...other, conf: '' } }), [true], 2],
    ['the answer alone: a reload', right({ answer: ['10.1.1.1'] }), [false], 1],
    ['no such name where there is one: a reload', right({ answer: [] }), [false], 1],
  ])('%s', (_, observed, restarts, findings) => {
    expect(planNames(open, observed).map(({ restart }) => restart)).toEqual(restarts);
    expect(nameFindings(open, observed).length).toBe(findings);
  });
  test('names come last: a restart of dnsmasq keeps no peer waiting', () => {
    const steps = plan(open, { ...right({ files: other }), link: undefined, device: undefined } as unknown as Observed);
    expect(steps.map((step) => step.do).slice(-2)).toEqual(['set-peers', 'names']);
  });
});

describe('what closes nothing', () => {
  const silent = { ...right() };
  test.each([
    ['no dnsmasq', open, { ...mirror(open) }, /wanted OpenWrt's dnsmasq, got none/],
    [
      'one that is stopped',
      open,
      right({ isRunning: false, files: { conf: '', hosts: '' } }),
      /got one that is stopped/,
    ],
    [
      'one that does not answer',
      open,
      { ...silent, resolver: { isRunning: true, files: resolverFiles(open, silent) } },
      /wanted an answer of dnsmasq, got none/,
    ],
    ['a closed mesh whose names are still answered', closed, right(), /answer of dnsmasq.*wanted none/],
  ])('%s is a problem and no finding', (_, desired, observed, problem) => {
    expect(nameFindings(desired, observed)).toEqual([]);
    expect(nameProblems(desired, observed).join('\n')).toMatch(problem);
  });
});
