/** Two copies of one folder, and one broker: what was decided in one is not undone by the other, whatever the epochs. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { topics } from '../../src/trust/topics.ts';
import { startAedes } from '../drivers/brokers.ts';
import { addArgs, call, contents, copyOf, dayS, done, file, json, nowUnixS, populated, refused } from './operator.ts';
import { published } from './router-of-folder.ts';

let signed = '';
beforeAll(async () => {
  signed = await populated();
  await done(signed, ['sign']);
});
const stops: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(stops.map((stop) => stop())));

/** Two copies of a folder whose map of epoch 1 is at a broker of their own. */
async function world() {
  const broker = await startAedes();
  stops.push(broker.stop);
  const publish = (...more: readonly string[]): string[] => ['publish', '--broker', broker.url, ...more];
  const alice = copyOf(signed);
  const sent = (): string[] => broker.published.splice(0).map(([topic]) => topic);
  const say = (topic: string, text: string): Promise<void> => broker.retain(topic, text);
  /** What `publish` of this folder would leave at the broker. */
  const tell = async (folder: string): Promise<void> => {
    for (const [topic, bytes] of published(folder)) await say(topic, Buffer.from(bytes).toString());
    sent();
  };
  await tell(alice);
  /** Alice takes the laptop out, and publishes that. */
  const revoke = async (): Promise<string> => {
    await done(alice, ['member', 'remove', 'laptop']);
    await done(alice, ['sign']);
    await tell(alice);
    return digestIn(alice);
  };
  /** A call that is refused, and of which nothing came to the broker. */
  const refusal = async (folder: string, argv: readonly string[]): Promise<{ code: string; message: string }> => {
    const { code, stdout } = await call(folder, [...argv, '--json']);
    expect([code, sent()]).toEqual([1, []]);
    return JSON.parse(stdout).error;
  };
  const adopt = (...more: readonly string[]): string[] => ['adopt', '--broker', broker.url, ...more];
  const mapTopic = topics.map(json(alice, 'network.json').network);
  return { alice, bob: copyOf(alice), publish, adopt, sent, revoke, refusal, say, tell, mapTopic };
}
const signTimes = async (folder: string, times: number): Promise<void> => {
  for (let time = 0; time < times; time += 1) await done(folder, ['sign']);
};
const digestIn = async (folder: string): Promise<string> => (await done(folder, ['show'])).map.digest;
const names = (folder: string): string[] => json(folder, 'members.json').members.map(({ name }: never) => name);

describe('a copy of the folder that does not have what another published', () => {
  it.each([
    ['that is behind', 0, 'rollback'],
    ['that signed the same epoch', 1, 'fork'],
    ['that signed a later one', 2, 'fork'],
  ])('%s publishes nothing, and is told what it has not', async (_, times, code) => {
    const { bob, publish, revoke, refusal } = await world();
    const digest = await revoke();
    await done(bob, addArgs('phone'));
    await signTimes(bob, times);
    const said = await refusal(bob, publish());
    expect(said).toEqual({ code, message: expect.stringContaining(`got epoch 2 ${digest}: fetch the newest copy`) });
    const [line = '', ...changes] = said.message.split('\n');
    expect(line).toContain(`or, if that is lost, run adopt; what it has other than epoch ${times + 1} of this folder:`);
    expect(changes).toEqual(['  - member laptop', ...(times === 0 ? [] : ['  - member phone'])]);
    expect(await refusal(bob, publish('--replace', digest))).toEqual(said);
  });

  it('publishes nothing either where that map has expired meanwhile', async () => {
    const { bob, publish, sent, revoke } = await world();
    await revoke();
    const late = { nowUnixS: nowUnixS + 20 * dayS };
    await done(bob, ['sign'], late);
    const { code, stderr } = await call(bob, publish(), late);
    expect([code, stderr.split('\n')[1], sent()]).toEqual([1, '  - member laptop', []]);
  });

  it('names the map where its parts are not at the broker', async () => {
    const { alice, bob, publish, sent, revoke, refusal, say } = await world();
    const digest = await revoke();
    const { sha256 } = JSON.parse(Buffer.from(json(alice, 'signed/map.json').payload, 'base64').toString()).parts.find(
      ({ name }: { name: string }) => name === 'members',
    );
    await say(topics.part(json(alice, 'network.json').network, sha256), '');
    sent();
    const { message } = await refusal(bob, publish());
    expect(message).toContain(`epoch 2 ${digest}`);
    expect(message).toContain(`what it has is not all at the broker: wanted part members ${sha256}, got none`);
  });

  it('names twenty changes, and how many there are more', async () => {
    const { alice, bob, publish, tell, refusal } = await world();
    for (let at = 0; at < 23; at += 1) await done(alice, addArgs(`r${at}`));
    await done(alice, ['sign']);
    await tell(alice);
    const { message } = await refusal(bob, publish());
    expect(message.split('\n')).toHaveLength(1 + 20 + 1);
    expect(message).toMatch(/\n {2}and 3 more$/);
  });

  it('publishes once it is the newest copy, and then the other is behind', async () => {
    const { alice, publish, sent, revoke, refusal } = await world();
    await revoke();
    const newest = copyOf(alice);
    await done(newest, addArgs('phone'));
    await signTimes(newest, 3);
    expect(await done(newest, publish())).toMatchObject({ epoch: 5 });
    sent();
    expect((await refusal(alice, publish())).code).toBe('rollback');
  });
});

