import { describe, expect, test } from 'vitest';
import { judge, type Facts } from '../../src/plan/judge.ts';
import { nothingAround, type Observed } from '../../src/plan/observed.ts';
import { describe as describeStep, plan, type Step } from '../../src/plan/plan.ts';
import { prove } from '../../src/plan/prove.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired, type Desired } from '../../src/policy/desired.ts';
import type { Endpoint } from '../../src/trust/types.ts';
import type { NftTable } from '../../src/wire/nft-json.ts';
import type { WgPeer } from '../../src/wire/wg-dump.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { home, laptop, nowUnixS, office } from '../trust/network.ts';
import { mirror } from './mirror.ts';

const desired = compile(believed([rule('any', 'any')]), laptop.id, choices);
const closed = closedDesired(choices);

const there = mirror(desired);
const device = there.device ?? { listenPort: 0, mark: 0, peers: [] };
const link = there.link ?? { kind: '', up: false, mtu: 0, addresses: [], routes: [] };
const peerWith = (index: number, over: Partial<WgPeer>): Observed => ({
  ...there,
  device: { ...device, peers: device.peers.map((peer, at) => (at === index ? { ...peer, ...over } : peer)) },
});
const homeAt = device.peers.findIndex(({ publicKey }) => publicKey === home.wireGuardKey);
const nothing: Observed = { atUnixS: nowUnixS, ...nothingAround, resolved: there.resolved };
function without<Value extends object, Key extends keyof Value & string>(value: Value, key: Key): Omit<Value, Key> {
  return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key)) as Omit<Value, Key>;
}
const kinds = (wanted: Desired, observed: Observed): string[] => plan(wanted, observed).map((step) => step.do);

