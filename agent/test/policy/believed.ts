/** A verified map with these rules, made the whole way: signed, verified, completed. */
import type { Choices } from '../../src/policy/desired.ts';
import { verifyMap } from '../../src/trust/map.ts';
import { completeMap } from '../../src/trust/parts.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import type { Cidr, ExitRule, Member, Rule, VerifiedMap } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { content, mapOf, noFloors, nowUnixS, partsOf, rootOf } from '../trust/network.ts';

export const choices: Choices = {
  interface: 'rn0',
  listenPort: 51820,
  mtu: 1420,
  leaseS: 600,
  mark: 0x08000000,
  exit: 'off',
  exitLan: false,
  offersExit: false,
  announced: ['0.0.0.0/0', '::/0'] as Cidr[],
  localNetworks: ['lan'],
};

export function believed(
  rules: unknown,
  members: readonly Member[] = content.members,
  exits: unknown = [],
): VerifiedMap {
  const policy = { ...content.policy, rules: rules as readonly Rule[], exits: exits as readonly ExitRule[] };
  const signed = mapOf({}, partsOf({ ...content, members, policy }));
  const manifest = verifyMap(signed.envelope, rootOf(), noFloors, nowUnixS);
  if (isRefusal(manifest)) throw new Error(manifest.detail);
  const parts = new Map(Object.values(signed.parts).map((bytes) => [digestOf(bytes), bytes]));
  const map = completeMap(manifest, (digest) => parts.get(digest));
  if (isRefusal(map)) throw new Error(map.detail);
  return map;
}

export const rule = (from: string, to: string, ...protocols: string[]): unknown => ({
  from: from.split(' '),
  to: to.split(' '),
  protocols: protocols.length === 0 ? ['any'] : protocols,
});

export const exitRule = (from: string, via: string, ...protocols: string[]): unknown => ({
  from: from.split(' '),
  via: via.split(' '),
  protocols: protocols.length === 0 ? ['any'] : protocols,
});