describe('a folder from before it noted its maps', () => {
  const forget = (folder: string): void => rmSync(join(folder, 'maps.json'));

  it('goes on from what is signed in it', async () => {
    const { alice, publish } = await world();
    forget(alice);
    await done(alice, publish());
    await done(alice, ['sign']);
    await done(alice, ['sign']);
    expect(await done(alice, publish())).toMatchObject({ epoch: 3 });
  });

  it('with epochs that were never published asks to be told that they are later, once', async () => {
    const { alice, bob, publish, sent, refusal } = await world();
    await done(alice, ['member', 'remove', 'laptop']);
    await done(alice, ['sign']);
    forget(alice);
    sent();
    const { code, message } = await refusal(alice, publish());
    const digest = await digestIn(bob);
    expect(code).toBe('fork');
    expect(message).toContain('older than all that this folder remembers');
    expect(message).toContain(
      `publish --replace ${digest}; what it has other than epoch 2 of this folder:\n  + member`,
    );
    expect((await refusal(alice, publish('--replace', 'ab'.repeat(32)))).code).toBe('fork');
    expect(await done(alice, publish('--replace', digest))).toMatchObject({ epoch: 2 });
    expect(json(alice, 'maps.json').maps.map(({ epoch }: never) => epoch)).toEqual([2, 1]);
  });

  it('cannot say so of a map that is as new as its own', async () => {
    const { bob, publish, revoke, refusal } = await world();
    const digest = await revoke();
    await done(bob, ['sign']);
    forget(bob);
    expect((await refusal(bob, publish('--replace', digest))).code).toBe('fork');
  });
});

it('a file of maps that somebody broke is refused, and says where', async () => {
  const { alice, publish } = await world();
  writeFileSync(join(alice, 'maps.json'), '{"format":1,"maps":[{"epoch":1}]}');
  await refused(alice, publish(), { code: 'malformed', message: /^.*maps\.json: wanted the key "digest"/ });
});

it('no more than 256 maps are noted, the newest', async () => {
  const { alice } = await world();
  const maps = Array.from({ length: 256 }, (_, at) => ({ epoch: at + 1, digest: at.toString(16).padStart(64, '0') }));
  writeFileSync(join(alice, 'maps.json'), JSON.stringify({ format: 1, maps }));
  await done(alice, ['sign']);
  const noted = json(alice, 'maps.json').maps;
  expect([noted.length, noted[0], noted.at(-1)]).toEqual([256, maps[2], { epoch: 2, digest: await digestIn(alice) }]);
});

