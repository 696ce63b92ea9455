/** Our sections of UCI, by the real driver and the stand-in of rpcd: what the files hold afterwards. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fit, fitting } from '../../src/control/sections.ts';
import { connectConfiguration, connectSettings } from '../../src/drivers/uci.ts';
import { connectUbus } from '../../src/drivers/ubus.ts';
import type { Configuration, Ubus, World as Kernel } from '../../src/control/ports.ts';
import { choices } from '../policy/believed.ts';
import { openWorld, type World } from '../standin/world.ts';

const network = "\nconfig interface 'lan'\n\toption device 'br-lan'\n\toption proto 'static'\n\n";
const firewall = "\nconfig zone\n\toption name 'lan'\n\tlist network 'lan'\n\toption input 'ACCEPT'\n\n";

let world: World;
let ubus: Ubus;
let configuration: Configuration;
let links: string[];
beforeEach(async () => {
  world = await openWorld({ network, firewall });
  ubus = connectUbus({ path: world.places.socket });
  configuration = connectConfiguration(ubus);
  links = [];
});
afterEach(async () => {
  ubus.close();
  await world.close();
});

/** Devices by name; of the kernel no more is asked here. */
const kernel = {
  network: { link: (name: string) => Promise.resolve(links.includes(name) ? { kind: 'wireguard' } : undefined) },
  wireGuard: { remove: (name: string) => Promise.resolve(void links.splice(links.indexOf(name), 1)) },
} as unknown as Kernel;

const file = (name: string): string => readFileSync(join(world.places.configFolder, name), 'utf8');
const files = (): readonly string[] => [file('network'), file('firewall')];
const write = (name: string, text: string): void => writeFileSync(join(world.places.configFolder, name), text);

describe('a router that joins', () => {
  test('has the interface, the closed zone and four rules that accept only the mark', async () => {
    expect(await fit(configuration, kernel, choices)).toBeUndefined();
    expect(file('network')).toBe(`${network.slice(0, -1)}\nconfig interface 'rn0'\n\toption proto 'rustynet'\n\n`);
    expect(file('firewall')).toContain(
      "config zone 'rustynet'\n\toption name 'rustynet'\n\tlist network 'rn0'\n\toption input 'REJECT'\n\toption output 'REJECT'\n\toption forward 'REJECT'\n",
    );
    expect(file('firewall').match(/\toption mark '0x08000000\/0x08000000'\n\toption target 'ACCEPT'\n/g)).toHaveLength(
      4,
    );
  });
  test('and leaves again has the files as they were, byte for byte', async () => {
    await fit(configuration, kernel, choices);
    expect(await fit(configuration, kernel, undefined)).toBeUndefined();
    expect(files()).toEqual([network, firewall]);
  });
  test('is not written to a second time', async () => {
    await fit(configuration, kernel, choices);
    const again = await fitting(configuration, choices);
    expect(again).toEqual({ network: [], firewall: [], gone: [] });
  });
});

test.each<[string, string, string]>([
  ['an option that somebody changed', "option input 'REJECT'", "option input 'ACCEPT'"],
  ['an option that somebody added', "list network 'rn0'", "list network 'rn0'\n\toption masq '1'"],
  ['a second network in the zone', "list network 'rn0'", "list network 'rn0'\n\tlist network 'lan'"],
  [
    'a rule of ours from an older version',
    "config zone 'rustynet'",
    "config rule 'rustynet_wireguard'\n\toption src 'wan'\n\nconfig zone 'rustynet'",
  ],
])('%s is put right', async (_, from, to) => {
  await fit(configuration, kernel, choices);
  const lines = (): readonly string[] => file('firewall').split('\n').sort();
  const [right, wanted] = [file('firewall'), lines()];
  write('firewall', right.replace(from, to));
  expect(file('firewall')).not.toBe(right);
  expect(await fit(configuration, kernel, choices)).toBeUndefined();
  // A list that is set anew stands last in its section.
  expect(lines()).toEqual(wanted);
});

