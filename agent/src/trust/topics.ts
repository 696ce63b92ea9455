/** The retained topics of a network (design section 4). In: ids. Out: topic names, and what a topic name means. */
import type { Digest, NetworkId, NodeId } from './types.ts';
import { parseDigest, parseNodeId } from './words.ts';

const base = (network: NetworkId): string => `rustynet/1/${network}`;

export const topics = {
  root: (network: NetworkId, version: number): string => `${base(network)}/root/${version}`,
  map: (network: NetworkId): string => `${base(network)}/map`,
  part: (network: NetworkId, digest: Digest): string => `${base(network)}/part/${digest}`,
  status: (network: NetworkId, id: NodeId): string => `${base(network)}/node/${id}/status`,
  join: (network: NetworkId, id: NodeId): string => `${base(network)}/join/${id}`,
};

/** Every join request of a network, for its operator. */
export function joinFilter(network: NetworkId): string {
  return `${base(network)}/join/+`;
}

/** The node whose topic it is: what lies there is its own word or nobody's. */
export function parseJoinTopic(network: NetworkId, topic: string): NodeId | undefined {
  const prefix = `${base(network)}/join/`;
  return topic.startsWith(prefix) ? parseNodeId(topic.slice(prefix.length)) : undefined;
}

export type Topic =
  | { readonly kind: 'root'; readonly version: number }
  | { readonly kind: 'map' }
  | { readonly kind: 'part'; readonly digest: Digest };

/** `undefined` for a topic of another network or of no meaning to a router. */
export function parseTopic(network: NetworkId, topic: string): Topic | undefined {
  const prefix = `${base(network)}/`;
  if (!topic.startsWith(prefix)) return undefined;
  const [kind, name = '', more] = topic.slice(prefix.length).split('/');
  if (more !== undefined) return undefined;
  if (kind === 'map' && name === '') return { kind };
  if (kind === 'root' && /^[1-9][0-9]{0,9}$/.test(name)) return { kind, version: Number(name) };
  const digest = kind === 'part' ? parseDigest(name) : undefined;
  return digest === undefined ? undefined : { kind: 'part', digest };
}
