/** Another broker for a router that is in the network already: what of it changes, what stays, and what is refused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { join, settled, type MembershipPorts } from '../../src/control/membership.ts';
import { Fault, type JsonObject, type Settings } from '../../src/control/ports.ts';
import { openVault } from '../../src/drivers/vault.ts';
import { compile } from '../../src/policy/compile.ts';
import { firstFloors } from '../../src/trust/floors.ts';
import { encodeInvite, type Invite } from '../../src/trust/invite.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import type { Digest } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { failing } from '../drivers/power-cut.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { home, mapOf, network, nowUnixS, otherNetwork, rootOf, signedRoot } from '../trust/network.ts';
import { invite as id, inviteKey, secret } from '../trust/vectors-of-joins.ts';
import { LabOfOne } from './lab-of-one.ts';

const root = rootOf();
const ca = '-----BEGIN CERTIFICATE-----\nMIIB+/8=\n-----END CERTIFICATE-----\n';
const inviteOf = (broker: Invite['broker'], over: Partial<Invite> = {}): string =>
  encodeInvite({
    network,
    root: { version: 1, digest: digestOf(encodeRoot(root)) },
    broker,
    issuedUnixS: nowUnixS - 500,
    ...over,
  });
const first = inviteOf({ url: 'mqtts://old.example', ca, user: 'router', password: 'old password' });
const second = { url: 'mqtt://new.example:1884', user: 'home', password: 'new password' };
const once = { once: { id, secret } };

let lab: LabOfOne;
beforeEach(async () => {
  lab = new LabOfOne('home');
  await lab.call('join', { invite: first });
  await expect.poll(() => lab.logins.length).toBe(1);
});
afterEach(() => lab.end());

async function enforced(): Promise<void> {
  lab.show(compile(believed([rule('any', 'any')]), home.id, { ...choices, announced: [] }));
  const signed = mapOf();
  lab.deliver?.({ topic: topics.root(network, 1), payload: signedRoot(root) });
  lab.deliver?.({ topic: topics.map(network), payload: signed.envelope });
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const part of Object.values(signed.parts))
    lab.deliver?.({ topic: topics.part(network, digestOf(part)), payload: part });
  await lab.settles('enforced');
}
const recorded = (): string => {
  const folder = pathOf(lab.folder, 'audit');
  return readdirSync(folder)
    .map((name) => readFileSync(pathOf(folder, name), 'utf8'))
    .join('');
};
const asked = (): number => lab.published.filter(({ topic }) => topic === topics.join(network, home.id)).length;

describe('a member whose mesh is enforced', () => {
  test('takes it over: the session is made anew, and nothing is closed, forgotten or asked for', async () => {
    await enforced();
    const [before, removed] = [lab.store.read(), lab.removed.length];
    const answer = await lab.call('join', { invite: inviteOf(second, once) });
    expect(answer).toEqual({
      ...{ network, broker: second.url, node: home.id },
      ...{ identity_key: home.identityKey, wireguard_key: home.wireGuardKey },
    });
    const states = new Set<unknown>();
    while (lab.logins.length < 2) {
      states.add((await lab.call('status'))['state']);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const status = await lab.call('status');
    expect([...states.add(status['state'])]).toEqual(['enforced']);
    expect(status).toMatchObject({ network, invite: null, map: { epoch: 7 }, floors: { epoch: 7 } });
    expect(lab.removed.length).toBe(removed);
    expect(lab.store.read()).toEqual(before);
    const { url, user, password } = second;
    expect(lab.logins[1]).toMatchObject({ url, username: user, password });
    expect(lab.logins[1]).not.toHaveProperty('ca');
    expect(lab.secrets).toEqual({ password });
    expect(Object.fromEntries(lab.options)).toMatchObject({ network, broker: url, username: user });
    expect(asked()).toBe(0);
  });

  test('has it on the record, and no secret of it anywhere', async () => {
    await enforced();
    const answer = await lab.call('join', { invite: inviteOf(second, once) });
    await expect.poll(recorded).toContain(`"event":"broker-changed","broker":"${second.url}"`);
    const said = JSON.stringify([answer, await lab.call('status'), lab.lines, [...lab.options], recorded()]);
    for (const word of ['new password', secret, inviteKey]) expect(said).not.toContain(word);
  });

  test('with a login that has no password keeps none of before', async () => {
    await enforced();
    await lab.call('join', { invite: inviteOf({ url: 'mqtts://new.example', ca }) });
    await expect.poll(() => lab.secrets).toEqual({ ca });
    expect(lab.options.has('username')).toBe(false);
  });
});

describe('a router that waits to be let in', () => {
  test('asks by the secret of the new invite', async () => {
    const answer = await lab.call('join', { invite: inviteOf(second, once) });
    expect(answer).toMatchObject({ broker: second.url, invite: id });
    await expect.poll(() => lab.secrets).toEqual({ password: 'new password', invite: `${id} ${inviteKey}` });
    await expect.poll(asked).toBeGreaterThan(0);
  });
  test('goes on asking by the one it has where the new one lets nobody in', async () => {
    await lab.call('join', { invite: inviteOf(second, once) });
    await expect.poll(() => lab.logins.length).toBe(2);
    await lab.call('join', { invite: inviteOf({ url: 'mqtt://third.example' }) });
    await expect.poll(() => lab.logins.length).toBe(3);
    expect(lab.secrets).toEqual({ invite: `${id} ${inviteKey}` });
    expect(await lab.call('status')).toMatchObject({ invite: id });
  });
});

describe('refused, and nothing is changed', () => {
  const digest = 'ab'.repeat(32) as Digest;
  const other = `invite: wanted root ${digestOf(encodeRoot(root))} as version 1, or a later one, got ${digest} as version 1`;
  test.each<[string, Partial<Invite>, object]>([
    ['of another root of that version', { root: { version: 1, digest } }, { code: 'INVITE', message: other }],
    ['of another network', { network: otherNetwork }, { code: 'JOINED' }],
  ])('an invite %s', async (_, over, error) => {
    const options = new Map(lab.options);
    expect(await lab.call('join', { invite: inviteOf(second, over) })).toMatchObject({ error });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([lab.options, lab.logins.length]).toEqual([options, 1]);
    expect(lab.secrets).toEqual({ password: 'old password', ca });
  });
  test('an invite of an older root than this router has', async () => {
    const floors = { ...firstFloors({ version: 2, digest }, nowUnixS), epoch: 0 };
    lab.store.commit({ floors }, new Map(), []);
    const error = { code: 'INVITE', message: expect.stringContaining(`wanted root ${digest} as version 2`) as string };
    expect(await lab.call('join', { invite: inviteOf(second) })).toMatchObject({ error });
  });
  test('the nearest that is taken: one of a later root, which belief walks to by itself', async () => {
    const before = lab.store.read();
    const later = inviteOf(second, { root: { version: 2, digest } });
    expect(await lab.call('join', { invite: later })).toMatchObject({ broker: second.url });
    await expect.poll(() => lab.logins.length).toBe(2);
    expect(lab.store.read()).toEqual(before);
  });
  test('where the floors are gone, which is no first use', async () => {
    lab.store.clear();
    expect(await lab.call('join', { invite: inviteOf(second) })).toMatchObject({ error: { code: 'JOINED' } });
    expect(lab.store.read()).toBeUndefined();
  });
});

/** A router's settings and secrets, on files that lose power. */
function routerWith(folder: string, files: ReturnType<typeof failing>['files'], options: Map<string, unknown>) {
  const settings: Settings = {
    read: () => Promise.resolve(Object.fromEntries(options) as JsonObject),
    write: (values) => {
      // A commit is an operation too: the power fails before it or after it.
      files.syncFolder(folder);
      for (const [option, value] of Object.entries(values)) {
        if (value === undefined) options.delete(option);
        else options.set(option, value);
      }
      files.syncFolder(folder);
      return Promise.resolve();
    },
  };
  const configuration: MembershipPorts['configuration'] = {
    sections: () => Promise.resolve({}),
    change: () => Promise.resolve(),
  };
  return { settings, configuration, store: lab.store, vault: openVault(folder, files), log: () => undefined };
}

