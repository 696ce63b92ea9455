/** Which names a router answers, a sentence a row. */
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import { reverseZonesOf } from '../../src/policy/names.ts';
import type { Cidr } from '../../src/trust/types.ts';
import { content, home, laptop, memberOf, office } from '../trust/network.ts';
import { believed, choices, rule } from './believed.ts';

const named = (...rules: unknown[]): readonly string[] =>
  (compile(believed(rules), laptop.id, choices).names?.hosts ?? []).map(({ name }) => name);

describe('names of the map', () => {
  test.each([
    ['without a rule a router knows its own name', [], ['laptop']],
    ['whom it may begin with is named', [rule('member:laptop', 'member:home', 'tcp:22')], ['home', 'laptop']],
    ['who may begin with it is named', [rule('member:home', 'member:laptop', 'icmp')], ['home', 'laptop']],
    ['a rule between others names nobody here', [rule('member:home', 'member:office')], ['laptop']],
    ['who is met by a LAN alone is named', [rule('member:laptop', '192.168.2.0/24')], ['laptop', 'office']],
    ['any names everyone', [rule('any', 'any')], ['home', 'laptop', 'office']],
  ])('%s', (_, rules, wanted) => {
    expect(named(...rules)).toEqual(wanted.map((name) => `${name}.mesh.example`));
  });
  test('a name has both addresses, and the zones of both ranges are its own', () => {
    const { names } = compile(believed([rule('member:laptop', 'member:home')]), laptop.id, choices);
    expect(names?.hosts[0]).toEqual({ name: 'home.mesh.example', addresses: home.addresses });
    expect(names?.own).toEqual({ name: 'laptop.mesh.example', addresses: laptop.addresses });
    expect(names?.reverseZones).toEqual(['77.10.in-addr.arpa', expect.stringMatching(/^([0-9a-f]\.){12}ip6\.arpa$/)]);
  });
  test('resolvers count while an exit is chosen, and not before', () => {
    const map = believed([]);
    expect(compile(map, laptop.id, choices).names?.resolvers).toEqual([]);
    expect(compile(map, laptop.id, { ...choices, exit: 'full' }).names?.resolvers).toEqual(['9.9.9.9']);
  });
  test('the order of the members in the map changes nothing', () => {
    const both = [content.members, [...content.members].reverse()].map((members) =>
      compile(believed([rule('any', 'any')], members), laptop.id, choices),
    );
    expect(both[0]?.names).toEqual(both[1]?.names);
  });
  test('a router that the map does not name knows no name, and a closed one only that the zone is its own', () => {
    const stranger = memberOf('stranger', '10.77.0.9');
    expect(compile(believed([rule('any', 'any')]), stranger.id, choices).names).toBeUndefined();
    const { names } = compile(believed([rule('any', 'any')]), office.id, choices);
    const closed = closedDesired(choices, names).names;
    expect(closed).toMatchObject({ zone: 'mesh.example', hosts: [], own: { addresses: [] } });
    expect(closed?.reverseZones).toEqual(names?.reverseZones);
  });
});

describe('reverse zones', () => {
  test.each([
    ['10.7.0.0/16', ['7.10.in-addr.arpa']],
    ['10.0.0.0/8', ['10.in-addr.arpa']],
    ['10.7.4.0/22', ['4', '5', '6', '7'].map((octet) => `${octet}.7.10.in-addr.arpa`)],
    ['10.7.4.8/31', ['8.4.7.10.in-addr.arpa', '9.4.7.10.in-addr.arpa']],
    ['fd00:1234:5678::/48', ['8.7.6.5.4.3.2.1.0.0.d.f.ip6.arpa']],
    ['fd00:1234:5678::/47', ['8', '9'].map((digit) => `${digit}.7.6.5.4.3.2.1.0.0.d.f.ip6.arpa`)],
  ])('of %s', (prefix, zones) => {
    expect(reverseZonesOf(prefix as Cidr)).toEqual(zones);
  });
});
