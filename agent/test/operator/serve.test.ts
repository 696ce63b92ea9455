/** The operator's tool as a service, at a broker that listens on a real socket: whom it lets in, what it signs, what it costs. */
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Given } from '../../src/operator/args.ts';
import { Folder } from '../../src/operator/folder.ts';
import { maxBadProofs } from '../../src/operator/requests.ts';
import { serve, type Pace } from '../../src/operator/serve.ts';
import { topics } from '../../src/trust/topics.ts';
import type { InviteSecret, NetworkId, NodeId } from '../../src/trust/types.ts';
import { kept, startAedes, type AedesBroker } from '../drivers/brokers.ts';
import { asks, type Asking } from './joiner.ts';
import { addArgs, call, copyOf, dayS, done, json, nowUnixS, passphrase, populated, type Answer } from './operator.ts';
import { joined } from './router-of-folder.ts';

let folder: string;
let broker: AedesBroker;
let networkId: NetworkId;
beforeEach(async () => {
  folder = await populated();
  await done(folder, ['sign']);
  broker = await kept(startAedes());
  networkId = json(folder, 'network.json').network;
});

interface Served {
  readonly said: string[];
  readonly clock: { unixS: number };
  /** Resolves when it has ended. */
  readonly end: () => Promise<Answer>;
}
const running: Served[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.end().catch(() => undefined);
});

const quick: Pace = { lookMs: 500, gatherMs: 50, maxPerS: 2_000 };
function served(pace: Partial<Pace> = {}, url = broker.url): Served {
  const [said, clock, stop] = [[] as string[], { unixS: nowUnixS }, new AbortController()];
  const around = {
    stdout: (text: string) => void said.push(text.trimEnd()),
    stderr: (text: string) => void said.push(text.trimEnd()),
    env: { RUSTYNET_PASSPHRASE: passphrase },
    nowUnixS: () => clock.unixS,
    confirm: () => Promise.reject(new Error('wanted no question')),
    askSecret: () => Promise.reject(new Error('wanted no question')),
    stop: () => stop.signal,
  };
  const given = new Given(new Map([['broker', [url]]]), []);
  const ending = serve({ folder: new Folder(folder), given, around }, { ...quick, ...pace });
  ending.catch(() => undefined);
  const made = {
    said,
    clock,
    end: () => {
      stop.abort();
      return ending;
    },
  };
  running.push(made);
  return made;
}
const says = ({ said }: Served, what: string | RegExp, timeout = 15_000): Promise<void> =>
  expect.poll(() => said.join('\n'), { timeout, interval: 20 }).toMatch(what);
const invited = (name: string): Promise<Answer> => done(folder, ['invite', '--name', name, '--ttl', '1h']);
const ask = ({ topic, payload }: Pick<Asking, 'topic' | 'payload'>): Promise<void> =>
  broker.retain(topic, Buffer.from(payload).toString());
const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `router ${at}`);
const memberNames = (): string[] => json(folder, 'members.json').members.map(({ name }: { name: string }) => name);
const cleared = (): string[] =>
  broker.published.filter(([topic, text]) => text === '' && topic.includes('/join/')).map(([topic]) => topic);
const lastEpoch = (): number => json(folder, 'network.json').epoch;