describe('plan', () => {
  test.each<[string, Desired, Observed, Step['do'][]]>([
    [
      'from nothing: guard first, then the link, its addresses, its peers',
      desired,
      nothing,
      ['routing', 'guard', 'create-link', 'configure-link', 'address-link', 'set-peers', 'boot-guard'],
    ],
    ['closed from nothing is the guard alone', closed, nothing, ['guard']],
    ['what is there is left alone', desired, there, []],
    ['closed and closed is nothing', closed, mirror(closed), []],
    ['closing revokes the grants before the link goes', closed, there, ['grants', 'remove-link']],
    [
      'a table that somebody changed is replaced whole',
      desired,
      { ...there, guard: { chains: new Map(), sets: new Map(), expiresS: new Map(), flowtables: new Map() } },
      ['guard'],
    ],
    ['a link that is down is addressed again', desired, { ...there, link: { ...link, up: false } }, ['address-link']],
    [
      'a flowtable that takes the packets of a device is replaced, with all that is in it',
      desired,
      { ...there, guard: { ...(there.guard as NftTable), flowtables: new Map([['kept', ['eth0', 'lo']]]) } },
      ['guard'],
    ],
    ['one that this kernel is no longer thought to have goes', desired, { ...there, canOffload: false }, ['guard']],
    [
      'a missing route is set again',
      desired,
      { ...there, link: { ...link, routes: link.routes.slice(1) } },
      ['address-link'],
    ],
    ['another MTU is corrected', desired, { ...there, link: { ...link, mtu: 1280 } }, ['configure-link']],
    [
      'another private key is replaced',
      desired,
      { ...there, device: { ...device, publicKey: home.wireGuardKey } },
      ['configure-link', 'greet-peers'],
    ],
    [
      'a peer of nobody is removed',
      desired,
      { ...there, device: { ...device, peers: [...device.peers, { ...device.peers[0], publicKey: 'x' } as WgPeer] } },
      ['remove-peers'],
    ],
    [
      'something else under our name is taken away first',
      desired,
      { ...there, link: { ...link, kind: 'bridge' } },
      ['remove-link', 'create-link', 'configure-link', 'address-link', 'set-peers'],
    ],
    [
      'allowed IPs that somebody changed are set again',
      desired,
      peerWith(0, { allowedIps: ['0.0.0.0/0'] }),
      ['set-peers'],
    ],
  ])('%s', (_, wanted, observed, steps) => {
    expect(kinds(wanted, observed)).toEqual(steps);
  });

  test('a changed peer is the only one that is told', () => {
    const [step] = plan(desired, peerWith(homeAt, { keepaliveS: 0 }));
    expect(step).toMatchObject({ do: 'set-peers', peers: [{ publicKey: home.wireGuardKey }] });
    expect((step as unknown as { peers: unknown[] }).peers).toHaveLength(1);
  });

  test.each([
    ['a peer that roamed keeps its endpoint while its session lives', { endpoint: '198.51.100.1:4000' }, []],
    [
      'one that is dead is told the one of the map',
      { endpoint: '198.51.100.1:4000', latestHandshakeUnixS: nowUnixS - 181 },
      ['set-peers'],
    ],
    ['one that is dead at the endpoint of the map is left to try', { latestHandshakeUnixS: 0 }, []],
  ])('%s', (_, over, steps) => {
    expect(kinds(desired, peerWith(homeAt, over))).toEqual(steps);
  });
  test('an endpoint that does not resolve is left out, and nothing is planned for it again', () => {
    const unresolved = { ...peerWith(homeAt, {}), resolved: new Map<Endpoint, string>() };
    const bare = without(device.peers[homeAt] as WgPeer, 'endpoint');
    const unknown = {
      ...unresolved,
      device: { ...device, peers: device.peers.map((peer, at) => (at === homeAt ? bare : peer)) },
    };
    expect(kinds(desired, unknown)).toEqual([]);
    expect(kinds(desired, { ...unknown, resolved: there.resolved })).toEqual(['set-peers']);
  });
  describe('a member under another key', () => {
    const oldHome = { ...(device.peers[homeAt] as WgPeer), publicKey: 'old', endpoint: '198.51.100.1:4000' };
    const others = device.peers.filter((_, at) => at !== homeAt);
    const before = (peers: readonly WgPeer[]): Observed => ({ ...there, device: { ...device, peers } });
    const endpointOf = (observed: Observed): unknown =>
      plan(desired, observed).flatMap((step) => (step.do === 'set-peers' ? step.peers : []))[0]?.endpoint;
    test('takes the place of the old one, which goes afterwards', () => {
      const steps = plan(desired, before([...others, oldHome]));
      expect(steps).toMatchObject([
        { do: 'set-peers', peers: [{ publicKey: home.wireGuardKey, allowedIps: oldHome.allowedIps }] },
        { do: 'greet-peers', peers: [{ publicKey: home.wireGuardKey }] },
        { do: 'remove-peers', publicKeys: ['old'] },
      ]);
    });
    test('is met where the old one was last, while that session lives; else where the map says', () => {
      expect(endpointOf(before([...others, oldHome]))).toBe('198.51.100.1:4000');
      expect(endpointOf(before([...others, { ...oldHome, latestHandshakeUnixS: 0 }]))).toBe('203.0.113.7:51820');
    });
    test('an old one that may send more than the new one goes first', () => {
      const wider = { ...oldHome, allowedIps: [...oldHome.allowedIps, '0.0.0.0/0'] };
      expect(kinds(desired, before([...others, wider]))).toEqual(['remove-peers', 'set-peers']);
    });
    test('one without a place of its own, whose place nobody takes, goes first', () => {
      expect(kinds(desired, before([...device.peers, { ...oldHome, allowedIps: [] }]))).toEqual(['remove-peers']);
    });
  });
  test('under another private key, those that stay are met again, with the keepalive that they have', () => {
    const observed = { ...there, device: { ...device, publicKey: home.wireGuardKey } };
    const greeted = plan(desired, observed).find((step) => step.do === 'greet-peers');
    expect(greeted).toEqual({
      do: 'greet-peers',
      interface: 'rn0',
      peers: desired.peers.map(({ publicKey, keepaliveS }) => ({ publicKey, keepaliveS })),
    });
  });
  test('after a link that went, netifd is told down before up', () => {
    const gone = without(without(there, 'link'), 'device');
    const step = plan(desired, gone).find((each) => each.do === 'address-link');
    expect(step).toMatchObject({ renewed: true, addresses: laptop.addresses });
    expect(plan(desired, { ...there, link: { ...link, routes: [] } })[0]).toMatchObject({ renewed: false });
  });
  test('each step is one line for a person, without secrets', () => {
    const lines = plan(desired, nothing).map(describeStep);
    expect(lines).toHaveLength(7);
    for (const line of lines) expect(line).toMatch(/^[a-z-]+: [^\n]+$/);
  });
});

