/** Maps that two keys must sign, each on its own machine: one alone makes none, and what is carried is checked and shown. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeEnvelope, openEnvelope } from '../../src/trust/dsse.ts';
import { mapType } from '../../src/trust/limits.ts';
import {
  addArgs,
  call,
  contents,
  copyOf,
  dayS,
  done,
  emptyFolder,
  file,
  json,
  nowUnixS,
  passphrase,
} from './operator.ts';
import { populated, refused } from './operator.ts';
import { workFactor } from './owners.ts';
import { joined, published } from './router-of-folder.ts';

/** A network with the map of epoch 1, whose second root wants two map keys: that of its folder, and one elsewhere. */
let network = '';
let second = '';
let ids: string[] = [];
beforeAll(async () => {
  network = await populated();
  await done(network, ['sign']);
  second = emptyFolder();
  const { key, id } = await done(second, ['key', 'new', 'map', ...workFactor]);
  await done(network, ['root', 'propose', '--add-map-key', key, '--map-threshold', '2']);
  await done(network, ['root', 'accept']);
  ids = [(await done(network, ['root', 'show'])).roots[0].map.keys[0], id];
}, 60_000);

/** Both folders, the first with a change of the members that it has signed, and the file on its way. */
async function world() {
  const [folder, other] = [copyOf(network), copyOf(second)];
  await done(folder, ['member', 'remove', 'laptop']);
  const signed = await done(folder, ['sign']);
  return { folder, other, signed, path: carried(folder) };
}
type World = Awaited<ReturnType<typeof world>>;
function carried(folder: string): string {
  const path = join(emptyFolder(), 'map.json');
  copyFileSync(join(folder, 'proposed/map.json'), path);
  return path;
}

describe('a map that two keys must sign', () => {
  it('waits with one signature, and nothing of signed/ has changed', async () => {
    const { folder, signed } = await world();
    expect(signed).toMatchObject({ epoch: 2, file: 'proposed/map.json', signers: [ids[0]], missing: 1 });
    expect(readFileSync(join(folder, 'signed/map.json'))).toEqual(readFileSync(join(network, 'signed/map.json')));
  });

  it('is shown to the second signer, who has nothing but the file and a key, and then believed by a router', async () => {
    const { folder, other, path } = await world();
    const { questions, stdout } = await call(other, ['sign', path], { answer: true });
    const { roots } = await done(folder, ['root', 'show']);
    expect(questions[0]?.split('\n')).toEqual([
      `network ${json(folder, 'network.json').network}, root version 2 ${roots[1].digest}`,
      'this folder has signed for no network yet: compare these two with "root show" of an owner',
      'since epoch 1:',
      '- member laptop',
      '~ root version 1 => 2',
      `signed so far by ${ids[0]}`,
      'Add your signature to epoch 2, good until 2027-01-29 08:00:00 UTC?',
    ]);
    expect(stdout).toBe(`signed epoch 2 in ${path}; enough have signed: accept, then publish\n`);
    expect(await done(folder, ['accept', path])).toMatchObject({ epoch: 2, signers: ids });
    expect(existsSync(join(folder, 'proposed/map.json'))).toBe(false);
    expect(await done(folder, ['verify'])).toMatchObject({ root: { version: 2 }, map: { epoch: 2 } });
    const router = await joined(folder);
    router.hear(published(folder));
    expect(router.epoch()).toBe(2);
    await done(folder, ['sign']);
    await done(other, ['sign', join(folder, 'proposed/map.json')]);
    expect(await done(folder, ['accept'])).toMatchObject({ epoch: 3 });
  });
});

it('the second signer is shown what a member that comes may do', async () => {
  const { folder, other } = await world();
  const powers = ['--role', 'exit', '--tag', 'work', '--subnet', '192.168.9.0/24', '--endpoint', 'vps.example:51820'];
  await done(folder, addArgs('vps', ...powers));
  const { difference } = await done(folder, ['sign']);
  const { questions } = await call(other, ['sign', carried(folder)], { answer: true });
  const [vps] = difference.members.added;
  expect(vps).toMatchObject({ name: 'vps', roles: ['exit', 'subnet-router'], endpoints: ['vps.example:51820'] });
  const what = 'subnets 192.168.9.0/24, roles exit subnet-router, tags work, endpoints vps.example:51820';
  expect(questions[0]?.split('\n')).toContain(
    `+ member vps ${vps.addresses.join(' ')}, ${what}, node ${vps.id}, WireGuard key ${vps.wireguard}`,
  );
});

