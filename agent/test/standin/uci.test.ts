/**
 * The stand-in of UCI: files, uncommitted changes, rpcd's object, the command.
 * In: texts and calls. Out: compared with what was recorded (openwrt-25.12-rpcd-uci.md, qemu-test/standin/vectors) and
 * with what is on disk afterwards.
 */
import fc from 'fast-check';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BusClient, Reply } from '../../../qemu-test/standin/bus/client.ts';
import { uci } from '../../../qemu-test/standin/cli/uci.ts';
import {
  anonymousName,
  formatUci,
  newSection,
  parseUci,
  type UciSection,
} from '../../../qemu-test/standin/uci/file.ts';
import { UciStore } from '../../../qemu-test/standin/uci/store.ts';
import type { JsonTable } from '../../src/wire/blobmsg.ts';
import { openWorld, until, type World } from './world.ts';

function plain(sections: readonly UciSection[]): unknown {
  return sections.map(({ name, type, options }) => [name, type, Object.fromEntries(options)]);
}

function vector(name: string): string {
  return readFileSync(new URL(`../../../qemu-test/standin/vectors/${name}`, import.meta.url), 'utf8');
}

describe('files', () => {
  it.each([
    ['single quotes hold everything', `config t 'a'\n\toption o 'x "y" \\ z'`, 'x "y" \\ z'],
    ['double quotes take backslashes', 'config t a\noption o "x \\"y\\" z"', 'x "y" z'],
    ['a quote inside a quoted value, as libuci writes it', `config t a\noption o 'it'\\''s'`, "it's"],
    ['no quotes at all', 'config t a\n  option o x', 'x'],
    ['a value over two lines', `config t a\noption o 'x\ny'`, 'x\ny'],
    ['a comment behind a value', 'config t a\noption o x # y', 'x'],
    ['the last of two values', 'config t a\noption o x\noption o y', 'y'],
    ['two list entries', 'config t a\nlist o x\nlist o y', ['x', 'y']],
  ])('%s', (_sentence, text, value) => {
    expect(plain(parseUci(text))).toEqual([['a', 't', { o: value }]]);
  });

  it.each([
    ['an option without a section', 'option a b', 'line 1: wanted a section first'],
    ['a word that is no keyword', 'config t a\n\nnonsense', 'line 3: wanted config, option or list'],
    ['a quote that never ends', "config t 'a", "wanted a closing '"],
  ])('%s is refused', (_sentence, text, message) => {
    expect(() => parseUci(text)).toThrow(message);
  });

  it.each([
    ['dnsmasq', 1, 'cfg01411c'],
    ['defaults', 1, 'cfg01e63d'],
    ['wireguard_wgz', 8, 'cfg089746'],
  ])('an unnamed %s in place %i is %s', (type, place, name) => {
    expect(anonymousName(place, type)).toBe(name);
  });

  it('what is written is read again', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    const options = fc.dictionary(word, fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 4 })));
    const section = fc.record({ type: word, name: fc.option(word, { nil: undefined }), options });
    fc.assert(
      fc.property(fc.uniqueArray(section, { selector: ({ name }) => name ?? {} }), (given) => {
        const sections: UciSection[] = [];
        for (const { type, name, options: values } of given) {
          const made = newSection(sections, type, name);
          for (const [option, text] of Object.entries(values)) made.options.set(option, text);
          sections.push(made);
        }
        expect(plain(parseUci(formatUci(sections)))).toEqual(plain(sections));
      }),
    );
  });
});

const network = `
config interface 'loopback'
	option device 'lo'

config globals 'globals'

config device
	option name 'br-lan'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	list ipaddr '192.168.1.1/24'
	option ip6assign '60'

config interface 'wan'

config interface 'wan6'
`;

