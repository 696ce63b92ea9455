import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addArgs, done, emptyFolder, initArgs, json, network, populated, refused } from './operator.ts';

describe('names set', () => {
  it('changes the zone, the resolvers, or takes them away, and sign shows it', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    await done(folder, [
      'names',
      'set',
      '--zone',
      'home.internal',
      '--resolver',
      '9.9.9.9',
      '--resolver',
      '2620:fe::fe',
    ]);
    const { difference } = await done(folder, ['sign']);
    expect(difference.changes).toEqual([
      { what: 'zone', from: 'home.mesh.internal', to: 'home.internal' },
      { what: 'resolvers', from: 'none', to: '9.9.9.9 2620:fe::fe' },
    ]);
    await done(folder, ['names', 'set', '--zone', 'other.internal']);
    expect(json(folder, 'network.json').resolvers).toEqual(['9.9.9.9', '2620:fe::fe']);
    await done(folder, ['names', 'set', '--no-resolver']);
    expect(await done(folder, ['show'])).toMatchObject({ zone: 'other.internal', resolvers: [] });
  });

  it('init takes resolvers too', async () => {
    const folder = emptyFolder();
    await done(folder, [...initArgs, '--zone', 'home.arpa', '--resolver', '192.168.1.7']);
    expect(json(folder, 'network.json')).toMatchObject({ zone: 'home.arpa', resolvers: ['192.168.1.7'] });
  });

  it.each(['internal', 'home.internal', 'mesh.example.com', 'home.arpa', 'lan.internal'])(
    'takes the zone %s',
    async (zone) => {
      expect((await done(await network(), ['names', 'set', '--zone', zone])).zone).toBe(zone);
    },
  );

  const inUse = (by: RegExp) => ({ code: 'conflict', message: new RegExp(`got ".*", already in use by ${by.source}`) });
  const usage = (message: RegExp) => ({ code: 'usage', message, exit: 2 });
  const rows: readonly [sentence: string, options: readonly string[], wanted: Parameters<typeof refused>[2]][] = [
    ['a top-level domain', ['--zone', 'com'], inUse(/a top-level domain/)],
    ["OpenWrt's own domain", ['--zone', 'lan'], inUse(/OpenWrt's own dnsmasq/)],
    ['a name below it', ['--zone', 'mesh.lan'], inUse(/OpenWrt's own dnsmasq/)],
    ["multicast DNS's", ['--zone', 'local'], inUse(/multicast DNS/)],
    ['a name below that', ['--zone', 'mesh.local'], inUse(/multicast DNS/)],
    ['reverse names', ['--zone', '10.in-addr.arpa'], inUse(/reverse names/)],
    ['a name that is none', ['--zone', 'my_mesh.internal'], usage(/wanted a domain name.*, got "my_mesh.internal"/)],
    ['an address as a zone', ['--zone', '10.0.0.1'], usage(/wanted a domain name/)],
    [
      'a resolver by name',
      ['--resolver', 'dns.example'],
      usage(/wanted the address of a DNS server.*, got "dns.example"/),
    ],
    ['the router itself', ['--resolver', '127.0.0.1'], usage(/wanted the address of a DNS server behind an exit/)],
    ['everybody', ['--resolver', 'ff02::fb'], usage(/wanted the address of a DNS server behind an exit/)],
    ['a resolver twice', ['--resolver', '9.9.9.9', '--resolver', '9.9.9.9'], usage(/wanted each --resolver once/)],
    [
      'five',
      [1, 2, 3, 4, 5].flatMap((each) => ['--resolver', `192.0.2.${each}`]),
      usage(/at most 4 --resolver, got 5/),
    ],
    ['both ways', ['--resolver', '9.9.9.9', '--no-resolver'], usage(/or --no-resolver, got both/)],
    ['nothing', [], usage(/wanted --zone, --resolver or --no-resolver, got none/)],
  ];
  it.each(rows)('refuses %s', async (_sentence, options, wanted) => {
    await refused(await network(), ['names', 'set', ...options], wanted);
  });

  it('what people wrote into network.json is held to the same, and nothing is signed', async () => {
    const folder = await populated();
    const settings = json(folder, 'network.json');
    const write = (over: object): void =>
      writeFileSync(join(folder, 'network.json'), JSON.stringify({ ...settings, ...over }, undefined, 2));
    write({ zone: 'lan' });
    await refused(folder, ['sign', '--yes'], { code: 'conflict', message: /network\.json line [0-9]+: .* got "lan"/ });
    write({ resolvers: ['9.9.9.9', '::1'] });
    await refused(folder, ['sign', '--yes'], { code: 'malformed', message: /network\.json line [0-9]+: .* got "::1"/ });
  });
});

describe('a subnet in the mesh range is refused before anything is written', () => {
  it.each(['10.77.0.0/16', '10.77.3.0/24', '10.0.0.0/8', '0.0.0.0/0'])('%s', async (subnet) => {
    const wanted = { code: 'conflict', message: /wanted subnets apart from the mesh at lab, got/ };
    await refused(await network(), addArgs('lab', '--subnet', subnet), wanted);
  });
});