it('a folder that only takes over what others signed notes each of their maps: the next may be published over them', async () => {
  const { folder, other, path } = await world();
  const copy = copyOf(network);
  const takeOver = async (from: string): Promise<void> => {
    await done(other, ['sign', from]);
    await done(copy, ['accept', from]);
  };
  await takeOver(path);
  await done(folder, ['sign']);
  await takeOver(carried(folder));
  expect(json(copy, 'maps.json').maps.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2, 3]);
});

function bent(path: string): string {
  const fields = JSON.parse(readFileSync(path, 'utf8')) as { map: string };
  const envelope = openEnvelope(new Uint8Array(Buffer.from(fields.map, 'base64')), mapType);
  const payload = JSON.parse(Buffer.from(envelope.payload).toString()) as { expires: number };
  const other = new TextEncoder().encode(JSON.stringify({ ...payload, expires: payload.expires + 1 }));
  const map = Buffer.from(encodeEnvelope({ ...envelope, payload: other })).toString('base64');
  return file(JSON.stringify({ ...fields, map }));
}

describe('what is refused leaves folder and file as they were', () => {
  interface Row {
    readonly sentence: string;
    readonly who: 'folder' | 'other';
    readonly argv: (world: World) => readonly string[] | Promise<readonly string[]>;
    readonly code: string;
    readonly message: RegExp;
    readonly conditions?: object;
  }
  const sign = ({ path }: World): readonly string[] => ['sign', path, '--yes'];
  const rows: readonly Row[] = [
    {
      sentence: 'one key alone',
      who: 'folder',
      argv: ({ path }) => ['accept', path, '--yes'],
      code: 'too-few-signers',
      message: /wanted 2 signers of maps in root version 2, got 1; still to sign: 1 more of the map keys/,
    },
    {
      sentence: 'the same key twice',
      who: 'folder',
      argv: sign,
      code: 'signed-already',
      message: /wanted a signature of another map key, got [0-9a-f]{64} again/,
    },
    {
      sentence: 'the wrong passphrase',
      who: 'other',
      argv: sign,
      code: 'wrong-passphrase',
      message: /keys\/map\.age: wanted its passphrase, got another/,
      conditions: { env: { RUSTYNET_PASSPHRASE: `${passphrase} ` } },
    },
    {
      sentence: 'a map that was edited after it was signed',
      who: 'other',
      argv: ({ path }) => ['sign', bent(path), '--yes'],
      code: 'edited',
      message: /wanted 1 signatures of keys that may sign, each holding, got 0/,
    },
    {
      sentence: 'a map from tomorrow, or a clock of yesterday',
      who: 'other',
      argv: sign,
      code: 'not-yet',
      message: /wanted a map issued by 20[^ ]+Z, got one issued at 20[^ ]+Z/,
      conditions: { nowUnixS: nowUnixS - dayS },
    },
    {
      sentence: 'a map that has ended on its way',
      who: 'other',
      argv: sign,
      code: 'expired',
      message: /wanted a map that lasts beyond/,
      conditions: { nowUnixS: nowUnixS + 20 * dayS },
    },
    {
      sentence: 'a lifetime for what is made already',
      who: 'other',
      argv: ({ path }) => ['sign', path, '--lifetime', '1d'],
      code: 'usage',
      message: /wanted no --lifetime for a map that somebody else made/,
    },
    {
      sentence: 'another map of an epoch that holds here, of a copy that went another way',
      who: 'folder',
      argv: async ({ folder, other, path }) => {
        const copy = copyOf(network);
        await done(copy, ['member', 'remove', 'office']);
        await done(copy, ['sign']);
        await done(other, ['sign', path]);
        await done(folder, ['accept', path]);
        return ['accept', carried(copy), '--yes'];
      },
      code: 'fork',
      message: /wanted [0-9a-f]{64} as epoch 2, got [0-9a-f]{64}/,
    },
  ];
  it.each(rows)('$sentence', async ({ who, argv, code, message, conditions }) => {
    const made = await world();
    const words = await argv(made);
    const before = readFileSync(made.path, 'utf8');
    await refused(made[who], words, { code, message, exit: code === 'usage' ? 2 : 1 }, conditions);
    expect(readFileSync(made.path, 'utf8')).toBe(before);
  });

  it('a folder without a map key', async () => {
    const { path } = await world();
    const folder = emptyFolder();
    await refused(folder, ['sign', path, '--yes'], {
      code: 'no-key',
      message: /wanted one of the map keys .*, got none/,
    });
    expect(contents(folder)).toEqual({});
  });
});