/** What a router that comes now gets, as it believes it. */
async function believed(): Promise<string[] | string> {
  const { belief, hear } = await joined(folder);
  const client = await connectAsync(broker.url, { protocolVersion: 4 });
  const messages = new Map<string, Uint8Array>();
  client.on('message', (topic, payload) => void messages.set(topic, new Uint8Array(payload)));
  await client.subscribeAsync(`rustynet/1/${networkId}/#`, { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.endAsync();
  hear(messages);
  const map = belief.current();
  return typeof map === 'string' ? map : map.members.map(({ name }) => name).sort();
}

describe('serve', () => {
  it('lets in who asked before it began and who asks later, and a router believes the map that it publishes', async () => {
    const [attic, cellar] = await Promise.all(['attic', 'cellar'].map(invited));
    const early = asks(attic.invite, 'a');
    await ask(early);
    const service = served();
    await says(service, new RegExp(`let in attic, node ${early.node}, by invite ${attic.id}, with 10.77.0.4 and fd`));
    await says(service, 'published epoch 2');
    const late = asks(cellar.invite, 'b');
    await ask(late);
    await says(service, 'published epoch 3');
    expect(await believed()).toEqual(['attic', 'cellar', 'home', 'laptop', 'office']);
    expect(cleared()).toEqual(expect.arrayContaining([early.topic, late.topic]));
    expect((await service.end()).value).toEqual({ ended: true });
  });

  it('200 routers that ask at once with one invite: one is let in, in one map', async () => {
    const { invite } = await invited('attic');
    const service = served();
    await says(service, 'listening');
    await Promise.all(names(200).map((name) => ask(asks(invite, name))));
    await says(service, 'published epoch 2');
    await says(service, /refused \d+ requests as conflict, the last: .*used by node/);
    expect(memberNames().filter((name) => name === 'attic')).toHaveLength(1);
    expect((await believed()).length).toBe(4);
    await expect.poll(() => cleared().length).toBe(200);
    expect(lastEpoch()).toBe(2);
  });

  it('signs a map again at half its life, and not before', async () => {
    const service = served();
    await says(service, 'published epoch 1');
    service.clock.unixS += 7 * dayS - 1;
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(lastEpoch()).toBe(1);
    service.clock.unixS += 1;
    await says(service, 'published epoch 2');
  });

  it('goes on where a crash left a member that no map has, and signs nothing that a person only decided', async () => {
    await done(folder, addArgs('phone'));
    const service = served();
    await says(service, 'published epoch 1');
    const { invite } = await invited('attic');
    await service.end();
    // Let in, and then the power went.
    await ask(asks(invite, 'a'));
    await done(folder, ['approve', '--all', '--broker', broker.url]);
    expect(lastEpoch()).toBe(1);
    await says(served(), 'published epoch 2');
    expect(await believed()).toEqual(['attic', 'home', 'laptop', 'office', 'phone']);
  });

  it('publishes again to a broker that lost everything', async () => {
    const service = served();
    await says(service, 'published epoch 1');
    const { port } = broker;
    await broker.stop();
    await says(service, 'lost the broker');
    broker = await kept(startAedes(port));
    await expect
      .poll(() => broker.published.map(([topic]) => topic), { timeout: 20_000 })
      .toContain(topics.map(networkId));
  }, 40_000);

  it('waits for whoever is at work in the folder, and lets in afterwards', async () => {
    const { invite } = await invited('attic');
    const service = served();
    await says(service, 'listening');
    const working = Promise.all(names(5).map((_, at) => call(folder, addArgs(`r${at}`))));
    await ask(asks(invite, 'a'));
    await working;
    await says(service, 'published epoch 2');
    expect(memberNames().sort()).toEqual(['attic', 'home', 'laptop', 'office', 'r0', 'r1', 'r2', 'r3', 'r4']);
  });

  it('signs nothing and lets nobody in while it is behind another copy of the folder, and goes on when it has that one', async () => {
    const [attic, cellar] = await Promise.all(['attic', 'cellar'].map(invited));
    const service = served();
    await says(service, 'published epoch 1');
    const laptop = copyOf(folder);
    await done(laptop, ['member', 'remove', 'laptop']);
    await done(laptop, ['sign']);
    await done(laptop, ['publish', '--broker', broker.url]);
    await ask(asks(attic.invite, 'a'));
    await says(service, /let in attic[^]*tries again: wanted a map at the broker[^]*\n {2}- member laptop/);
    const late = asks(cellar.invite, 'b');
    await ask(late);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([lastEpoch(), memberNames(), await believed()]).toEqual([
      1,
      ['attic', 'home', 'laptop', 'office'],
      ['home', 'office'],
    ]);
    for (const name of ['members.json', 'maps.json', 'network.json', 'signed']) {
      cpSync(join(laptop, name), join(folder, name), { recursive: true });
    }
    await says(service, 'let in cellar');
    await says(service, 'published epoch 3');
    expect(await believed()).toEqual(['cellar', 'home', 'office']);
  });

  it.each([
    ['a wrong passphrase', { env: { RUSTYNET_PASSPHRASE: 'another one' } }, 'wrong-passphrase'],
    ['no broker', {}, 'broker-down'],
  ])('ends at once with %s', async (_, conditions, code) => {
    const outcome = await call(folder, ['serve', '--broker', 'mqtt://127.0.0.1:9', '--json'], conditions);
    expect([outcome.code, JSON.parse(outcome.stdout).error.code]).toEqual([1, code]);
  });
});

describe('a flood', () => {
  const rubbish = (at: number): string => topics.join(networkId, at.toString(16).padStart(32, '0') as NodeId);

  it('of 1,200 requests of nobody is cleared, no faster than it may be, and the honest router behind it is let in', async () => {
    const { invite } = await invited('attic');
    const { payload } = asks(invite, 'x', 'cd'.repeat(32) as InviteSecret);
    for (let at = 0; at < 1_200; at += 1) await ask({ topic: rubbish(at), payload });
    await ask(asks(invite, 'a'));
    const beganMs = performance.now();
    const service = served({ maxPerS: 200, lookMs: 60_000 });
    await says(service, 'let in attic', 30_000);
    expect(performance.now() - beganMs).toBeGreaterThan((1_200 - 100) * 5);
    await expect.poll(() => cleared().length, { timeout: 10_000 }).toBe(1_201);
    expect(service.said.join('\n')).toContain('let in attic');
  }, 60_000);

  it('of bad proofs for one invite locks that invite for a while only, and no other', async () => {
    const [attic, cellar] = await Promise.all(['attic', 'cellar'].map(invited));
    const service = served({ lookMs: 2_500 });
    await says(service, 'listening');
    const bad = 'cd'.repeat(32) as InviteSecret;
    for (const name of names(maxBadProofs)) await ask(asks(attic.invite, name, bad));
    await ask(asks(attic.invite, 'a'));
    await ask(asks(cellar.invite, 'b'));
    await says(service, 'let in cellar');
    expect(memberNames()).not.toContain('attic');
    await says(service, /refused 1 requests as locked/);
    // What was locked is read again at the next look.
    await says(service, 'let in attic');
  });
});

it('leaves no mark in the folder and no secret in what it says', async () => {
  const { invite, id } = await invited('attic');
  const service = served();
  await ask(asks(invite, 'a'));
  await says(service, 'published epoch 2');
  await service.end();
  expect(existsSync(join(folder, `invites/keys/${id}`))).toBe(false);
  expect(service.said.join('\n')).not.toContain(passphrase);
  expect(readdirSync(folder).filter((name) => name.startsWith('.at-work-'))).toEqual([]);
});
