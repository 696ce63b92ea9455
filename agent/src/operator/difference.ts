/**
 * What signing would change. In: the last signed map, and what would be signed now. Out: the difference, for a person
 * who must say yes to it. Rules only allow, so that their order means nothing.
 */
import type { ExitRule, Member, Rule, VerifiedMap } from '../trust/types.ts';
import type { Content } from './content.ts';
import { plainMember } from './members.ts';
import { describeExit, describeRule } from './policy-file.ts';
import { formatDuration } from './times.ts';

export interface Change {
  readonly what: string;
  readonly from: string;
  readonly to: string;
}
export interface Difference {
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
  readonly changed: readonly { readonly name: string; readonly changes: readonly Change[] }[];
  readonly rulesAdded: readonly Rule[];
  readonly rulesRemoved: readonly Rule[];
  readonly exitsAdded: readonly ExitRule[];
  readonly exitsRemoved: readonly ExitRule[];
  /** Of the network itself: ranges, zone, resolvers, lifetime, root version. */
  readonly changes: readonly Change[];
}

export interface Draft extends Content {
  readonly ranges: readonly string[];
  readonly zone: string;
  readonly resolvers: readonly string[];
  readonly lifetimeS: number;
  readonly rootVersion: number;
}

export function draftOf({ members, policy, names, issuedUnixS, expiresUnixS, rootVersion }: VerifiedMap): Draft {
  const { ranges, rules, exits } = policy;
  return { members, rules, exits, ranges, ...names, lifetimeS: expiresUnixS - issuedUnixS, rootVersion };
}

export function changes(what: string, from: string, to: string): readonly Change[] {
  return from === to ? [] : [{ what, from: from || 'none', to: to || 'none' }];
}

const powers = ['subnets', 'roles', 'tags', 'endpoints'] as const;

export function memberChanges(from: Member, to: Member): readonly Change[] {
  return [
    ...changes('identity key', from.identityKey, to.identityKey),
    ...changes('WireGuard key', from.wireGuardKey, to.wireGuardKey),
    ...(['addresses', ...powers] as const).flatMap((what) => changes(what, from[what].join(' '), to[what].join(' '))),
  ];
}

function wholly(durationS: number): string {
  return formatDuration(durationS, Infinity);
}

/** What is in `left` and not in `right`. */
function without<Value>(left: readonly Value[], right: readonly Value[], keyOf: (value: Value) => string): Value[] {
  const keys = new Set(right.map(keyOf));
  return left.filter((value) => !keys.has(keyOf(value)));
}

const nothing: Content = { members: [], rules: [], exits: [] };
/** How long a first map holds, and of which root it is, is said beside the difference. */
const nameless = { ranges: [], zone: '', resolvers: [] };

export function differenceOf(last: VerifiedMap | undefined, next: Draft): Difference {
  return differenceBetween(last === undefined ? { ...next, ...nothing, ...nameless } : draftOf(last), next);
}

export function differenceBetween(before: Draft, next: Draft): Difference {
  const nameOf = ({ name }: Member): string => name;
  const old = new Map(before.members.map((member) => [member.name, member]));
  const changed = next.members.flatMap((member) => {
    const was = old.get(member.name);
    const found = was === undefined ? [] : memberChanges(was, member);
    return found.length === 0 ? [] : [{ name: member.name, changes: found }];
  });
  return {
    added: without(next.members, before.members, nameOf),
    removed: without(before.members, next.members, nameOf),
    changed,
    rulesAdded: without(next.rules, before.rules, describeRule),
    rulesRemoved: without(before.rules, next.rules, describeRule),
    exitsAdded: without(next.exits, before.exits, describeExit),
    exitsRemoved: without(before.exits, next.exits, describeExit),
    changes: [
      ...changes('ranges', before.ranges.join(' '), next.ranges.join(' ')),
      ...changes('zone', before.zone, next.zone),
      ...changes('resolvers', before.resolvers.join(' '), next.resolvers.join(' ')),
      ...changes('lifetime', wholly(before.lifetimeS), wholly(next.lifetimeS)),
      ...changes('root version', `${before.rootVersion}`, `${next.rootVersion}`),
    ],
  };
}

export function describeChange({ what, from, to }: Change): string {
  return `${what} ${from} => ${to}`;
}

/** All that makes it powerful: `phone 10.7.0.2 fd.., roles client, node 0a.., WireGuard key ..`. */
function describeMember(member: Member): string {
  const { id, name, addresses, wireGuardKey } = member;
  const own = powers.flatMap((what) => (member[what].length === 0 ? [] : [`${what} ${member[what].join(' ')}`]));
  return [[name, ...addresses].join(' '), ...own, `node ${id}`, `WireGuard key ${wireGuardKey}`].join(', ');
}

export function describeDifference(difference: Difference): readonly string[] {
  const { added, removed, changed, rulesAdded, rulesRemoved, exitsAdded, exitsRemoved } = difference;
  return [
    ...added.map((member) => `+ member ${describeMember(member)}`),
    ...removed.map(({ name }) => `- member ${name}`),
    ...changed.map(({ name, changes: all }) => `~ member ${name}: ${all.map(describeChange).join(', ')}`),
    ...rulesAdded.map((rule) => `+ rule ${describeRule(rule)}`),
    ...rulesRemoved.map((rule) => `- rule ${describeRule(rule)}`),
    ...exitsAdded.map((exit) => `+ exit ${describeExit(exit)}`),
    ...exitsRemoved.map((exit) => `- exit ${describeExit(exit)}`),
    ...difference.changes.map((each) => `~ ${describeChange(each)}`),
  ];
}

/** For --json: whole what comes, by name what goes, which a script can look up. */
export function plainDifference(difference: Difference) {
  const { added, removed, changed, rulesAdded, rulesRemoved, exitsAdded, exitsRemoved, changes: all } = difference;
  return {
    members: { added: added.map(plainMember), removed: removed.map(({ name }) => name), changed },
    rules: { added: rulesAdded, removed: rulesRemoved },
    exits: { added: exitsAdded, removed: exitsRemoved },
    changes: all,
  };
}
