/** Whether the mesh fits into the networks around, and how narrow its tunnel is: told before anything is applied. */
import { describe, expect, test } from 'vitest';
import { fit } from '../../src/plan/fit.ts';
import { tunnelMtu } from '../../src/plan/mtu.ts';
import { nothingAround, type LocalNetwork, type Observed } from '../../src/plan/observed.ts';
import { compile } from '../../src/policy/compile.ts';
import { closedDesired } from '../../src/policy/desired.ts';
import type { Cidr } from '../../src/trust/types.ts';
import { believed, choices, rule } from '../policy/believed.ts';
import { laptop } from '../trust/network.ts';

const map = believed([rule('any', 'any')]);
const desired = compile(map, laptop.id, choices);
const [range = '' as Cidr] = map.policy.ranges;
const networkOf = (name: string, ...prefixes: string[]): LocalNetwork => ({
  ...{ name, device: `br-${name}` },
  prefixes: prefixes as Cidr[],
});
const around = (locals: LocalNetwork[], uplinks: LocalNetwork[] = []): Pick<Observed, 'locals' | 'uplinks'> => ({
  locals,
  uplinks,
});

describe('fit', () => {
  const [subnet = '' as Cidr] = desired.peers.flatMap(({ allowedIps }) =>
    allowedIps.filter((each) => desired.routes.includes(each)),
  );

  test('there is a subnet to fit', () => {
    expect(desired.routes).toContain(subnet);
    expect(desired.routes).toContain(range);
  });

  test.each<[string, Pick<Observed, 'locals' | 'uplinks'>]>([
    ['nothing around', around([])],
    ['a LAN beside it', around([networkOf('lan', '192.168.99.0/24')])],
    ['an uplink beside it', around([], [networkOf('wan', '198.51.100.0/24', '2001:db8::/64')])],
  ])('with %s all of it is applied as it is', (_, seen) => {
    expect(fit(desired, seen)).toEqual({ desired, notes: [] });
  });

  test.each<[string, Pick<Observed, 'locals' | 'uplinks'>, string]>([
    ['a LAN that is the same', around([networkOf('lan', subnet)]), `${subnet} of lan`],
    ['an uplink that is the same', around([], [networkOf('wan', subnet)]), `${subnet} of wan`],
    ['a LAN within it', around([networkOf('lan', subnet.replace(/0\/24$/, '128/25'))]), 'of lan'],
  ])('a subnet of a member that meets %s is left out, and the note says by whom', (_, seen, by) => {
    const fitted = fit(desired, seen);
    expect(fitted.closedBecause).toBeUndefined();
    expect(fitted.desired).toEqual({
      ...desired,
      routes: desired.routes.filter((each) => each !== subnet),
      meshPrefixes: desired.routes.filter((each) => each !== subnet),
    });
    expect(fitted.notes).toEqual([
      expect.stringMatching(
        new RegExp(`^not routed: ${subnet} of the mesh overlaps .*${by}, which this router is in$`),
      ),
    ]);
  });

  test.each<[string, Pick<Observed, 'locals' | 'uplinks'>]>([
    ['a LAN', around([networkOf('lan', range)])],
    ['an uplink', around([], [networkOf('wan', range)])],
  ])('where %s has the range of the mesh, nothing of it is applied, and it says why', (_, seen) => {
    const fitted = fit(desired, seen);
    expect(fitted.desired).toEqual(closedDesired(desired, desired.names));
    expect(fitted.closedBecause).toMatch(`wanted the mesh's range ${range} to be free here, got ${range} of`);
  });
});

describe('the MTU of the tunnel', () => {
  const seen = (uplinkMtu?: number): Observed => ({
    ...{ atUnixS: 0, ...nothingAround, resolved: new Map() },
    ...(uplinkMtu === undefined ? {} : { uplinkMtu }),
  });
  test.each<[string, number | 'auto', number | undefined, number]>([
    ['of Ethernet', 'auto', 1500, 1420],
    ['of PPPoE', 'auto', 1492, 1412],
    ['of jumbo frames', 'auto', 9000, 8920],
    ['of an uplink that IPv6 hardly fits, the least that IPv6 asks for', 'auto', 1300, 1280],
    ['while there is no uplink, that of Ethernet', 'auto', undefined, 1420],
    ['that was chosen, whatever the uplink', 1380, 1492, 1380],
  ])('%s', (_, mtu, uplinkMtu, wanted) => {
    expect(tunnelMtu({ ...desired, mtu }, seen(uplinkMtu))).toBe(wanted);
  });
});
