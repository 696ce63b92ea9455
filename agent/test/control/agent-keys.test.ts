/** A router and its own keys: gone from flash, or two of WireGuard, of which a map has one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compile } from '../../src/policy/compile.ts';
import type { Desired } from '../../src/policy/desired.ts';
import { encodeInvite } from '../../src/trust/invite.ts';
import { encodeRoot } from '../../src/trust/root.ts';
import { topics } from '../../src/trust/topics.ts';
import type { Member } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import {
  content,
  home,
  mapOf,
  network,
  nowUnixS,
  partsOf,
  rootOf,
  signedRoot,
  type SignedMap,
} from '../trust/network.ts';
import { LabOfOne } from './lab-of-one.ts';

const root = rootOf();
let lab: LabOfOne;
beforeEach(() => {
  lab = new LabOfOne('home');
});
afterEach(() => lab.end());

async function deliverMap(signed: SignedMap): Promise<void> {
  lab.deliver?.({ topic: topics.root(network, 1), payload: signedRoot(root) });
  lab.deliver?.({ topic: topics.map(network), payload: signed.envelope });
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const part of Object.values(signed.parts)) {
    lab.deliver?.({ topic: topics.part(network, digestOf(part)), payload: part });
  }
}

const invite = encodeInvite({
  network,
  root: { version: 1, digest: digestOf(encodeRoot(root)) },
  broker: { url: 'mqtt://broker.invalid', user: 'router', password: 'secret' },
  issuedUnixS: nowUnixS - 500,
});
const opened = (): Desired => compile(believed([rule('any', 'any')]), home.id, { ...choices, announced: [] });

test('keys that are not on flash any more join nothing', async () => {
  lab.areKeysLost = true;
  const { error } = await lab.call('join', { invite });
  expect(error).toEqual({ code: 'KEY_FILE', message: 'identity.key: wanted a key, got none' });
  expect([lab.options.size, lab.secrets, lab.store.read()]).toEqual([0, {}, undefined]);
});

test.each([
  ['the system refused it', { syscall: 'write' }, { code: 'SYSTEM', message: 'ENOSPC: no space left on device' }],
  ['nobody expected it', {}, undefined],
])('what fails in joining is said: %s', async (_, about, error) => {
  lab.store.commit = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), about);
  };
  const answer = lab.call('join', { invite });
  await (error === undefined
    ? expect(answer).rejects.toThrow('ENOSPC')
    : expect(answer).resolves.toMatchObject({ error }));
});

describe('a map with the next WireGuard key for this router', () => {
  const renewed = async (): Promise<SignedMap> => {
    const { next_wireguard_key: next } = await lab.call('rotate_key');
    expect(await lab.call('status')).toMatchObject({ next_wireguard_key: next, state: 'enforced' });
    const members = content.members.map((member) =>
      member.id === home.id ? { ...member, wireGuardKey: next as Member['wireGuardKey'] } : member,
    );
    return mapOf({ epoch: 8 }, partsOf({ ...content, members }));
  };
  beforeEach(async () => {
    await lab.call('join', { invite });
    await expect.poll(() => lab.deliver).toBeDefined();
    lab.show(opened());
    await deliverMap(mapOf());
    await lab.settles('enforced');
  });
  test('takes it; asked for twice it is the same one, and the one before it is known no more', async () => {
    const before = (await lab.call('status'))['wireguard_key'];
    const map = await renewed();
    const next = (await lab.call('rotate_key'))['next_wireguard_key'];
    await deliverMap(map);
    await expect.poll(async () => (await lab.call('status'))['wireguard_key'], { timeout: 3000 }).toBe(next);
    expect(next).not.toBe(before);
    expect(await lab.call('status')).toMatchObject({ next_wireguard_key: null, map: { epoch: 8 } });
  });
  test('and a flash that does not take it: closed, and says which key the map has', async () => {
    const map = await renewed();
    lab.isFlashFull = true;
    lab.shows = undefined;
    await deliverMap(map);
    await expect
      .poll(async () => String((await lab.call('status'))['why']), { timeout: 3000 })
      .toContain('for this router, not');
    expect(lab.lines).toContain('the next WireGuard key could not be taken: ENOSPC: no space left on device');
  });
});
