/** Approving at a broker that listens on a real socket: whom it lets in, whom not, and what rubbish costs. */
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { prettyJson } from '../../src/operator/folder.ts';
import { maxBadProofs, maxHeldOfInvite } from '../../src/operator/requests.ts';
import { maxJoinBytes } from '../../src/trust/limits.ts';
import { topics } from '../../src/trust/topics.ts';
import type { InviteSecret, NetworkId, NodeId } from '../../src/trust/types.ts';
import { kept, startAedes, type AedesBroker } from '../drivers/brokers.ts';
import { asks, type Asking } from './joiner.ts';
import {
  call,
  done,
  json,
  nowUnixS,
  passphrase,
  populated,
  refused,
  type Answer,
  type Conditions,
} from './operator.ts';

const hourS = 3600;
let folder: string;
let broker: AedesBroker;
let networkId: NetworkId;
beforeEach(async () => {
  folder = await populated();
  broker = await kept(startAedes());
  networkId = json(folder, 'network.json').network;
});

const invited = (name: string): Promise<Answer> => done(folder, ['invite', '--name', name, '--ttl', '1h']);
const approve = (...more: string[]): string[] => ['approve', ...more, '--broker', broker.url];
const say = ({ topic, payload }: Pick<Asking, 'topic' | 'payload'>): Promise<void> =>
  broker.retain(topic, Buffer.from(payload).toString());
const approvedBy = async (...more: string[]): Promise<string[]> =>
  (await done(folder, approve(...more))).approved.map(({ name }: { name: string }) => name);
const memberNames = (): string[] => json(folder, 'members.json').members.map(({ name }: { name: string }) => name);
const clearedTopics = (): string[] => broker.published.filter(([, text]) => text === '').map(([topic]) => topic);
const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `router ${at}`);

describe('approve', () => {
  it('shows name, node and keys of who asks, and lets nobody in who was not meant', async () => {
    const { invite, id } = await invited('attic');
    const asking = asks(invite, 'a');
    await say(asking);
    const { stdout } = await call(folder, approve());
    expect(stdout).toContain(`attic: node ${asking.node} asks with invite ${id}`);
    expect(stdout).toContain(`identity key  ${asking.request.identityKey}\n`);
    expect(stdout).toContain(`WireGuard key ${asking.request.wireGuardKey}\n`);
    expect(stdout).toContain('nobody was approved');
    expect(memberNames()).not.toContain('attic');
  });

  it('lets in whom an invite or a node names, and clears what it answered and nothing else', async () => {
    const [attic, cellar, shed] = await Promise.all(['attic', 'cellar', 'shed'].map(invited));
    const asking = [attic, cellar, shed].map(({ invite }, at) => asks(invite, `router ${at}`));
    for (const each of asking) await say(each);
    expect(await approvedBy(attic.id)).toEqual(['attic']);
    expect(await approvedBy(asking[1]?.node ?? '')).toEqual(['cellar']);
    expect(clearedTopics()).toEqual([asking[0]?.topic, asking[1]?.topic]);
    expect(await approvedBy('shed')).toEqual(['shed']);
    expect(await approvedBy('--all')).toEqual([]);
    await done(folder, ['sign']);
  });

  it('200 routers that ask at once with one invite: one is let in', async () => {
    const { invite } = await invited('attic');
    await Promise.all(names(200).map((name) => say(asks(invite, name))));
    const { approved, refused: counts } = await done(folder, approve('--all'));
    expect(approved).toHaveLength(1);
    expect(counts).toEqual({ full: 200 - maxHeldOfInvite });
    expect(memberNames().filter((name) => name === 'attic')).toHaveLength(1);
    expect(await approvedBy('--all')).toEqual([]);
    expect(memberNames()).toHaveLength(4);
  });

  it('two processes that approve at once, in one folder: one is let in an invite', async () => {
    const invites = await Promise.all(['attic', 'cellar'].map(invited));
    const asking = invites.flatMap(({ invite }) => names(20).map((name) => asks(invite, `${invite} ${name}`)));
    for (const each of asking) await say(each);
    const path = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
    const argv = ['--import', `file://${path('node_modules/tsx/dist/loader.mjs')}`, path('agent/src/operator/main.ts')];
    const env = { PATH: process.env['PATH'] ?? '', RUSTYNET_PASSPHRASE: passphrase };
    // The clock of a process is this machine's, years before the tests' own: the invites are not over for it.
    const run = (): Promise<Answer> =>
      new Promise((resolve) => {
        const all = [...argv, ...approve('--all'), '--network', folder, '--json'];
        const child = spawn(process.execPath, all, { env, stdio: ['ignore', 'pipe', 'inherit'] });
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.once('exit', () => resolve(JSON.parse(out)));
      });
    const answers = await Promise.all([run(), run()]);
    const admitted = answers.flatMap(({ approved = [] }) => approved.map(({ name }: { name: string }) => name));
    expect(admitted.sort()).toEqual(['attic', 'cellar']);
    expect(memberNames().sort()).toEqual(['attic', 'cellar', 'home', 'laptop', 'office']);
  });

  it('waits for whoever is at work in the folder', async () => {
    const { invite } = await invited('attic');
    await say(asks(invite, 'a'));
    const mark = join(folder, `.at-work-${hostname()}-${process.ppid}-abcdef`);
    writeFileSync(mark, '');
    const approving = approvedBy('--all');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(memberNames()).not.toContain('attic');
    rmSync(mark);
    expect(await approving).toEqual(['attic']);
  });

  it('an invite that two routers hold is refused by its id: a node says which is meant', async () => {
    const { invite, id } = await invited('attic');
    const [a, b] = [asks(invite, 'a'), asks(invite, 'b')];
    for (const each of [a, b]) await say(each);
    for (const operand of [id, 'attic']) {
      const message = new RegExp(`wanted one router that holds invite ${operand}, got 2: name a node of`);
      await refused(folder, approve(operand), { code: 'conflict', message });
    }
    expect(await approvedBy(b.node)).toEqual(['attic']);
    await refused(folder, approve(a.node), { code: 'not-asked', message: /wanted .* among 0 requests, got none/ });
    const { stderr } = await call(folder, approve());
    expect(stderr).toContain(
      `1 requests refused as conflict, the last: wanted an invite that is open, got ${id} (attic)`,
    );
    expect(stderr).toContain(`used by node ${b.node}`);
  });

  it('goes on where a crash left an invite used and its router not added', async () => {
    const { invite, id } = await invited('attic');
    const { request, ...asking } = asks(invite, 'a');
    const { identityKey: identity, wireGuardKey: wireguard } = request;
    const end = { format: 1, state: 'used', at: nowUnixS, identity, wireguard, added: 'no' };
    writeFileSync(join(folder, `invites/${id}.end.json`), prettyJson(end));
    await say(asks(invite, 'thief'));
    const thief = await call(folder, approve('--all'));
    expect([thief.code, thief.stderr]).toEqual([1, expect.stringContaining(`${id}, used by node ${asking.node}`)]);
    await say(asking);
    expect(await approvedBy(asking.node)).toEqual(['attic']);
  });

  it.each<[string, string[], string, RegExp, number]>([
    ['no name', ['Attic'], 'usage', /wanted the id or name of an invite, or a node id, got "Attic"/, 2],
    ['a name that nobody asks for', ['attic'], 'not-asked', /wanted attic among 0 requests, got none/, 1],
    ['ids and all', ['0'.repeat(16), '--all'], 'usage', /wanted IDs or --all, got both/, 2],
    ['who does not ask', ['0'.repeat(16)], 'not-asked', /among 0 requests/, 1],
  ])('%s is refused', async (_, argv, code, message, exit) => {
    await refused(folder, approve(...argv), { code, message, exit });
  });
});

