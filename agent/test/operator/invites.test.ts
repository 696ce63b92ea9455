/** One-time invites in the folder: what is written where, how each ends, and that none ends twice. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { admit } from '../../src/operator/admit.ts';
import { Folder } from '../../src/operator/folder.ts';
import { endInvite, type InviteEnd } from '../../src/operator/invites.ts';
import { Refused } from '../../src/operator/refused.ts';
import { decodeInvite } from '../../src/trust/invite.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import type { VerifiedJoin } from '../../src/trust/verify-join.ts';
import type { NodeId } from '../../src/trust/types.ts';
import { addArgs, call, contents, copyOf, done, json, network, nowUnixS, populated, refused } from './operator.ts';
import { asks } from './joiner.ts';

const hourS = 3600;
let folder: string;
beforeEach(async () => {
  folder = await populated();
});
const invited = (name: string, ...more: string[]) => done(folder, ['invite', '--name', name, '--ttl', '1h', ...more]);
const states = async (atUnixS = nowUnixS) =>
  (await done(folder, ['invite', 'list'], { nowUnixS: atUnixS })).invites.map(({ state }: { state: string }) => state);
/** Whom it lets in, or why nobody. */
function admitted(inviteText: string, name: string, atUnixS = nowUnixS, where = new Folder(folder)): string {
  try {
    return admit(where, asks(inviteText, name).request as VerifiedJoin, atUnixS).name;
  } catch (error) {
    return error instanceof Refused ? error.code : String(error);
  }
}
const memberNames = (path = folder): string[] =>
  json(path, 'members.json').members.map(({ name }: { name: string }) => name);

