/** Asking to be let in: what is on flash, what is said to the broker, when again, and when no more. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Asking } from '../../src/control/asking.ts';
import type { Broker, BrokerMessage } from '../../src/control/ports.ts';
import { openKeys } from '../../src/drivers/keys.ts';
import { openVault } from '../../src/drivers/vault.ts';
import { encodeInvite } from '../../src/trust/invite.ts';
import { verifyJoin } from '../../src/trust/verify-join.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import { digestOf } from '../../src/trust/words.ts';
import { content, home, mapOf, network, nowUnixS, partsOf, rootOf, signedRoot } from '../trust/network.ts';
import { invite, inviteKey, secret } from '../trust/vectors-of-joins.ts';
import { LabOfOne } from './lab-of-one.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-asking-'));
  mkdirSync(folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function setUp() {
  const keys = openKeys(folder);
  const vault = openVault(folder);
  vault.write({ password: 'p', invite: `${invite} ${inviteKey}` });
  const said: BrokerMessage[] = [];
  const world = { connected: true };
  const broker: Broker = {
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    publish: (message) => void said.push(message),
    state: () => ({ ...world, dropped: 0, receivedBytes: 0 }),
    close: () => Promise.resolve(),
  };
  return { keys, vault, said, world, broker, topic: topics.join(network, keys.id) };
}

describe('a router with a one-time invite', () => {
  test("says under its own topic what the operator's check takes, and keeps the invite for itself alone", () => {
    const { keys, vault, said, broker, topic } = setUp();
    new Asking(keys, network, vault).ask(broker, false, nowUnixS);
    expect(said.map((message) => message.topic)).toEqual([topic]);
    const request = verifyJoin(said[0]?.payload ?? new Uint8Array(), network, keys.id, () => inviteKey);
    const { identityKey, wireGuardKey } = keys;
    expect(request).toEqual({ network, invite, identityKey, wireGuardKey, atUnixS: nowUnixS });
    expect(statSync(join(folder, 'invite.key')).mode & 0o777).toBe(0o600);
    expect(Buffer.from(said[0]?.payload ?? []).toString()).not.toContain(inviteKey);
  });

  test('says it again to a broker that is reached anew, after ten minutes, and after a restart, and not in between', () => {
    const { keys, vault, said, world, broker } = setUp();
    const asking = new Asking(keys, network, vault);
    world.connected = false;
    asking.ask(broker, false, nowUnixS);
    expect(said).toHaveLength(0);
    world.connected = true;
    for (const afterS of [0, 1, 599]) asking.ask(broker, false, nowUnixS + afterS);
    expect(said).toHaveLength(1);
    asking.ask(broker, false, nowUnixS + 600);
    expect(said).toHaveLength(2);
    asking.lost();
    asking.ask(broker, false, nowUnixS + 601);
    expect(said).toHaveLength(3);
    new Asking(keys, network, vault).ask(broker, false, nowUnixS + 602);
    expect(said).toHaveLength(4);
  });

  test('once a member, takes the request back and has no invite on flash, in memory, or after a restart', () => {
    const { keys, vault, said, broker, topic } = setUp();
    const asking = new Asking(keys, network, vault);
    asking.ask(broker, false, nowUnixS);
    asking.ask(broker, true, nowUnixS);
    expect(said.at(-1)).toEqual({ topic, payload: new Uint8Array() });
    expect([asking.invite, vault.read()]).toEqual([undefined, { password: 'p' }]);
    expect(readdirSync(folder)).not.toContain('invite.key');
    for (const again of [asking, new Asking(keys, network, vault)]) again.ask(broker, false, nowUnixS + 9000);
    expect(said).toHaveLength(2);
  });

  test('whose invite on flash is none any more asks for nothing', () => {
    const { keys, vault, said, broker } = setUp();
    for (const text of ['', invite, `${invite} ${inviteKey}0`, `x ${inviteKey}`]) {
      vault.write({ invite: text });
      const asking = new Asking(keys, network, vault);
      asking.ask(broker, false, nowUnixS);
      expect(asking.invite, text).toBeUndefined();
    }
    expect(said).toEqual([]);
  });
});

describe('the agent', () => {
  const root = rootOf();
  const text = encodeInvite({
    network,
    root: { version: 1, digest: digestOf(encodeRoot(root)) },
    broker: { url: 'mqtt://broker.invalid' },
    issuedUnixS: nowUnixS - 500,
    once: { id: invite, secret },
  });
  let lab: LabOfOne;
  beforeEach(() => {
    lab = new LabOfOne('home');
  });
  afterEach(() => lab.end());

  async function hear(members: typeof content.members): Promise<void> {
    const signed = mapOf({}, partsOf({ ...content, members }));
    lab.deliver?.({ topic: topics.root(network, 1), payload: signedRoot(root) });
    lab.deliver?.({ topic: topics.map(network), payload: signed.envelope });
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const part of Object.values(signed.parts)) {
      lab.deliver?.({ topic: topics.part(network, digestOf(part)), payload: part });
    }
  }
  const asked = (): readonly BrokerMessage[] =>
    lab.published.filter(({ topic }) => topic === topics.join(network, home.id));

  test('says in plain words that it waits, also when a map came without it, and keeps the secret to itself', async () => {
    const answer = await lab.call('join', { invite: text });
    expect(answer).toMatchObject({ network, invite, node: home.id });
    const waits = `waits for the operator to approve invite ${invite}: `;
    await expect.poll(async () => (await lab.call('status'))['why']).toBe(`${waits}no map has come yet`);
    await expect.poll(() => asked().length).toBeGreaterThan(0);
    await hear(content.members.filter(({ id }) => id !== home.id));
    const none = `${waits}this router is no member in epoch 7`;
    await expect.poll(async () => (await lab.call('status'))['why']).toBe(none);
    const surfaces = JSON.stringify([answer, await lab.call('status'), lab.lines, [...lab.options], lab.published]);
    const log = readdirSync(join(lab.folder, 'audit')).map((name) => readFileSync(join(lab.folder, 'audit', name)));
    for (const word of [secret, inviteKey]) {
      expect(surfaces).not.toContain(word);
      expect(Buffer.concat(log).toString()).not.toContain(word);
    }
    expect(lab.secrets).toEqual({ invite: `${invite} ${inviteKey}` });
  });

  test('forgets the invite when a map has it', async () => {
    await lab.call('join', { invite: text });
    await expect.poll(() => asked().length).toBeGreaterThan(0);
    await hear(content.members);
    await expect.poll(() => lab.secrets).toEqual({});
    expect(asked().at(-1)?.payload).toEqual(new Uint8Array());
    expect(String((await lab.call('status'))['why'])).not.toContain('waits');
  });

  test('takes the request back when it leaves, and forgets the invite', async () => {
    await lab.call('join', { invite: text });
    await expect.poll(() => asked().length).toBeGreaterThan(0);
    await lab.call('leave');
    expect([lab.secrets, asked().at(-1)?.payload]).toEqual([{}, new Uint8Array()]);
  });

  test('an invite without a secret, after a join that was cut off, asks with no older one', async () => {
    lab.secrets = { invite: `${invite} ${inviteKey}`, ca: 'old' };
    const plain = encodeInvite({
      network,
      root: { version: 1, digest: digestOf(encodeRoot(root)) },
      broker: { url: 'mqtt://broker.invalid' },
      issuedUnixS: nowUnixS - 500,
    });
    await lab.call('join', { invite: plain });
    await expect.poll(async () => (await lab.call('status'))['why']).toBe('no map has come yet');
    expect(asked()).toEqual([]);
  });
});