describe('a map of a key that was replaced', () => {
  /** Bob has another key, and Alice published with the old one. */
  const rotated = async () => {
    const made = await world();
    const digest = await made.revoke();
    await done(made.bob, ['root', 'rotate', '--map', '--work-factor', '15']);
    await done(made.bob, ['sign']);
    return { ...made, digest };
  };

  it('is undone only when that is asked for, and then as often as a thief says it again', async () => {
    const { alice, bob, digest, publish, refusal, say, mapTopic } = await rotated();
    const { message } = await refusal(bob, publish());
    expect(message).toContain(`of keys that a newer root replaced: if it shall be undone, publish --replace ${digest}`);
    expect(message).toMatch(/:\n {2}- member laptop\n/);
    await done(bob, publish('--replace', digest));
    await say(mapTopic, readFileSync(join(alice, 'signed/map.json'), 'utf8'));
    expect((await done(bob, publish())).published).toEqual([mapTopic]);
  });

  it('is not taken over', async () => {
    const { bob, adopt } = await rotated();
    const message = /wanted a map of the map keys of root version 2, got one of keys that it replaced/;
    await refused(bob, adopt('--yes'), { code: 'too-few-signers', message });
  });
});

describe('adopt', () => {
  const policy = file('{"rules":[{"from":["any"],"to":["any"],"protocols":["icmp"]}]}');

  it('shows what it changes, asks, and makes the folder what the lost one decided', async () => {
    const { alice, bob, publish, adopt, revoke } = await world();
    await done(alice, ['policy', 'set', policy]);
    await done(alice, ['names', 'set', '--zone', 'elsewhere.internal']);
    const digest = await revoke();
    const { id } = await done(bob, ['invite', '--name', 'attic', '--ttl', '1h']);
    await done(bob, addArgs('phone'));
    const before = contents(bob);
    const no = await call(bob, adopt());
    expect([no.code, contents(bob)]).toEqual([1, before]);
    expect(no.questions[0]?.split('\n')).toEqual([
      `epoch 2 ${digest} at the broker, issued 2027-01-15 08:00:00 UTC, changes here:`,
      '- member laptop',
      '- member phone',
      '+ rule any -> any  icmp',
      '~ zone home.mesh.internal => elsewhere.internal',
      `- invite ${id} (attic), which the other copy may have ended`,
      'Take it over?',
    ]);
    expect((await call(bob, adopt(), { answer: true })).code).toBe(0);
    expect((await done(bob, ['show'])).unsigned).toEqual([]);
    expect((await done(bob, ['invite', 'list'])).invites[0].state).toBe('revoked');
    expect((await done(bob, publish())).published).toEqual([]);
    await done(bob, addArgs('phone'));
    await done(bob, ['sign']);
    expect(await done(bob, publish())).toMatchObject({ epoch: 3 });
    expect(names(bob)).toEqual(['home', 'office', 'phone']);
  });

  it('keeps the tests of the policy, and gives no epoch out again', async () => {
    const { bob, adopt, revoke } = await world();
    await done(bob, ['policy', 'set', file('{"rules":[],"tests":[{"deny":"home -> office icmp"}]}')]);
    await signTimes(bob, 3);
    await revoke();
    await done(bob, adopt());
    expect(json(bob, 'policy.json').tests).toEqual([{ deny: 'home -> office icmp' }]);
    expect(await done(bob, ['sign'])).toMatchObject({ epoch: 5, changed: false });
  });

  it('takes newer roots, also where nothing else is new', async () => {
    const { alice, bob, publish, adopt, tell, refusal } = await world();
    await done(alice, ['root', 'renew', '--root-lifetime', '400d']);
    await tell(alice);
    const { code, message } = await refusal(bob, publish());
    expect([code, message]).toEqual(['rollback', expect.stringMatching(/got 2 at the broker: .* run adopt/)]);
    await done(bob, addArgs('phone'));
    expect((await done(bob, adopt())).difference.changes).toEqual([{ what: 'root version', from: '1', to: '2' }]);
    expect(names(bob)).toContain('phone');
    await done(bob, ['sign']);
    await done(bob, publish());
  });

  it('refuses what this folder has, and a broker that has none', async () => {
    const { alice, adopt, say, mapTopic } = await world();
    await refused(alice, adopt('--yes'), { code: 'accepted', message: /got epoch 1 [0-9a-f]{64} of this one/ });
    await say(mapTopic, '');
    await refused(alice, adopt('--yes'), { code: 'not-published', message: /wanted a map at the broker, got none/ });
  });
});
