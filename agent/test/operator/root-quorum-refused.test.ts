/** Mistakes and thefts on the way of a root that several owners sign: each has its own error, and nothing is written. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeEnvelope, openEnvelope } from '../../src/trust/dsse.ts';
import { rootType } from '../../src/trust/limits.ts';
import { call, contents, copyOf, dayS, done, emptyFolder, file, initArgs, nowUnixS, passphrase } from './operator.ts';
import { refused } from './operator.ts';
import { carriedFrom, copies, renewal, threeOwners, workFactor, type Owners } from './owners.ts';

let owners: Owners;
beforeAll(async () => {
  owners = await threeOwners();
}, 60_000);

/** A carried file with other bytes inside. */
function bent(
  path: string,
  bend: (envelope: ReturnType<typeof openEnvelope>) => ReturnType<typeof openEnvelope>,
): string {
  const fields = JSON.parse(readFileSync(path, 'utf8'));
  const envelope = openEnvelope(new Uint8Array(Buffer.from(fields.proposed, 'base64')), rootType);
  const proposed = Buffer.from(encodeEnvelope(bend(envelope))).toString('base64');
  return file(JSON.stringify({ ...fields, proposed }));
}

describe('what is refused leaves the folder and the carried file as they were', () => {
  type World = ReturnType<typeof copies> & { readonly path: string };
  interface Row {
    readonly sentence: string;
    readonly who: (world: World) => string;
    readonly argv: (world: World) => readonly string[] | Promise<readonly string[]>;
    readonly code: string;
    readonly message: RegExp;
    readonly conditions?: object;
  }
  const sign = ({ path }: World) => ['root', 'sign', path, '--yes'];
  const bobs = (world: World): string => world.bob;
  const rows: readonly Row[] = [
    {
      sentence: 'one owner alone',
      who: ({ folder }) => folder,
      argv: ({ path }) => ['root', 'accept', path, '--yes'],
      code: 'too-few-signers',
      message:
        /wanted 2 signers of root version 2, got 1; still to sign: 1 more of the owners of root version 2 and 1 more/,
    },
    {
      sentence: 'a renewal by one owner',
      who: ({ folder }) => folder,
      argv: () => ['root', 'renew', '--root-lifetime', '500d', '--yes'],
      code: 'too-few-signers',
      message: /wanted 2 owners to sign root version 3, got the one of this folder: use root propose/,
    },
    {
      sentence: 'the wrong passphrase',
      who: bobs,
      argv: sign,
      code: 'wrong-passphrase',
      message: /keys\/root\.age: wanted its passphrase, got another/,
      conditions: { env: { RUSTYNET_PASSPHRASE: `${passphrase} ` } },
    },
    {
      sentence: 'somebody who is no owner',
      who: () => emptyFolder(),
      argv: async (world) => {
        await done(world.bob, ['key', 'new', 'map', ...workFactor]);
        rmSync(join(world.bob, 'keys/root.age'));
        return sign(world);
      },
      code: 'not-owner',
      message: /wanted a key of an owner, .* got none in /,
    },
    {
      sentence: 'the same owner twice',
      who: ({ folder }) => folder,
      argv: sign,
      code: 'signed-already',
      message: /wanted a signature of another owner, got [0-9a-f]{64} again/,
    },
    {
      sentence: 'a proposal that was edited after it was signed',
      who: bobs,
      argv: ({ path }) => {
        const other = bent(path, (envelope) => {
          const fields = JSON.parse(Buffer.from(envelope.payload).toString());
          fields.expires += 1;
          return { ...envelope, payload: new TextEncoder().encode(JSON.stringify(fields)) };
        });
        return ['root', 'sign', other, '--yes'];
      },
      code: 'edited',
      message: /wanted 1 signatures of keys that may sign, each holding, got 0: it was changed after it was signed/,
    },
    {
      sentence: 'a file of which the end is missing',
      who: bobs,
      argv: ({ path }) => ['root', 'sign', file(readFileSync(path, 'utf8').slice(0, -20)), '--yes'],
      code: 'malformed',
      message: /at character [0-9]+/,
    },
    {
      sentence: 'a root of another network than the one that this owner signed for',
      who: bobs,
      argv: async () => {
        const stranger = emptyFolder();
        await done(stranger, initArgs);
        await done(stranger, ['root', 'propose', '--add-owner', owners.bob.key]);
        return ['root', 'sign', join(stranger, 'proposed/root-2.json'), '--yes'];
      },
      code: 'wrong-network',
      message: /wanted roots of network [0-9a-f]{32}, got some of [0-9a-f]{32}/,
    },
    {
      sentence: 'an end that a clock of 1970 finds too far',
      who: bobs,
      argv: sign,
      code: 'expired',
      message: /wanted an end between 1970.*: is the clock right, here and there\?/,
      conditions: { nowUnixS: 0 },
    },
    {
      sentence: 'a proposal by a clock a day behind the last map',
      who: ({ folder }) => folder,
      argv: () => [...renewal.slice(0, 2), '--root-lifetime', '300d', '--yes'],
      code: 'not-yet',
      message: /wanted a clock not before the last map of/,
      conditions: { nowUnixS: nowUnixS - dayS },
    },
    {
      sentence: 'a second proposal beside one that waits',
      who: ({ folder }) => folder,
      argv: () => [...renewal, '--yes'],
      code: 'exists',
      message: /wanted no proposal of root version 3, got .*proposed\/root-3\.json: sign it, or remove it/,
    },
    {
      sentence: 'a quorum of more than there are',
      who: ({ folder }) => folder,
      argv: () => ['root', 'propose', '--owner-threshold', '4', '--yes'],
      code: 'threshold',
      message: /wanted at least 4 root keys, as many as must sign, got 3/,
    },
    {
      sentence: 'an owner to remove whom nobody knows',
      who: ({ folder }) => folder,
      argv: () => ['root', 'propose', '--remove-owner', 'a'.repeat(64), '--yes'],
      code: 'unknown-key',
      message: /wanted one of the root keys .*, got a{64}/,
    },
    {
      sentence: 'an owner who is one already',
      who: ({ folder }) => folder,
      argv: () => ['root', 'propose', '--add-owner', owners.bob.key, '--yes'],
      code: 'exists',
      message: /wanted a new root key, got [0-9a-f]{64}, which is one already/,
    },
  ];
  it.each(rows)('$sentence', async ({ who, argv, code, message, conditions }) => {
    const own = copies(owners);
    await done(own.folder, renewal);
    const world = { ...own, path: carriedFrom(own.folder) };
    const words = await argv(world);
    const folder = who(world);
    const carried = readFileSync(world.path, 'utf8');
    await refused(folder, words, { code, message }, conditions);
    expect(readFileSync(world.path, 'utf8')).toBe(carried);
  });

  it('the other of two proposals of one version, of copies that went different ways', async () => {
    const { folder, bob: bobs, carol: carols } = copies(owners);
    const other = copyOf(folder);
    await done(folder, renewal);
    await done(other, ['root', 'propose', '--root-lifetime', '500d']);
    const [path, fork] = [carriedFrom(folder), carriedFrom(other)];
    await done(bobs, ['root', 'sign', path]);
    await done(carols, ['root', 'sign', fork]);
    await done(folder, ['root', 'accept', path]);
    const message =
      /wanted root version 3 [0-9a-f]{64}, as in this folder, got [0-9a-f]{64}: another proposal was accepted/;
    await refused(folder, ['root', 'accept', fork, '--yes'], { code: 'fork', message });
    await refused(folder, ['root', 'accept', path, '--yes'], {
      code: 'accepted',
      message: /is in this folder already/,
    });
    await done(other, ['root', 'accept', fork]);
    await done(other, ['root', 'propose', '--root-lifetime', '600d']);
    const twoLines =
      /wanted root version 3 [0-9a-f]{64}, as in this folder, got [0-9a-f]{64}: two roots of one version/;
    await refused(folder, ['root', 'accept', carriedFrom(other, 4), '--yes'], { code: 'fork', message: twoLines });
  });

  it('a no: nothing is signed, proposed or accepted', async () => {
    const { folder, bob: bobs } = copies(owners);
    const before = contents(folder);
    expect(await call(folder, renewal)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/nothing was signed/) as string,
    });
    expect(contents(folder)).toEqual(before);
    await done(folder, renewal);
    const path = carriedFrom(folder);
    const [bytes, bobsBefore] = [readFileSync(path, 'utf8'), contents(bobs)];
    expect((await call(bobs, ['root', 'sign', path])).code).toBe(1);
    expect([readFileSync(path, 'utf8'), contents(bobs)]).toEqual([bytes, bobsBefore]);
  });
});
