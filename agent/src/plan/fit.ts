/**
 * Whether the mesh fits into the networks that this router is already in. In: what is desired and what is around.
 * Out: what can be applied of it, and why the rest is not: told before anything is applied, not found out afterwards.
 */
import { overlaps, rangeOf } from '../trust/ip.ts';
import type { Cidr } from '../trust/types.ts';
import { closedDesired, type Desired } from '../policy/desired.ts';
import type { LocalNetwork, Observed } from './observed.ts';

export interface Fitted {
  readonly desired: Desired;
  /** Routes that are left out, a line each. */
  readonly notes: readonly string[];
  /** Why nothing of it can be applied. */
  readonly closedBecause?: string;
}

function meets(prefix: Cidr, networks: readonly LocalNetwork[]): string | undefined {
  const range = rangeOf(prefix);
  const [hit] = networks.flatMap(({ name, prefixes }) =>
    prefixes.filter((each) => overlaps(rangeOf(each), range)).map((each) => `${each} of ${name}`),
  );
  return hit;
}

export function fit(desired: Desired, { locals, uplinks }: Pick<Observed, 'locals' | 'uplinks'>): Fitted {
  const networks = [...locals, ...uplinks];
  const isPeers = (prefix: Cidr): boolean => desired.peers.some(({ allowedIps }) => allowedIps.includes(prefix));
  const taken = desired.routes.flatMap((prefix) => {
    const by = meets(prefix, networks);
    return by === undefined ? [] : [{ prefix, by }];
  });
  const range = taken.find(({ prefix }) => !isPeers(prefix));
  if (range !== undefined) {
    const closedBecause = `wanted the mesh's range ${range.prefix} to be free here, got ${range.by}`;
    return { desired: closedDesired(desired, desired.names), notes: [], closedBecause };
  }
  const left = new Set(taken.map(({ prefix }) => prefix));
  const without = (prefixes: readonly Cidr[]): readonly Cidr[] => prefixes.filter((each) => !left.has(each));
  const { meshPrefixes } = desired;
  return {
    desired: {
      ...desired,
      routes: without(desired.routes),
      ...(meshPrefixes === undefined ? {} : { meshPrefixes: without(meshPrefixes) }),
    },
    notes: taken.map(({ prefix, by }) => `not routed: ${prefix} of the mesh overlaps ${by}, which this router is in`),
  };
}