test('another mark and another name: the rules follow, and the old section and its device go', async () => {
  await fit(configuration, kernel, choices);
  links = ['rn0', 'rn1'];
  expect(await fit(configuration, kernel, { ...choices, interface: 'rn1', mark: 0x20000000 })).toBeUndefined();
  expect(file('network')).toBe(`${network.slice(0, -1)}\nconfig interface 'rn1'\n\toption proto 'rustynet'\n\n`);
  expect(file('firewall')).toContain("\tlist network 'rn1'\n");
  expect(file('firewall').match(/0x20000000\/0x20000000/g)).toHaveLength(4);
  expect(file('firewall')).not.toContain('0x08000000');
  expect(links).toEqual(['rn1']);
});

describe("what is the user's stays, and it says what is in the way", () => {
  test.each<[string, 'network' | 'firewall', string, string]>([
    [
      'an interface under our name',
      'network',
      "\nconfig interface 'rn0'\n\toption proto 'static'\n\n",
      'network.rn0: wanted no section, or an interface of proto rustynet, got proto static; rename that section',
    ],
    [
      'a device under our name',
      'network',
      "\nconfig device 'rn0'\n\toption name 'br0'\n\n",
      'network.rn0: wanted no section, or an interface of proto rustynet, got a section of type device; rename that section',
    ],
    [
      'a zone of our name in another section',
      'firewall',
      "\nconfig zone 'mine'\n\toption name 'rustynet'\n\n",
      'firewall.mine: wanted a zone of another name, got rustynet; rename that section',
    ],
    [
      'a section of another type under our name',
      'firewall',
      "\nconfig rule 'rustynet'\n\toption src 'wan'\n\n",
      'firewall.rustynet: wanted no section, or one of type zone, got type rule; rename that section',
    ],
  ])('%s', async (_, config, text, message) => {
    write(config, text);
    const before = files();
    expect(await fit(configuration, kernel, choices)).toMatchObject({ code: 'SECTION', message });
    expect(files()).toEqual(before);
  });
  test('changes that a person has not committed yet are not committed for them', async () => {
    await ubus.call('uci', 'set', { config: 'network', section: 'lan', values: { proto: 'dhcp' } });
    const fault = await fit(configuration, kernel, choices);
    expect(fault).toMatchObject({
      code: 'PENDING',
      message: expect.stringContaining('wanted no uncommitted changes, got 1') as string,
    });
    expect(files()).toEqual([network, firewall]);
    await ubus.call('uci', 'revert', { config: 'network' });
    expect(await fit(configuration, kernel, choices)).toBeUndefined();
  });
  test('settings that a person has not committed yet are neither committed nor lost', async () => {
    write('rustynet', "\nconfig rustynet 'main'\n");
    await ubus.call('uci', 'set', { config: 'rustynet', section: 'main', values: { lease_s: '60' } });
    await expect(connectSettings(ubus).write({ network: 'x' })).rejects.toThrow('wanted no uncommitted changes, got 1');
    expect((await ubus.call('uci', 'changes', { config: 'rustynet' }))['changes']).toEqual([
      ['set', 'main', 'lease_s', '60'],
    ]);
  });
});

