/** Break-glass of an agent: what it says while it is open, and every way in which it ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/control/ports.ts';
import { compile } from '../../src/policy/compile.ts';
import type { Desired } from '../../src/policy/desired.ts';
import { overridden } from '../../src/policy/override.ts';
import { topics } from '../../src/trust/topics.ts';
import { digestOf } from '../../src/trust/words.ts';
import { believed, rule } from '../policy/believed.ts';
import { content, home, mapOf, memberOf, network, nowUnixS, partsOf, signedRoot } from '../trust/network.ts';
import {
  announcing,
  closed,
  confirm,
  opened,
  override,
  OverriddenLab,
  root,
  stranger,
  untilUnixS,
} from './overridden-lab.ts';

let lab: OverriddenLab;
beforeEach(async () => {
  lab = await OverriddenLab.joined({ break_glass: '1' });
});
afterEach(() => lab.end());

describe('open, without a map', () => {
  beforeEach(() => lab.opens());

  test('the state, who, why, until when, a warning, the peer, a lease that does not outlive it', async () => {
    const status = await lab.call('status');
    const words = 'root on /dev/pts/0 opened it until 2027-01-15T08:01:00Z: "the broker is down"';
    expect(status).toMatchObject({
      why: `${words}; without it closed: no map has come yet`,
      break_glass: {
        allowed: true,
        confirm,
        open: {
          who: 'root on /dev/pts/0',
          reason: 'the broker is down',
          until: untilUnixS,
          allowed_ips: ['192.168.7.0/24'],
        },
      },
      warnings: [expect.stringMatching(/^break-glass is open for 5[45] s: /)],
    });
    expect(Number(status['lease_s'])).toBeGreaterThan(50);
    expect(Number(status['lease_s'])).toBeLessThanOrEqual(60);
    expect(await lab.call('peers')).toMatchObject({ peers: [{ name: 'break-glass', node: null, present: true }] });
    expect(lab.onFlash()).toMatchObject([
      {
        event: 'break-glass',
        what: 'opened',
        peer: `${stranger.wireGuardKey} at 203.0.113.9:51820`,
        until: untilUnixS,
      },
    ]);
  });
  test('the signed status says so while it lasts, once, and no longer', async () => {
    const said = (): JsonObject[] =>
      lab.published.map(({ payload }) => {
        const envelope = JSON.parse(Buffer.from(payload).toString()) as { payload: string; signatures: unknown[] };
        expect(envelope.signatures).toHaveLength(1);
        return JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as JsonObject;
      });
    lab.agent.trigger();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const told = { who: 'root on /dev/pts/0', reason: 'the broker is down', until: untilUnixS };
    expect(said().filter(({ state }) => state === 'break-glass')).toMatchObject([{ break_glass: told }]);
    lab.passedS += 60;
    await lab.closes();
    expect(said().at(-1)).toMatchObject({ state: 'closed' });
    expect(said().at(-1)).not.toHaveProperty('break_glass');
  });
  test.each([
    ['no clock', 0],
    ['a clock set back by a year', -31_536_000],
    ['a clock set forward by a year', 31_536_000],
  ])('%s moves its end: 54 s are not over, 55 are', async (_, seconds) => {
    lab.clockUnixS += seconds;
    lab.passedS += 53;
    lab.agent.trigger();
    expect(await lab.settles('break-glass')).toMatchObject({ lease_s: expect.any(Number) as number });
    expect(Number((await lab.call('status'))['lease_s'])).toBeLessThanOrEqual(7);
    lab.passedS += 2;
    expect(await lab.call('status')).toMatchObject({ break_glass: { open: null } });
    await lab.closes(seconds < 0 ? 'unclocked' : 'closed');
    expect(lab.told()).toEqual(['opened', 'expired its time is over']);
  });
  test('one that is over, and that no run has seen since, ends before the next is opened', async () => {
    const release = lab.hold();
    lab.passedS += 55;
    const next = lab.ask();
    release();
    expect(await next).toMatchObject({ open: { peer: stranger.wireGuardKey } });
    expect(lab.told()).toEqual(['opened', 'expired its time is over', 'opened']);
  });
  test('a person closes it, and who that was is recorded', async () => {
    lab.show(closed);
    expect(await lab.ask({ action: 'close', who: 'root on /dev/pts/1' })).toMatchObject({ open: null });
    await lab.closes();
    expect(lab.told()).toEqual(['opened', 'closed closed by root on /dev/pts/1']);
  });
  test.each<[string, () => void, string]>([
    [
      'UCI allows it no more',
      () => lab.options.delete('break_glass'),
      'wanted rustynet.main.break_glass=1 in the UCI of this router, got 0',
    ],
    [
      'UCI cannot be read',
      () => lab.options.set('mtu', 'x'),
      'wanted rustynet.main.break_glass=1 in the UCI of this router, got 0',
    ],
    ['the router is disabled', () => lab.options.set('enabled', '0'), 'wanted rustynet.main.enabled=1, got 0'],
  ])('it ends when %s', async (_, change, why) => {
    change();
    lab.notify('service', 'config.change', { config: 'rustynet' });
    await lab.closes();
    expect(lab.told()).toEqual(['opened', `ended ${why}`]);
  });
  test('it ends with leaving the network', async () => {
    lab.shows = undefined;
    await lab.call('leave');
    expect(lab.told()).toEqual(['opened', 'ended wanted a router that joined a network, got one that joined none']);
  });
  test('a reboot ends it, whatever the clock says then; that is recorded once', async () => {
    const { folder, options } = lab;
    await lab.agent.stop();
    for (const clockUnixS of [nowUnixS - 1000, nowUnixS]) {
      lab = new OverriddenLab(Object.fromEntries(options), folder);
      lab.clockUnixS = clockUnixS;
      await lab.closes(clockUnixS < nowUnixS ? 'unclocked' : 'closed');
      await lab.agent.stop();
      expect(lab.told()).toEqual(['opened', 'ended the agent or the router was started anew']);
    }
    expect(await lab.call('audit', { verify: true })).toMatchObject({ whole: true });
  });
});

test('a reason that looks like a line of the log is none', async () => {
  const reason = '","event":"break-glass","what":"closed","x":"';
  expect(await lab.ask({ reason })).toMatchObject({ open: { reason } });
  const { folder, options } = lab;
  await lab.agent.stop();
  lab = new OverriddenLab(Object.fromEntries(options), folder);
  await lab.settles('closed');
  expect(lab.onFlash()).toMatchObject([
    { what: 'opened', reason },
    { what: 'ended', reason },
  ]);
});

describe('with a map', () => {
  const rules = [rule('any', 'any')];
  const hear = async (members = content.members, epoch = 7): Promise<void> => {
    const signed = mapOf({ epoch }, partsOf({ ...content, members }));
    lab.deliver?.({ topic: topics.root(network, 1), payload: signedRoot(root) });
    lab.deliver?.({ topic: topics.map(network), payload: signed.envelope });
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const part of Object.values(signed.parts)) {
      lab.deliver?.({ topic: topics.part(network, digestOf(part)), payload: part });
    }
    await expect.poll(async () => (await lab.call('status'))['map']).toMatchObject({ epoch });
  };
  const granted = (members = content.members): Desired => compile(believed(rules, members), home.id, announcing);

  test('that arrives and does not know the peer: both are in force, and the map alone afterwards', async () => {
    await lab.opens();
    const both = overridden(granted(), override, home.wireGuardKey);
    lab.show(both);
    await hear();
    expect(await lab.settles('break-glass')).toMatchObject({
      peers: 3,
      name: 'home',
      break_glass: { confirm: 'home' },
    });
    const { why, lease_s: leaseS } = await lab.call('status');
    expect(String(why)).not.toContain('without it');
    expect(Number(leaseS)).toBeLessThanOrEqual(60);
    lab.passedS += 55;
    expect(await lab.closes('enforced', granted())).toMatchObject({ peers: 2, lease_s: 600 });
  });
  test.each<[string, typeof content.members, string]>([
    [
      'that names the peer',
      [...content.members, stranger],
      'wanted the WireGuard key of no member, got that of stranger',
    ],
    [
      'that gives what it has to a member',
      [...content.members, memberOf('other', '10.77.0.8', { subnets: stranger.subnets, roles: ['subnet-router'] })],
      'wanted allowed IPs that nobody has, got 192.168.7.0/24, which overlaps 192.168.7.0/24 of other',
    ],
  ])('%s ends it', async (_, members, why) => {
    await lab.opens();
    lab.show(granted(members));
    await hear(members);
    expect(await lab.settles('enforced')).toMatchObject({ break_glass: { open: null } });
    expect(lab.told()).toEqual(['opened', `ended ${why}`]);
  });
  test('that removes this router: what was opened by hand goes on, without the peers of the map', async () => {
    lab.show(granted());
    await hear();
    await lab.settles('enforced');
    lab.show(overridden(granted(), override, home.wireGuardKey));
    await lab.ask({ confirm: 'home' });
    await lab.settles('break-glass');
    lab.show({ ...opened, names: { ...(granted().names as NonNullable<Desired['names']>) } });
    await hear(
      content.members.filter(({ id }) => id !== home.id),
      8,
    );
    await expect.poll(async () => (await lab.call('peers'))['peers']).toMatchObject([{ name: 'break-glass' }]);
    expect(await lab.settles('break-glass')).toMatchObject({
      why: expect.stringContaining('no member in epoch 8') as string,
    });
  });
  test("a member's own key and addresses are refused", async () => {
    lab.show(granted());
    await hear();
    await lab.settles('enforced');
    const message = 'wanted allowed IPs that nobody has, got 192.168.2.0/25, which overlaps 192.168.2.0/24 of office';
    expect((await lab.ask({ confirm: 'home', allowed_ips: ['192.168.2.0/25'] }))['error']).toMatchObject({ message });
  });
});