describe('what is refused costs a count, and the honest router beside it is let in', () => {
  type Row = readonly [what: string, bend: (honest: Asking, invite: Answer) => Promise<unknown>, why: string];
  const other = (name: string): string => topics.join(networkId, name as NodeId);
  const ff = 'f'.repeat(32);
  const rows: readonly Row[] = [
    ['too much', () => broker.retain(other(ff), 'x'.repeat(maxJoinBytes + 1)), 'too-large'],
    ['no envelope', () => broker.retain(other(ff), '{}'), 'malformed'],
    ['a topic of no node', ({ payload }) => say({ topic: other('nobody'), payload }), 'malformed'],
    ["the honest request under another's topic", ({ payload }) => say({ topic: other(ff), payload }), 'conflict'],
    [
      'a proof without the secret',
      (_, { invite }) => say(asks(invite, 'thief', 'cd'.repeat(32) as InviteSecret)),
      'too-few-signers',
    ],
    [
      'an invite that was revoked',
      async () => {
        const revoked = await invited('cellar');
        await done(folder, ['invite', 'revoke', revoked.id]);
        await say(asks(revoked.invite, 'b'));
      },
      'conflict',
    ],
    [
      'an invite of another folder',
      async () => {
        const { invite, id } = await invited('shed');
        for (const name of [`invites/${id}.json`, `invites/keys/${id}`]) rmSync(join(folder, name));
        await say(asks(invite, 'b'));
      },
      'conflict',
    ],
  ];
  it.each(rows)('%s', async (_, bend, why) => {
    const attic = await invited('attic');
    const honest = asks(attic.invite, 'a');
    await bend(honest, attic);
    await say(honest);
    const { approved, refused: counts } = await done(folder, approve('--all'));
    expect(counts).toEqual({ [why]: 1 });
    expect(approved).toMatchObject([{ name: 'attic', id: honest.node }]);
  });

  it('an invite that has ended, by the clock of the operator and no other', async () => {
    const { invite } = await invited('attic');
    await say(asks(invite, 'a'));
    const at = (atUnixS: number): Conditions => ({ nowUnixS: atUnixS });
    const late = await done(folder, approve('--all'), at(nowUnixS + hourS));
    expect([late.approved, late.refused]).toEqual([[], { expired: 1 }]);
    const inTime = await done(folder, approve('--all'), at(nowUnixS + hourS - 1));
    expect(inTime.approved).toHaveLength(1);
  });

  it('after so many bad proofs nothing that names the invite is looked at in that call, and the honest router in the next', async () => {
    const { invite } = await invited('attic');
    const bad = 'cd'.repeat(32) as InviteSecret;
    for (const name of names(maxBadProofs + 3)) await say(asks(invite, name, bad));
    await say(asks(invite, 'a'));
    const { refused: counts } = await done(folder, approve('--all'));
    expect(counts).toEqual({ 'too-few-signers': maxBadProofs, locked: 4 });
    const { approved, refused: later } = await done(folder, approve('--all'));
    expect([approved.length, later]).toEqual([1, { 'too-few-signers': 3 }]);
  });

  it('2,000 requests of nobody keep the honest one for no longer than some seconds', async () => {
    const { invite } = await invited('attic');
    const { payload } = asks(invite, 'x', 'cd'.repeat(32) as InviteSecret);
    const rubbish = (at: number): string => other(at.toString(16).padStart(32, '0'));
    for (let at = 0; at < 2000; at += 1) await say({ topic: rubbish(at), payload });
    await say(asks(invite, 'a'));
    const beganMs = performance.now();
    expect(await approvedBy('--all')).toEqual(['attic']);
    expect(performance.now() - beganMs).toBeLessThan(15_000);
  });
});