describe('rpcd', () => {
  let world: World;
  let bus: BusClient;
  beforeEach(async () => {
    world = await openWorld({ network });
    bus = await world.connect();
  });
  afterEach(() => world.close());
  const call = (method: string, args: JsonTable): Promise<Reply> => bus.call('uci', method, args);
  const changeFile = (): string => join(world.places.changeFolder, 'network');
  const peer = { public_key: 'AAA=', allowed_ips: ['10.1.1.1/32', '10.1.1.2/32'], route_allowed_ips: true };

  it('the recorded session leaves the recorded deltas and changes', async () => {
    const values = { ...peer, persistent_keepalive: 25 };
    await call('add', { config: 'network', type: 'wireguard_wgz', name: 'zz1', values });
    const unnamed = await call('add', { config: 'network', type: 'wireguard_wgz', values: { public_key: 'BBB=' } });
    expect(unnamed.data).toEqual({ section: 'cfg089746' });
    expect(readFileSync(changeFile(), 'utf8')).toBe(vector('uci-delta.txt'));

    const zz1 = { config: 'network', section: 'zz1' };
    await call('set', { ...zz1, values: { public_key: 'CCC=', allowed_ips: ['10.1.1.9/32'] } });
    const match = { public_key: 'CCC=' };
    await call('set', { config: 'network', type: 'wireguard_wgz', match, values: { description: 'd q' } });
    await call('delete', { ...zz1, option: 'persistent_keepalive' });
    await call('delete', { ...zz1, options: ['description', 'nosuch'] });
    await call('rename', { ...zz1, name: 'zz9' });
    await call('order', { config: 'network', sections: ['zz9'] });
    expect((await call('changes', { config: 'network' })).data).toEqual(JSON.parse(vector('uci-changes.json')));

    await call('revert', { config: 'network' });
    expect((await call('changes', { config: 'network' })).data).toEqual({ changes: [] });
    expect(existsSync(changeFile())).toBe(false);
  });

  it.each([
    ['a configuration that is not there is NOT_FOUND', 'get', { config: 'nosuch' }, 4, undefined],
    ['a section that is not there is an empty reply', 'get', { config: 'network', section: 'no' }, 0, undefined],
    ['setting in a missing section is NOT_FOUND', 'set', { config: 'network', section: 'no', values: { a: 'b' } }, 4],
    ['adding to a missing configuration is NOT_FOUND', 'add', { config: 'no', type: 't' }, 4],
    ['apply without a session is INVALID_ARGUMENT', 'apply', { rollback: false }, 2],
    ['confirm without a session is INVALID_ARGUMENT', 'confirm', {}, 2],
    ['rollback with nothing pending is NO_DATA', 'rollback', {}, 5],
    ['a session that nobody made is PERMISSION_DENIED', 'get', { config: 'network', ubus_rpc_session: 'a' }, 6],
    ['one option', 'get', { config: 'network', section: 'lan', option: 'ipaddr' }, 0, { value: ['192.168.1.1/24'] }],
  ])('%s', async (_sentence, method, args, status, data = undefined) => {
    expect(await call(method, args as JsonTable)).toEqual({ status, data });
  });

  it('one section is shown without its place, many with it', async () => {
    const lan = {
      '.anonymous': false,
      '.type': 'interface',
      '.name': 'lan',
      device: 'br-lan',
      proto: 'static',
      ipaddr: ['192.168.1.1/24'],
      ip6assign: '60',
    };
    expect((await call('get', { config: 'network', section: 'lan' })).data).toEqual({ values: lan });
    const all = (await call('get', { config: 'network', type: 'interface' })).data as {
      values: Record<string, unknown>;
    };
    expect(all.values['lan']).toEqual({ ...lan, '.index': 3 });
    expect(Object.keys(all.values)).toEqual(['loopback', 'lan', 'wan', 'wan6']);
  });

  it('commit writes the file and tells procd, whose triggers and subscribers hear of it', async () => {
    const heard: unknown[] = [];
    await bus.subscribe('service', (event, data) => heard.push([event, data]));
    await call('set', { config: 'network', section: 'lan', values: { mtu: 1400 } });
    expect(readFileSync(join(world.places.configFolder, 'network'), 'utf8')).not.toContain('mtu');
    expect((await call('commit', { config: 'network' })).status).toBe(0);
    expect(readFileSync(join(world.places.configFolder, 'network'), 'utf8')).toContain("\toption mtu '1400'\n");
    await until('both notifications', () => heard.length === 2);
    expect(heard).toEqual([
      ['event.trigger', { type: 'config.change', data: { package: 'network' } }],
      ['config.change', { config: 'network' }],
    ]);
  });

  function command(...argv: string[]): { status: number; out: string; err: string } {
    let [out, err] = ['', ''];
    const tool = { argv, input: '', out: (text: string) => (out += text), err: (text: string) => (err += text) };
    const store = new UciStore(world.places.configFolder, world.places.changeFolder);
    const status = uci({ ...tool, abandoned: new Promise<void>(() => undefined) }, store);
    return { status, out, err };
  }

  it('the command sees what rpcd changed, and its commit tells nobody', async () => {
    const heard: string[] = [];
    await bus.subscribe('service', (event) => heard.push(event));
    await call('add', { config: 'network', type: 'wireguard_wgz', name: 'zz1', values: peer });
    expect(command('show', 'network.zz1').out).toBe(
      "network.zz1=wireguard_wgz\nnetwork.zz1.public_key='AAA='\n" +
        "network.zz1.allowed_ips='10.1.1.1/32' '10.1.1.2/32'\nnetwork.zz1.route_allowed_ips='1'\n",
    );
    command('commit', 'network');
    await call('commit', { config: 'network' });
    await until('the notifications of rpcd alone', () => heard.length === 2);
    expect(heard).toEqual(['event.trigger', 'config.change']);
  });

  it.each([
    ['get of an option', ['get', 'network.lan.proto'], 0, 'static\n', ''],
    ['get by type and place', ['get', 'network.@device[0].name'], 0, 'br-lan\n', ''],
    ['get by place from the end', ['get', 'network.@interface[-1]'], 0, 'interface\n', ''],
    ['get of what is not there', ['get', 'network.lan.no'], 1, '', 'uci: Entry not found\n'],
    ['the same, quietly', ['-q', 'get', 'network.lan.no'], 1, '', ''],
    ['set in a section that is not there', ['set', 'network.no.a=b'], 1, '', 'uci: Invalid argument\n'],
    [
      'show of an unnamed section',
      ['show', 'network.@device[0]'],
      0,
      "network.@device[0]=device\nnetwork.@device[0].name='br-lan'\n",
      '',
    ],
    ['add of an unnamed section', ['add', 'network', 'wireguard_wgz'], 0, 'cfg079746\n', ''],
  ])('%s', (_sentence, argv, status, out, err) => {
    expect(command(...argv)).toEqual({ status, out, err });
  });
});