describe('a power cut', () => {
  const old = { broker: 'mqtts://old.example', username: 'router' };
  const before = { ...old, secrets: { password: 'old password', ca } };
  const { url: broker, user: username, password } = second;
  const after = { broker, username, secrets: { password } };
  async function cutAt(at: number, half: boolean): Promise<{ left: object; told: readonly string[]; done: boolean }> {
    const folder = mkdtempSync(pathOf(tmpdir(), 'rustynet-broker-'));
    try {
      openVault(folder).write(before.secrets);
      const options = new Map<string, unknown>(Object.entries({ network, ...old }));
      const told: string[] = [];
      const { files, operations } = failing(at, half);
      const router = routerWith(folder, files, options);
      await join(inviteOf(second), router, 0, true)
        .then(() => settled(router, (url) => told.push(url)))
        .catch(() => undefined);
      const whole = routerWith(folder, failing(Infinity, false).files, options);
      const left = await settled(whole, (url) => told.push(url));
      const { network: stays, ...settings } = left;
      expect([stays, readdirSync(folder).includes('broker.next')]).toEqual([network, false]);
      return { left: { ...settings, secrets: whole.vault.read() }, told, done: operations() < at };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test.each([false, true])(
    'at each operation leaves the old broker or the new, whole (half a write: %s)',
    async (half) => {
      const lefts = new Set<string>();
      for (let at = 1, done = false; !done; at += 1) {
        const cut = await cutAt(at, half);
        ({ done } = cut);
        expect([before, after]).toContainEqual(cut.left);
        lefts.add(JSON.stringify(cut.left));
        // What is in its place was told, and what is not was not.
        expect(new Set(cut.told)).toEqual(new Set(JSON.stringify(cut.left) === JSON.stringify(after) ? [broker] : []));
        expect(at).toBeLessThan(40);
      }
      expect(lefts.size).toBe(2);
    },
  );

  test('what waits for its turn is for root alone, and stays away from a network that was joined since', async () => {
    const folder = mkdtempSync(pathOf(tmpdir(), 'rustynet-broker-'));
    const options = new Map<string, unknown>(Object.entries({ network, ...old }));
    const router = routerWith(folder, failing(Infinity, false).files, options);
    await join(inviteOf(second), router, 0, true);
    expect(statSync(pathOf(folder, 'broker.next')).mode & 0o777).toBe(0o600);
    options.set('network', otherNetwork);
    expect(await settled(router, () => expect.unreachable())).toEqual({ network: otherNetwork, ...old });
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test('UCI that takes nothing is an answer at once, and nothing waits for later', async () => {
    const folder = mkdtempSync(pathOf(tmpdir(), 'rustynet-broker-'));
    const options = new Map<string, unknown>(Object.entries({ network, ...old }));
    const router = routerWith(folder, failing(Infinity, false).files, options);
    const settings = { ...router.settings, write: () => Promise.reject(new Fault('ROOM', 'rustynet', 'got 12')) };
    await expect(join(inviteOf(second), { ...router, settings }, 0, true)).rejects.toThrow('got 12');
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });
});