describe('prove', () => {
  test('nothing differs when the kernel has it', () => {
    expect(prove(desired, there)).toEqual({ guard: [], rest: [] });
    expect(prove(closed, mirror(closed))).toEqual({ guard: [], rest: [] });
  });
  test.each<[string, Observed, RegExp]>([
    [
      'a missing peer',
      { ...there, device: { ...device, peers: device.peers.slice(1) } },
      /^peer .*: wanted it, got none$/,
    ],
    ['a stranger', peerWith(0, { publicKey: 'stranger' }), /^peer stranger: wanted none, got one$/],
    ['a peer with more allowed IPs', peerWith(0, { allowedIps: ['0.0.0.0/0'] }), /^allowed IPs of peer/],
    ['a missing address', { ...there, link: { ...link, addresses: [] } }, /^addresses of rn0: wanted/],
    ['a route too many', { ...there, link: { ...link, routes: [...link.routes, '8.8.8.0/24'] } }, /^routes to rn0/],
    ['a link that is down', { ...there, link: { ...link, up: false } }, /^rn0 up: wanted true, got false$/],
    [
      'no link',
      { atUnixS: nowUnixS, ...nothingAround, guard: there.guard as NftTable, resolved: new Map() },
      /^rn0: wanted a link, got none$/,
    ],
  ])('%s is found', (_, observed, finding) => {
    expect(prove(desired, observed).rest).toEqual(expect.arrayContaining([expect.stringMatching(finding)]));
  });
  test('a link that should not be there is found', () => {
    expect(prove(closed, { ...mirror(closed), link }).rest).toEqual(['rn0: wanted no link, got one']);
  });
});

describe('judge', () => {
  const good: Facts = {
    proof: { guard: [], rest: [] },
    applying: false,
    closedBecause: undefined,
    clockUsable: true,
    leaseS: 600,
    override: undefined,
  };
  test.each<[string, Partial<Facts>, string]>([
    ['all proven', {}, 'enforced'],
    ['nothing was looked at', { proof: undefined }, 'starting'],
    ['the guard does not stand', { proof: { guard: ['x'], rest: [] } }, 'unsafe'],
    [
      'the guard does not stand, and there is no map either',
      { proof: { guard: ['x'], rest: [] }, closedBecause: 'y' },
      'unsafe',
    ],
    ['something differs', { proof: { guard: [], rest: ['x'] } }, 'applying'],
    ['a plan runs', { applying: true }, 'applying'],
    ['all proven, but the lease has ended', { leaseS: 0 }, 'applying'],
    ['no map, and no lease', { closedBecause: 'no map', leaseS: 0 }, 'closed'],
    ['no map, but a link is still there', { closedBecause: 'no map', proof: { guard: [], rest: ['x'] } }, 'unsafe'],
    ['no clock', { clockUsable: false, closedBecause: 'clock' }, 'unclocked'],
    ['overridden, and all proven', { override: 'o' }, 'break-glass'],
    ['overridden, without a map', { override: 'o', closedBecause: 'no map' }, 'break-glass'],
    [
      'overridden, without a map and without a clock',
      { override: 'o', closedBecause: 'c', clockUsable: false },
      'break-glass',
    ],
    ['overridden, but nothing was looked at', { override: 'o', proof: undefined }, 'starting'],
    ['overridden, but the guard does not stand', { override: 'o', proof: { guard: ['x'], rest: [] } }, 'unsafe'],
    ['overridden, and a plan runs', { override: 'o', applying: true }, 'applying'],
    [
      'overridden, but the kernel shows something else',
      { override: 'o', proof: { guard: [], rest: ['x'] } },
      'applying',
    ],
    ['overridden, but the lease has ended', { override: 'o', leaseS: 0 }, 'applying'],
  ])('%s', (_, over, state) => {
    expect(judge({ ...good, ...over }).state).toBe(state);
  });
  test('says who overrode it, and what it would be without', () => {
    expect(judge({ ...good, override: 'root: "x"' }).why).toBe('root: "x"');
    expect(judge({ ...good, override: 'root: "x"', closedBecause: 'no map' }).why).toBe(
      'root: "x"; without it closed: no map',
    );
  });
});

test('the office is a peer of the laptop, so that the tables above have two', () => {
  expect(device.peers.map(({ publicKey }) => publicKey).sort()).toEqual(
    [home.wireGuardKey, office.wireGuardKey].sort(),
  );
});
