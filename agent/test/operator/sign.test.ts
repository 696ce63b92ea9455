import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesToHex } from '@noble/hashes/utils.js';
import { partsOf, writeMembers } from '../../src/operator/content.ts';
import { readSettings } from '../../src/operator/settings.ts';
import { Folder } from '../../src/operator/folder.ts';
import { firstFloors } from '../../src/trust/floors.ts';
import { deriveMemberV6 } from '../../src/trust/ip.ts';
import { verifyMap } from '../../src/trust/map.ts';
import { completeMap } from '../../src/trust/parts.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import { verifyPinnedRoot } from '../../src/trust/root.ts';
import type { Digest, Ip, Refusal, VerifiedMap } from '../../src/trust/types.ts';
import { memberOf } from '../trust/network.ts';
import { addArgs, call, contents, dayS, done, file, json, network, nowUnixS, passphrase } from './operator.ts';
import { populated, refused } from './operator.ts';

function good<Value>(value: Value | Refusal): Value {
  if (isRefusal(value)) throw new Error(`${value.refused}: ${value.detail}`);
  return value;
}

/** What a router that has the pin believes of the folder. */
function believe(folder: string, atUnixS = nowUnixS): VerifiedMap {
  const { network: id, rootDigest } = json(folder, 'network.json');
  const bytes = (name: string): Uint8Array => readFileSync(join(folder, 'signed', name));
  const root = good(verifyPinnedRoot(bytes('root/1.json'), rootDigest, id));
  const manifest = good(verifyMap(bytes('map.json'), root, firstFloors(root, 0), atUnixS));
  return good(completeMap(manifest, (digest: Digest) => bytes(`parts/${digest}`)));
}
const policy = file('{"rules":[{"from":["member:laptop"],"to":["tag:work"],"protocols":["tcp:22"]}]}');
const partFiles = (folder: string): string[] =>
  Object.keys(contents(folder)).filter((name) => name.startsWith('signed/parts/'));

describe('sign', () => {
  it('makes what a router believes: members, rules, names, epoch 1, two weeks', async () => {
    const folder = await populated();
    await done(folder, ['policy', 'set', policy]);
    await done(folder, ['sign']);
    expect(believe(folder)).toMatchObject({
      epoch: 1,
      issuedUnixS: nowUnixS,
      expiresUnixS: nowUnixS + 14 * dayS,
      rootVersion: 1,
      members: [{ name: 'home', subnets: ['192.168.1.0/24'] }, { name: 'laptop' }, { name: 'office', tags: ['work'] }],
      policy: { rules: [{ from: ['member:laptop'], to: ['tag:work'], protocols: ['tcp:22'] }] },
      names: { zone: 'home.mesh.internal', resolvers: [] },
    });
    expect(json(folder, 'network.json').epoch).toBe(1);
  });

  it('shows the difference, asks, and signs only after a yes', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    await done(folder, ['member', 'remove', 'office']);
    await done(folder, ['policy', 'set', file('{"rules":[{"from":["any"],"to":["any"],"protocols":["icmp"]}]}')]);
    await done(folder, addArgs('phone'));
    const before = contents(folder);
    const no = await call(folder, ['sign', '--lifetime', '30d']);
    expect(no).toMatchObject({ code: 1, stderr: 'rustynet-operator: wanted a yes, got none: nothing was signed\n' });
    expect(contents(folder)).toEqual(before);
    const [question = ''] = no.questions;
    expect(question.split('\n')).toEqual([
      'since epoch 1:',
      expect.stringMatching(/^\+ member phone 10\.77\.0\.2 fd/),
      '- member office',
      '+ rule any -> any  icmp',
      '~ lifetime 14d => 30d',
      'Sign epoch 2, good until 2027-02-14 08:00:00 UTC (30d)?',
    ]);
    expect((await call(folder, ['sign', '--lifetime', '30d'], { answer: true })).code).toBe(0);
    expect(believe(folder)).toMatchObject({ epoch: 2, expiresUnixS: nowUnixS + 30 * dayS });
  });

  it('names what changed of a member, keys above all', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    await done(folder, ['member', 'remove', 'laptop']);
    const [args, other] = [addArgs('laptop', '--tag', 'new'), addArgs('other')];
    await done(folder, args.with(args.indexOf('--wireguard') + 1, other[other.indexOf('--wireguard') + 1] ?? ''));
    const { difference } = await done(folder, ['sign']);
    const keyOf = (name: string): string => memberOf(name, '10.77.0.1').wireGuardKey;
    expect(difference).toEqual({
      members: {
        added: [],
        removed: [],
        changed: [
          {
            name: 'laptop',
            changes: [
              { what: 'WireGuard key', from: keyOf('laptop'), to: keyOf('other') },
              { what: 'tags', from: 'none', to: 'new' },
            ],
          },
        ],
      },
      rules: { added: [], removed: [] },
      exits: { added: [], removed: [] },
      changes: [],
    });
  });

  it('signs again when nothing changed, says so, and moves only the end', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    const parts = partFiles(folder);
    const later = nowUnixS + 10 * dayS;
    const { code, stdout } = await call(folder, ['sign', '--yes'], { nowUnixS: later });
    expect(code).toBe(0);
    expect(stdout).toContain('nothing changed since epoch 1: signing again only moves its end');
    expect(believe(folder, later)).toMatchObject({ epoch: 2, expiresUnixS: later + 14 * dayS });
    expect(partFiles(folder)).toEqual(parts);
  });

  it('signs on when the last map has expired', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    const later = nowUnixS + 100 * dayS;
    await done(folder, ['sign'], { nowUnixS: later });
    expect(believe(folder, later).epoch).toBe(2);
  });

  it('never gives an epoch out twice, though signed/ be lost', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    await done(folder, ['sign']);
    rmSync(join(folder, 'signed/map.json'));
    rmSync(join(folder, 'signed/parts'), { recursive: true });
    await done(folder, ['sign']);
    expect(believe(folder).epoch).toBe(3);
  });

  it('keeps the parts that did not change and leaves no old ones', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    const before = new Set(partFiles(folder));
    await done(folder, addArgs('phone'));
    await done(folder, ['sign']);
    const after = partFiles(folder);
    expect(after).toHaveLength(3);
    expect(after.filter((name) => before.has(name))).toHaveLength(2);
  });

  it('warns when the root ends before the map', async () => {
    const folder = await populated();
    const late = nowUnixS + 360 * dayS;
    const { code, stderr } = await call(folder, ['sign', '--yes'], { nowUnixS: late });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: the root ends before this map, at 2028-01-15 08:00:00 UTC/);
  });
});

