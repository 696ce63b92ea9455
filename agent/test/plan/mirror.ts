/** The kernel as it looks when it has what is desired; for tables of cases. The lab has the real one. */
import { nothingAround, type Observed } from '../../src/plan/observed.ts';
import { bootFiles } from '../../src/plan/boot.ts';
import {
  chainOf,
  expectedFlowtables,
  expectedProtocolChains,
  expectedSkeleton,
  marksOf,
} from '../../src/plan/guard.ts';
import { desiredRouting } from '../../src/plan/routing.ts';
import type { Desired } from '../../src/policy/desired.ts';
import { formatRange, rangeOf } from '../../src/trust/ip.ts';
import type { Endpoint, Protocol } from '../../src/trust/types.ts';
import type { Elements, NftTable } from '../../src/wire/nft-json.ts';
import type { WgPeer } from '../../src/wire/wg-dump.ts';
import { nowUnixS } from '../trust/network.ts';

function elementsOf(desired: Desired): ReadonlyMap<string, Elements> {
  const element = (key: string, of: { readonly protocols: readonly Protocol[] }): [string, string] => [
    key,
    chainOf(of),
  ];
  const { grants, uses, carries, own } = desired;
  const ranges = own.map((each) => rangeOf(each));
  const sets: readonly (readonly [string, readonly [string, string][]])[] = [
    ['lease', []],
    ['uplinks', []],
    ...([4, 6] as const).flatMap((family): [string, [string, string][]][] => [
      [
        `grants${family}`,
        grants.filter((each) => each.family === family).map((each) => element(`${each.from} . ${each.to}`, each)),
      ],
      [`uses${family}`, uses.filter((each) => each.family === family).map((each) => element(each.from, each))],
      [`carries${family}`, carries.filter((each) => each.family === family).map((each) => element(each.from, each))],
      [`own${family}`, ranges.filter((each) => each.family === family).map((each) => [formatRange(each), ''])],
    ]),
  ];
  return new Map(sets.map(([name, elements]) => [name, new Map(elements)]));
}

/** With the routing that holds, and what the boot would set. */
export function mirror(desired: Desired): Observed {
  const bare = without(desired);
  const routed = { ...bare, routing: desiredRouting(desired, bare) };
  return { ...routed, bootFiles: bootFiles(desired, routed) };
}

function without(desired: Desired): Observed {
  const rest = desired;
  const guard: NftTable = {
    chains: new Map([...expectedSkeleton(desired, true), ...expectedProtocolChains(desired)]),
    sets: elementsOf(desired),
    expiresS: new Map(),
    flowtables: expectedFlowtables(true),
  };
  const base = {
    atUnixS: nowUnixS,
    ...nothingAround,
    canOffload: true,
    guard,
    resolved: new Map([['203.0.113.7:51820' as Endpoint, '203.0.113.7:51820']]),
  };
  if (rest.publicKey === undefined) return base;
  const { addresses, routes, publicKey, listenPort } = rest;
  const mtu = rest.mtu === 'auto' ? 1420 : rest.mtu;
  const peers = rest.peers.map((peer): WgPeer => ({
    publicKey: peer.publicKey,
    allowedIps: peer.allowedIps,
    keepaliveS: peer.keepaliveS,
    latestHandshakeUnixS: nowUnixS - 10,
    receivedBytes: 1,
    sentBytes: 1,
    ...(peer.endpoints.length > 0 ? { endpoint: peer.endpoints[0] ?? '' } : {}),
  }));
  return {
    ...base,
    link: { kind: 'wireguard', up: true, mtu, addresses, routes },
    device: { publicKey, listenPort, mark: marksOf(desired).tunnel, peers },
  };
}