describe('an invite with a name', () => {
  it('has 256 random bits that are in its text and nowhere in the folder, and a key that git leaves out', async () => {
    const { invite, id, expires } = await invited('attic', '--tag', 'home', '--subnet', '192.168.7.0/24');
    const told = decodeInvite(invite);
    if (isRefusal(told)) throw new Error(told.detail);
    expect(told.once).toEqual({ id, secret: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(expires).toBe(nowUnixS + hourS);
    expect((await invited('cellar')).invite).not.toContain(told.once?.secret);
    for (const [name, content] of Object.entries(contents(folder))) {
      const [mode, bytes = ''] = content.split(' ');
      const text = Buffer.from(bytes, 'base64').toString();
      expect(text, name).not.toContain(told.once?.secret);
      if (name.startsWith('invites/keys/') && !name.endsWith('.gitignore')) expect(mode).toBe('600');
    }
    execFileSync('git', ['init', '-q', folder]);
    const seen = execFileSync('git', ['-C', folder, 'status', '--porcelain', '-uall'], { encoding: 'utf8' });
    expect(seen).toContain(`invites/${id}.json`);
    expect(seen).not.toContain(`invites/keys/${id}`);
    expect(json(folder, `invites/${id}.json`)).toEqual({
      ...{ format: 1, id, name: 'attic', subnets: ['192.168.7.0/24'], roles: ['subnet-router'], tags: ['home'] },
      ...{ endpoints: [], created: nowUnixS, expires: nowUnixS + hourS },
    });
  });

  it('says whom it lets in and until when, and that it is a secret', async () => {
    const { stdout, stderr } = await call(folder, ['invite', '--name', 'attic', '--ttl', '1h']);
    expect(stdout).toMatch(/^rustynet1:[A-Za-z0-9_-]+\n$/);
    expect(stderr).toMatch(/invite [0-9a-f]{16} lets one router in, as attic, until 2027-01-15 09:00:00 UTC: .*secret/);
  });

  it.each<[string, string[], string, RegExp]>([
    ['no end', ['--name', 'attic'], 'usage', /wanted --ttl/],
    ['less than a minute', ['--name', 'attic', '--ttl', '59s'], 'usage', /wanted a time from 1m to 30d.*got "59s"/],
    ['more than 30 days', ['--name', 'attic', '--ttl', '31d'], 'usage', /got "31d"/],
    ['a tag for nobody', ['--tag', 'home'], 'usage', /wanted --name with --tag/],
    ['a name of a member', ['--name', 'home', '--ttl', '1h'], 'conflict', /home/],
    [
      'a LAN of a member',
      ['--name', 'attic', '--ttl', '1h', '--subnet', '192.168.1.0/24'],
      'conflict',
      /192\.168\.1\.0/,
    ],
  ])('is refused with %s', async (_, argv, code, message) => {
    await refused(folder, ['invite', ...argv], { code, message, exit: code === 'usage' ? 2 : 1 });
  });

  it.each(['60s', '30d'])('is made for %s', async (ttl) => {
    await done(folder, ['invite', '--name', 'attic', '--ttl', ttl]);
  });

  it('is refused while another one of that name is open, and made once that has ended', async () => {
    const { id } = await invited('attic');
    const again = ['invite', '--name', 'attic', '--ttl', '1h'];
    await refused(folder, again, { code: 'exists', message: new RegExp(`attic of invite ${id}: revoke it first`) });
    await done(folder, ['invite', 'revoke', id]);
    await done(folder, again);
    expect(await states()).toEqual(expect.arrayContaining(['revoked', 'created']));
  });
});

describe('only created moves', () => {
  it('used: by one router, as what the operator decided, and never again', async () => {
    const { invite, id } = await invited('attic', '--tag', 'home', '--endpoint', 'attic.example:51820');
    expect(admitted(invite, 'a')).toBe('attic');
    const { node } = asks(invite, 'a');
    const member = (await done(folder, ['member', 'list'])).members.find(
      ({ name }: { name: string }) => name === 'attic',
    );
    expect(member).toMatchObject({ id: node, tags: ['home'], endpoints: ['attic.example:51820'], roles: ['client'] });
    expect(member.addresses[0]).toBe('10.77.0.4');
    for (const name of ['a', 'b']) expect(admitted(invite, name)).toBe('used');
    expect(await states(nowUnixS + 2 * hourS)).toEqual(['used']);
    const message = /used already: "member remove attic" takes its router out/;
    await refused(folder, ['invite', 'revoke', id], { code: 'used', message });
    expect(Object.keys(contents(folder)).filter((name) => name.startsWith('invites/keys/'))).toEqual([
      'invites/keys/.gitignore',
    ]);
  });

  it('expired: at its second and not before it, and for good, whatever the clock says afterwards', async () => {
    const { invite, id } = await invited('attic');
    expect(await states(nowUnixS + hourS - 1)).toEqual(['created']);
    expect(await states(nowUnixS + hourS)).toEqual(['expired']);
    expect(admitted(invite, 'a', nowUnixS + hourS)).toBe('expired');
    expect(admitted(invite, 'a', nowUnixS)).toBe('expired');
    await refused(folder, ['invite', 'revoke', id], { code: 'expired', message: /expired already/ });
    const { invite: other } = await invited('attic');
    expect(admitted(other, 'a', nowUnixS + hourS - 1)).toBe('attic');
  });

  it('revoked: it lets nobody in', async () => {
    const { invite, id } = await invited('attic');
    await done(folder, ['invite', 'revoke', id]);
    expect(admitted(invite, 'a')).toBe('revoked');
    expect(await states(nowUnixS + 2 * hourS)).toEqual(['revoked']);
    await refused(folder, ['invite', 'revoke', id], { code: 'revoked', message: /revoked already/ });
  });

  it('once, also for two processes that both saw it open', async () => {
    const { invite, id } = await invited('attic');
    const [first, second] = [asks(invite, 'a').request, asks(invite, 'b').request];
    const used = (by: typeof first): InviteEnd => ({ ...by, state: 'used', atUnixS: nowUnixS, isAdded: false });
    expect(endInvite(new Folder(folder), id, used(first))).toBe(true);
    const before = contents(folder);
    expect(endInvite(new Folder(folder), id, used(second))).toBe(false);
    expect(endInvite(new Folder(folder), id, { state: 'revoked', atUnixS: nowUnixS })).toBe(false);
    expect(contents(folder)).toEqual(before);
    expect(admitted(invite, 'b')).toBe('used');
    expect(admitted(invite, 'a')).toBe('attic');
  });

  it('a router that was removed does not come back by the invite that it once used', async () => {
    const { invite } = await invited('attic');
    expect(admitted(invite, 'a')).toBe('attic');
    await done(folder, ['member', 'remove', 'attic']);
    expect(admitted(invite, 'a')).toBe('used');
    expect(memberNames()).not.toContain('attic');
  });

  it('who does not fit any more uses up nothing', async () => {
    const { invite } = await invited('attic');
    await done(folder, addArgs('attic'));
    expect(admitted(invite, 'a')).toBe('conflict');
    expect(await states()).toEqual(['created']);
    await done(folder, ['member', 'remove', 'attic']);
    expect(admitted(invite, 'a')).toBe('attic');
  });

  it.each([
    ['an unknown id', '0'.repeat(16), 'unknown-invite', 1],
    ['an unknown name', 'attic', 'unknown-invite', 1],
    ['no name', 'Attic', 'usage', 2],
  ])('revoking %s is refused', async (_, id, code, exit) => {
    const message = new RegExp(`wanted the id or name of an invite, got "?${id}"?$`, 'm');
    await refused(folder, ['invite', 'revoke', id], { code, message, exit });
  });

  it('a file that somebody bent is refused by its name', async () => {
    const { id } = await invited('attic');
    const path = join(folder, `invites/${id}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"created"', '"creation"'));
    await refused(folder, ['invite', 'list'], { code: 'malformed', message: new RegExp(`invites/${id}.json`) });
  });
});

class PowerCut extends Error {}
/** Loses power at the n-th thing that it does. */
class CutFolder extends Folder {
  #left: number;
  constructor(path: string, left: number) {
    super(path);
    this.#left = left;
  }
  #step(): void {
    this.#left -= 1;
    if (this.#left < 0) throw new PowerCut();
  }
  override write(...args: Parameters<Folder['write']>): void {
    this.#step();
    super.write(...args);
  }
  override writeNew(...args: Parameters<Folder['writeNew']>): void {
    this.#step();
    super.writeNew(...args);
  }
  override remove(name: string): void {
    this.#step();
    super.remove(name);
  }
}

describe('a power cut', () => {
  it('at each step of an approval admits the router once in the end, and nobody beside it', async () => {
    const { invite } = await invited('attic');
    const seen: string[] = [];
    for (let steps = 0; steps < 8; steps += 1) {
      const copy = copyOf(folder);
      const first = admitted(invite, 'a', nowUnixS, new CutFolder(copy, steps));
      const other = admitted(invite, 'b', nowUnixS, new Folder(copy));
      const again = admitted(invite, 'a', nowUnixS, new Folder(copy));
      seen.push([first === 'attic' ? 'done' : 'cut', other, again].join(' '));
      expect(memberNames(copy).filter((name) => name === 'attic')).toHaveLength(1);
      expect((await done(copy, ['invite', 'list'])).invites).toMatchObject([{ state: 'used', added: true }]);
      rmSync(copy, { recursive: true });
    }
    // Before the end was written: whoever comes next. After it: only the router that was being let in.
    expect(seen).toEqual([
      'cut attic used',
      'cut used attic',
      'cut used used',
      'cut used used',
      'done used used',
      'done used used',
      'done used used',
      'done used used',
    ]);
  });

  it('after which the router was added and removed by hand does not bring it back', async () => {
    const { invite } = await invited('attic');
    admitted(invite, 'a', nowUnixS, new CutFolder(folder, 2));
    expect(memberNames()).toContain('attic');
    await done(folder, ['member', 'remove', 'attic']);
    expect(admitted(invite, 'a')).toBe('used');
    expect(memberNames()).not.toContain('attic');
  });

  it('is told in the list, with the way out', async () => {
    const { invite } = await invited('attic');
    admitted(invite, 'a', nowUnixS, new CutFolder(folder, 1));
    const { stdout } = await call(folder, ['invite', 'list']);
    const { node, request } = asks(invite, 'a');
    const keys = `--identity ${request.identityKey} --wireguard ${request.wireGuardKey}`;
    expect(stdout).toContain(
      `used by node ${node}, not added yet: approve it again while it asks, or member add attic ${keys}`,
    );
    await done(folder, ['member', 'add', 'attic', ...keys.split(' ')]);
    expect(admitted(invite, 'a')).toBe('used');
  });
});

it('any order of requests, ends, removals and power cuts lets in at most one router an invite', async () => {
  const empty = await network();
  const { invite: one, id } = await done(empty, ['invite', '--name', 'one', '--ttl', '1h']);
  const { invite: two } = await done(empty, ['invite', '--name', 'two', '--ttl', '2h']);
  const event = fc.oneof(
    fc.record({
      what: fc.constant('ask' as const),
      by: fc.constantFrom('a', 'b', 'c'),
      two: fc.boolean(),
      cut: fc.integer({ min: 0, max: 6 }),
    }),
    fc.record({ what: fc.constant('remove' as const), two: fc.boolean() }),
    fc.record({ what: fc.constant('revoke' as const) }),
    fc.record({ what: fc.constant('wait' as const), s: fc.integer({ min: 1, max: 2 * hourS }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 10 }), async (events) => {
      const copy = copyOf(empty);
      const everIn = new Map<string, Set<NodeId>>();
      const removed = new Set<string>();
      let now = nowUnixS;
      for (const each of events) {
        if (each.what === 'wait') now += each.s;
        if (each.what === 'revoke') await call(copy, ['invite', 'revoke', id], { nowUnixS: now });
        if (each.what === 'remove') {
          const name = each.two ? 'two' : 'one';
          if ((await call(copy, ['member', 'remove', name], { nowUnixS: now })).code === 0) removed.add(name);
        }
        if (each.what === 'ask') admitted(each.two ? two : one, each.by, now, new CutFolder(copy, each.cut));
        for (const { id: node, name } of (await done(copy, ['member', 'list'])).members) {
          expect(removed, 'who was removed').not.toContain(name);
          everIn.set(name, (everIn.get(name) ?? new Set()).add(node));
        }
      }
      for (const [name, nodes] of everIn) expect([name, nodes.size]).toEqual([name, 1]);
      rmSync(copy, { recursive: true });
    }),
    { numRuns: 60 },
  );
}, 120_000);