describe('a flash with too little room, where libuci would leave an empty file', () => {
  const full = 'wanted 64 KB of free flash, got 63';
  test('is not written to for sections, and with room is', async () => {
    expect(
      await fit(
        connectConfiguration(ubus, () => 63),
        kernel,
        choices,
      ),
    ).toMatchObject({
      code: 'ROOM',
      message: `/etc/config/network: ${full}`,
    });
    expect(files()).toEqual([network, firewall]);
    expect(
      await fit(
        connectConfiguration(ubus, () => 64),
        kernel,
        choices,
      ),
    ).toBeUndefined();
  });
  test('is not written to for settings, of which nothing waits for the next commit either', async () => {
    write('rustynet', "\nconfig rustynet 'main'\n");
    await expect(connectSettings(ubus, () => 63).write({ network: 'x' })).rejects.toThrow(
      `/etc/config/rustynet: ${full}`,
    );
    expect((await ubus.call('uci', 'changes', { config: 'rustynet' }))['changes'] ?? []).toEqual([]);
    await connectSettings(ubus, () => 64).write({ network: 'x' });
    expect(file('rustynet')).toBe("\nconfig rustynet 'main'\n\toption network 'x'\n\n");
  });
  test('that fills while the changes are made is not written to, and nothing of them waits', async () => {
    const rooms = [64, 63];
    const fault = await fit(
      connectConfiguration(ubus, () => rooms.shift() ?? 0),
      kernel,
      choices,
    );
    expect(fault).toMatchObject({ code: 'ROOM', message: `/etc/config/network: ${full}` });
    expect(files()).toEqual([network, firewall]);
    expect((await ubus.call('uci', 'changes', { config: 'network' }))['changes'] ?? []).toEqual([]);
  });
  test('that takes no commit has nothing left that waits for the next one', async () => {
    write('rustynet', "\nconfig rustynet 'main'\n");
    const readOnly: Ubus = {
      ...ubus,
      call: (object, method, args) =>
        method === 'commit' ? Promise.reject(new Error('EROFS')) : ubus.call(object, method, args),
    };
    await expect(connectSettings(readOnly).write({ network: 'x' })).rejects.toThrow('EROFS');
    expect((await ubus.call('uci', 'changes', { config: 'rustynet' }))['changes'] ?? []).toEqual([]);
  });
});

describe('while settings that somebody applied wait to be confirmed, and rpcd refuses commit and revert alike', () => {
  const busy = (config: string): string =>
    `/etc/config/${config}: wanted no settings on trial, got some that were applied`;
  const waiting = async (config: string): Promise<unknown> =>
    (await ubus.call('uci', 'changes', { config }))['changes'];
  let session: { readonly ubus_rpc_session: string };
  /** As LuCI does it: on trial until `confirm`. */
  const apply = async (): Promise<void> => {
    await ubus.call('uci', 'set', { config: 'rustynet', section: 'main', values: { lease_s: '300' }, ...session });
    await ubus.call('uci', 'apply', { rollback: true, timeout: 60, ...session });
  };
  const confirm = (): Promise<unknown> => ubus.call('uci', 'confirm', session);
  beforeEach(async () => {
    write('rustynet', "\nconfig rustynet 'main'\n");
    const { ubus_rpc_session: sid } = await ubus.call('session', 'create');
    session = { ubus_rpc_session: String(sid) };
    await ubus.call('session', 'grant', { ...session, scope: 'uci', objects: [['rustynet', 'write']] });
  });

  test('sections are not changed, nothing of them waits, and afterwards they are', async () => {
    await apply();
    expect(await fit(configuration, kernel, choices)).toMatchObject({
      code: 'BUSY',
      message: expect.stringContaining(busy('network')) as string,
    });
    expect([files(), await waiting('network')]).toEqual([[network, firewall], []]);
    await confirm();
    expect(await fit(configuration, kernel, choices)).toBeUndefined();
    expect(file('network')).toContain("config interface 'rn0'");
  });
  test('settings are not written, and read as they are', async () => {
    await apply();
    const settings = connectSettings(ubus);
    await expect(settings.write({ network: 'x' })).rejects.toThrow(busy('rustynet'));
    expect(await settings.read()).toMatchObject({ lease_s: '300' });
    expect(await settings.read()).not.toHaveProperty('network');
    await confirm();
    await settings.write({ network: 'x' });
    expect(await settings.read()).toMatchObject({ lease_s: '300', network: 'x' });
  });
  test('what had been written when it began is taken for no settings, and goes when it has ended', async () => {
    const overtaken: Ubus = {
      ...ubus,
      call: async (object, method, args) => {
        if (method === 'commit') await apply();
        return ubus.call(object, method, args);
      },
    };
    const late = connectConfiguration(overtaken);
    expect(await fit(late, kernel, choices)).toMatchObject({ code: 'BUSY' });
    expect(await waiting('network')).toHaveLength(2);
    expect(await fit(late, kernel, choices)).toMatchObject({ code: 'UBUS_PERMISSION_DENIED' });
    await confirm();
    expect((await fitting(late, choices)).network).toHaveLength(1);
    expect([files(), await waiting('network')]).toEqual([[network, firewall], []]);
  });
});
