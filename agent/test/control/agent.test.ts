/** What the agent says, keeps and refuses. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compile } from '../../src/policy/compile.ts';
import type { Desired } from '../../src/policy/desired.ts';
import { encodeInvite } from '../../src/trust/invite.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import type { NetworkId } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import {
  content,
  home,
  mapOf,
  network,
  nowUnixS,
  otherNetwork,
  partsOf,
  rootOf,
  signedRoot,
} from '../trust/network.ts';
import { LabOfOne } from './lab-of-one.ts';

const root = rootOf();
const inviteTo = (id: NetworkId): string =>
  encodeInvite({
    network: id,
    root: { version: 1, digest: digestOf(encodeRoot(root)) },
    broker: { url: 'mqtt://broker.invalid', user: 'router', password: 'secret' },
    issuedUnixS: nowUnixS - 500,
  });

let lab: LabOfOne;
beforeEach(() => {
  lab = new LabOfOne('home');
});
afterEach(() => lab.end());

async function believeMap(signed = mapOf()): Promise<void> {
  await lab.settles('closed');
  lab.deliver?.({ topic: topics.root(network, 1), payload: signedRoot(root) });
  lab.deliver?.({ topic: topics.map(network), payload: signed.envelope });
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const part of Object.values(signed.parts)) {
    lab.deliver?.({ topic: topics.part(network, digestOf(part)), payload: part });
  }
}

describe('joining', () => {
  test('a router that joined nothing is closed and says how to join', async () => {
    expect((await lab.settles('closed'))['why']).toBe('no network was joined; run "rustynet join"');
  });
  test('an invite gives settings, secrets, floors, and the keys for the operator', async () => {
    const answer = await lab.call('join', { invite: inviteTo(network) });
    expect(answer).toMatchObject({ network, identity_key: home.identityKey, wireguard_key: home.wireGuardKey });
    expect(Object.fromEntries(lab.options)).toMatchObject({
      network,
      broker: 'mqtt://broker.invalid',
      username: 'router',
    });
    expect(lab.secrets).toEqual({ password: 'secret' });
    expect(lab.store.read()).toEqual({
      floors: {
        rootVersion: 1,
        rootDigest: digestOf(encodeRoot(root)),
        minMapRootVersion: 1,
        epoch: 0,
        timeUnixS: nowUnixS - 500,
      },
    });
  });
  test('no secret of it stands in the settings or in the status', async () => {
    await lab.call('join', { invite: inviteTo(network) });
    expect(JSON.stringify([...lab.options])).not.toContain('secret');
    expect(JSON.stringify(await lab.call('status'))).not.toContain('secret"');
  });
  test.each([
    ['text that is no invite', 'hello', 'INVITE', 'wanted text that begins with rustynet1:'],
    ['an invite that lost its end', inviteTo(network).slice(0, 80), 'INVITE', 'wanted'],
    ['no text', '', 'INVITE', 'wanted text that begins with rustynet1:'],
  ])('%s is refused and changes nothing', async (_, invite, code, message) => {
    const answer = await lab.call('join', { invite });
    expect(answer['error']).toMatchObject({ code, message: expect.stringContaining(message) as string });
    expect(lab.options.size).toBe(0);
    expect(lab.store.read()).toBeUndefined();
  });
  test('an invite from another network is refused while there is a membership, which stays', async () => {
    await lab.call('join', { invite: inviteTo(network) });
    const before = lab.store.read();
    const answer = await lab.call('join', { invite: inviteTo(otherNetwork) });
    const message = `wanted a router that is in no network, got one that joined network ${network}; run "rustynet leave" first`;
    expect(answer['error']).toEqual({ code: 'JOINED', message });
    expect(lab.options.get('network')).toBe(network);
    expect(lab.store.read()).toEqual(before);
  });
  test('leaving forgets all of it, and then another network can be joined', async () => {
    await lab.call('join', { invite: inviteTo(network) });
    await lab.call('leave');
    expect([lab.options.size, lab.secrets, lab.store.read()]).toEqual([0, {}, undefined]);
    expect(await lab.call('join', { invite: inviteTo(otherNetwork) })).toMatchObject({ network: otherNetwork });
  });
});

describe('settings that are wrong close the router, and it says which', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'a section without its network id',
      { broker: 'mqtt://b' },
      'rustynet.main.network: wanted a network id, 32 hex digits, got none',
    ],
    [
      'a membership whose floors are gone',
      { network, broker: 'mqtt://b' },
      'wanted the floors of the network that was joined, got none',
    ],
    ['an interface name that is none', { interface: '../x' }, 'rustynet.main.interface: wanted'],
  ])('%s', async (_, options, message) => {
    await lab.end();
    lab = new LabOfOne('home', options);
    const status = await lab.settles('closed');
    expect(String(status['why'])).toContain(message);
  });
  test('a broker URL without a host', async () => {
    await lab.call('join', { invite: inviteTo(network) });
    lab.options.set('broker', 'mqtts://');
    // A restart; the state is that of the membership.
    const stored = lab.store.read();
    await lab.end();
    lab = new LabOfOne('home', Object.fromEntries(lab.options));
    if (stored !== undefined) lab.store.commit(stored, new Map(), []);
    const status = await lab.settles('closed');
    expect(status['why']).toBe('broker URL: wanted a host, got none');
  });
});

describe('our sections of UCI', () => {
  test('are there after joining, are not written again, and are gone when leave has answered', async () => {
    await lab.call('join', { invite: inviteTo(network) });
    await expect.poll(() => Object.keys(lab.packages['network'] ?? {})).toEqual(['rn0']);
    await expect.poll(() => Object.keys(lab.packages['firewall'] ?? {})).toHaveLength(5);
    const writes = lab.uciWrites;
    lab.agent.trigger();
    await lab.call('announce', { prefixes: ['192.168.1.0/24'] });
    expect(lab.uciWrites).toBe(writes);
    await lab.call('leave');
    expect(lab.packages).toEqual({ network: {}, firewall: {} });
  });
  test("a section of the user's in their place: join is refused and nothing is written", async () => {
    lab.packages['network'] = { rn0: { '.type': 'interface', proto: 'static' } };
    const message =
      'network.rn0: wanted no section, or an interface of proto rustynet, got proto static; rename that section';
    expect(await lab.call('join', { invite: inviteTo(network) })).toMatchObject({
      error: { code: 'SECTION', message },
    });
    expect([lab.options.size, lab.uciWrites, lab.store.read()]).toEqual([0, 0, undefined]);
  });
  test('and when it comes later, the router is closed and says why', async () => {
    await lab.call('join', { invite: inviteTo(network) });
    await expect.poll(() => lab.uciWrites).toBe(2);
    lab.packages['network'] = { rn0: { '.type': 'interface', proto: 'static' } };
    lab.agent.trigger();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(String((await lab.settles('closed'))['why'])).toContain('got proto static');
  });
});

test('choices: written as options and lists, shown in the answer, refused without a write', async () => {
  expect(await lab.call('announce', { prefixes: ['192.168.1.0/24'] })).toMatchObject({
    choices: { announced: [{ prefix: '192.168.1.0/24', granted: false }] },
  });
  await lab.call('exit', { exit: 'full' });
  expect(await lab.call('exit', { lan: true })).toMatchObject({ choices: { exit: 'full', exit_lan: true } });
  const written = { announce: ['192.168.1.0/24'], exit: 'full', exit_lan: '1' };
  expect(Object.fromEntries(lab.options)).toEqual(written);
  expect(await lab.call('exit', { exit: 'nobody' })).toMatchObject({ error: { code: 'CHOICE' } });
  expect(await lab.call('announce', { prefixes: ['x'] })).toMatchObject({ error: { code: 'CHOICE' } });
  expect(Object.fromEntries(lab.options)).toEqual(written);
  await lab.call('announce', { prefixes: [] });
  await lab.call('exit', { exit: 'off', lan: false });
  expect(lab.options.size).toBe(0);
});

test('settings that change are read again when procd says so', async () => {
  await lab.settles('closed');
  lab.options.set('enabled', '0');
  lab.notify('service', 'config.change', { config: 'network' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect((await lab.settles('closed'))['why']).toContain('no network was joined');
  lab.notify('service', 'config.change', { config: 'rustynet' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect((await lab.settles('closed'))['why']).toBe('disabled: rustynet.main.enabled is 0');
});

describe('a map', () => {
  const opened = (): Desired => compile(believed([rule('any', 'any')]), home.id, { ...choices, announced: [] });
  const signed = mapOf();
  beforeEach(async () => {
    await lab.call('join', { invite: inviteTo(network) });
    await expect.poll(() => lab.deliver).toBeDefined();
  });
  test('is in force once the kernel shows it', async () => {
    lab.show(opened());
    await believeMap(signed);
    const status = await lab.settles('enforced');
    expect(status).toMatchObject({ name: 'home', map: { epoch: 7 }, floors: { epoch: 7 }, findings: [], lease_s: 600 });
    expect(await lab.call('peers')).toMatchObject({ peers: [{ present: true }, { present: true }] });
  });
  test('is not called enforced while the kernel shows something else', async () => {
    const desired = opened();
    await believeMap(signed);
    lab.show({ ...desired, routes: [] });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const status = await lab.settles('applying');
    expect(status['findings']).toEqual([expect.stringMatching(/^routes to rn0: wanted .*, got \[\]$/)]);
    expect(status['lease_s']).toBe(0);
  });
  test('the proof of one map is none of the next: before a run has ended, nothing new is called enforced', async () => {
    lab.show(opened());
    await believeMap(signed);
    await lab.settles('enforced');
    const next = mapOf({ epoch: 8 }, signed.parts);
    const release = lab.hold();
    lab.deliver?.({ topic: topics.map(network), payload: next.envelope });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await lab.call('status')).toMatchObject({ state: 'applying', map: { epoch: 8 } });
    release();
    expect(await lab.settles('enforced')).toMatchObject({ map: { epoch: 8 } });
  });
  test('with nft broken there is no proof: the interface is taken down, and it does not say enforced', async () => {
    lab.show(opened());
    await believeMap(signed);
    await lab.settles('enforced');
    lab.isNftBroken = true;
    lab.agent.trigger();
    await lab.settles('unsafe');
    expect(lab.removed).toContain('rn0');
    lab.isNftBroken = false;
    lab.agent.trigger();
    await lab.settles('enforced');
  });
  test("with another WireGuard key for this router closes it, and says both keys' ends", async () => {
    const members = content.members
      .map((member) =>
        member.id === home.id
          ? { ...member, wireGuardKey: believed([]).members[2]?.wireGuardKey ?? member.wireGuardKey }
          : member,
      )
      .filter(({ name }) => name !== 'laptop');
    await believeMap(mapOf({}, partsOf({ ...content, members })));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(String((await lab.settles('closed'))['why'])).toContain('for this router, not');
  });
  test('that cannot be written to flash closes the router and is tried again; the daemon lives', async () => {
    lab.show(opened());
    await believeMap(signed);
    await lab.settles('enforced');
    const commit = lab.store.commit.bind(lab.store);
    lab.store.commit = () => {
      throw new Error('ENOSPC: no space left on device');
    };
    lab.shows = undefined;
    lab.deliver?.({ topic: topics.map(network), payload: mapOf({ epoch: 8 }, signed.parts).envelope });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(String((await lab.settles('closed'))['why'])).toContain('could not be written to flash: ENOSPC');
    lab.store.commit = commit;
    lab.show(opened());
    for (let tries = 0; tries < 4 && (await lab.call('status'))['state'] !== 'enforced'; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
    expect(await lab.settles('enforced')).toMatchObject({ map: { epoch: 8 } });
  });
  test('that expires by a clock that nobody vouches for blocks, and NTP decides: back in force, or closed', async () => {
    lab.show(opened());
    await believeMap(signed);
    expect(await lab.settles('enforced')).toMatchObject({ clock: 'signed', clock_usable: true });
    lab.shows = undefined;
    lab.clockUnixS = signed.manifest.expiresUnixS;
    lab.agent.trigger();
    expect(await lab.settles('unclocked')).toMatchObject({ clock: 'unknown', clock_usable: false });
    lab.clockUnixS = nowUnixS + 60;
    lab.show(opened());
    await lab.call('clock_set');
    expect(await lab.settles('enforced')).toMatchObject({ clock: 'ntp', clock_usable: true });
    lab.shows = undefined;
    lab.clockUnixS = signed.manifest.expiresUnixS;
    await lab.call('clock_set');
    expect(String((await lab.settles('closed'))['why'])).toContain('expired');
  });
  test('is called enforced no longer than the lease lasts, though the clock is set back', async () => {
    lab.show(opened());
    await believeMap(signed);
    await lab.settles('enforced');
    const release = lab.hold();
    lab.clockUnixS -= 100;
    lab.passedS += 601;
    expect(await lab.call('status')).toMatchObject({ state: 'applying', lease_s: 0 });
    release();
  });
});