describe('sign refuses', () => {
  it('the wrong passphrase', async () => {
    const wanted = { code: 'wrong-passphrase', message: /keys\/map\.age: wanted its passphrase, got another/ };
    await refused(await populated(), ['sign', '--yes'], wanted, { env: { RUSTYNET_PASSPHRASE: `${passphrase} ` } });
  });

  const rows: readonly [string, (folder: string) => void, { code: string; message: RegExp }][] = [
    [
      'a rule that waits for a member to come',
      (folder) => writeFileSync(join(folder, 'policy.json'), policyOf('member:phone')),
      { code: 'unknown-name', message: /policy\.json line 1: wanted a member phone for rule 1/ },
    ],
    [
      "the root's key in place of the map's",
      (folder) => writeFileSync(join(folder, 'keys/map.age'), readFileSync(join(folder, 'keys/root.age'))),
      { code: 'wrong-key', message: /wanted the map key of .*, got the root key/ },
    ],
    [
      'a key file that is none',
      (folder) => writeFileSync(join(folder, 'keys/map.age'), 'AGE'),
      { code: 'bad-key-file', message: /keys\/map\.age: wanted an armoured age file/ },
    ],
    [
      'a missing key',
      (folder) => rmSync(join(folder, 'keys/map.age')),
      { code: 'no-key', message: /wanted the map key at .*, got no such file/ },
    ],
    [
      'a root that is not the pinned one',
      (folder) => writeFileSync(join(folder, 'network.json'), changed(folder, { rootDigest: 'ab'.repeat(32) })),
      { code: 'too-few-signers', message: /signed\/root\/1\.json: wanted the pinned root abab/ },
    ],
  ];
  const changed = (folder: string, more: object): string =>
    JSON.stringify({ ...json(folder, 'network.json'), ...more });
  const policyOf = (to: string): string => JSON.stringify({ rules: [{ from: ['any'], to: [to], protocols: ['any'] }] });
  it.each(rows)('%s', async (_sentence, bend, wanted) => {
    const folder = await populated();
    bend(folder);
    await refused(folder, ['sign', '--yes'], wanted);
  });

  it('a clock before the last map, and a root that has ended', async () => {
    const folder = await populated();
    await done(folder, ['sign']);
    const early = { code: 'not-yet', message: /wanted a clock not before the last map of .*, got/ };
    await refused(folder, ['sign', '--yes'], early, { nowUnixS: nowUnixS - 1 });
    const late = { code: 'expired', message: /wanted a root that lasts beyond/ };
    await refused(folder, ['sign', '--yes'], late, { nowUnixS: nowUnixS + 365 * dayS });
  });

  it('to sign without somebody who could say yes, before it asks for the passphrase', async () => {
    const { questions, code } = await call(await populated(), ['sign'], { env: {}, answer: false });
    expect(code).toBe(1);
    expect(questions).toHaveLength(1);
    expect(questions[0]).toContain('Sign epoch 1');
  });
});

describe('shards', () => {
  const rows: readonly [members: number, depth: number][] = [
    [0, 0],
    [64, 0],
    [65, 1],
    [1024, 1],
    [1025, 2],
  ];
  it.each(rows)('%i members stand in shards of %i hex digits, each where its id says', async (count, depth) => {
    const settings = readSettings(new Folder(await network()));
    const members = Array.from({ length: count }, (_, at) => {
      const id = bytesToHex(Uint8Array.from({ length: 16 }, (_none, byte) => (at * 7 + byte * 13) & 255));
      return { ...memberOf('x', '10.77.0.1' as Ip), id: id as VerifiedMap['members'][number]['id'] };
    });
    const parts = partsOf(settings, { members, rules: [], exits: [] });
    const names = [...parts.keys()].filter((name) => name.startsWith('members'));
    const wanted = [...new Set(members.map(({ id }) => `members/${id.slice(0, depth)}`))].sort();
    expect(names).toEqual(depth === 0 ? ['members'] : wanted);
  });
});

it('a network in shards is written, read back, signed and believed', async () => {
  const folder = await network();
  const settings = readSettings(new Folder(folder));
  const members = Array.from({ length: 70 }, (_, at) => {
    const member = memberOf(`m${at}`, `10.77.1.${at}`);
    return { ...member, addresses: [`10.77.1.${at}` as Ip, deriveMemberV6(settings.network, member.id)] };
  });
  writeMembers(new Folder(folder), members);
  await done(folder, ['sign']);
  const map = believe(folder);
  expect(map.members.map(({ name }) => name).sort()).toEqual(members.map(({ name }) => name).sort());
  expect(map.parts.filter(({ name }) => name.startsWith('members/')).length).toBeGreaterThan(10);
});
