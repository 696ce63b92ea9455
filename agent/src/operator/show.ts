/**
 * `show` and `verify`. In: the folder. Out: what the network is and what of it is signed; and whether a router that has
 * the pin would believe signed/ now.
 */
import type { VerifiedMap } from '../trust/types.ts';
import { readContent, type Content } from './content.ts';
import { describeDifference, differenceOf } from './difference.ts';
import { memberTable, plainMember } from './members.ts';
import { describeExit, describeRule } from './policy-file.ts';
import { defaultRootLifetimeS } from './lifetimes.ts';
import { readSettings, type Settings } from './settings.ts';
import { neededSignedMap, newest, readRoots, readSignedMap, type SignedMap } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatTime, isLate, left } from './times.ts';

function lateness({ map, retired }: SignedMap, nowUnixS: number): readonly string[] {
  const { expiresUnixS, issuedUnixS } = map;
  if (retired) return ['a newer root replaced the keys of the last map: sign again, then publish'];
  if (expiresUnixS <= nowUnixS)
    return [`the map ended ${left(expiresUnixS, nowUnixS)}: routers are closed; sign again`];
  if (!isLate(issuedUnixS, expiresUnixS, nowUnixS)) return [];
  return [`three quarters of the map's time are over, it ends ${left(expiresUnixS, nowUnixS)}: sign again`];
}

/** A root does not say when it was signed: not before the network was made, and as a rule for the usual time. */
function rootLateness({ createdUnixS }: Settings, expiresUnixS: number, nowUnixS: number): readonly string[] {
  if (expiresUnixS <= nowUnixS)
    return [`the root ended ${left(expiresUnixS, nowUnixS)}: routers are closed; run root renew`];
  if (!isLate(Math.max(createdUnixS, expiresUnixS - defaultRootLifetimeS), expiresUnixS, nowUnixS)) return [];
  return [`the root ends ${left(expiresUnixS, nowUnixS)}, and routers close then: run root renew`];
}

function mapLine(map: VerifiedMap | undefined, nowUnixS: number): string {
  if (map === undefined) return 'none signed yet';
  const { epoch, issuedUnixS, expiresUnixS } = map;
  const ends = `${formatTime(expiresUnixS)} (${left(expiresUnixS, nowUnixS)})`;
  return `epoch ${epoch}, issued ${formatTime(issuedUnixS)}, ends ${ends}`;
}

function policySection({ rules, exits }: Content): readonly string[] {
  return [
    ...(rules.length === 0
      ? ['no rules: members reach nobody']
      : ['rules', ...rules.map((rule) => `  ${describeRule(rule)}`)]),
    ...(exits.length === 0 ? [] : ['exits', ...exits.map((exit) => `  ${describeExit(exit)}`)]),
  ];
}

export async function show({ folder, around }: Call): Promise<Answer> {
  const nowUnixS = around.nowUnixS();
  const settings = readSettings(folder);
  const roots = readRoots(folder, settings);
  const { root } = newest(roots);
  const last = readSignedMap(folder, roots);
  const map = last?.map;
  const content = readContent(folder, settings);
  const { network, name, ranges, zone, resolvers, brokerUrl, lifetimeS } = settings;
  const unsigned = describeDifference(differenceOf(map, { ...content, ...settings, rootVersion: root.version }));
  return {
    lines: [
      `network  ${name} (${network})`,
      `ranges   ${ranges.join(' ')}, zone ${zone}, resolvers ${resolvers.join(' ') || 'none'}`,
      `broker   ${brokerUrl}`,
      `root     version ${root.version}, ends ${formatTime(root.expiresUnixS)} (${left(root.expiresUnixS, nowUnixS)})`,
      `map      ${mapLine(map, nowUnixS)}`,
      '',
      ...memberTable(content.members),
      '',
      ...policySection(content),
      ...(unsigned.length === 0 ? [] : ['', 'not signed yet', ...unsigned.map((line) => `  ${line}`)]),
    ],
    warnings: [
      ...(last === undefined ? [] : lateness(last, nowUnixS)),
      ...rootLateness(settings, root.expiresUnixS, nowUnixS),
    ],
    value: {
      ...{ network, name, ranges, zone, resolvers, broker: { url: brokerUrl }, lifetimeS },
      root: { version: root.version, digest: root.digest, expires: root.expiresUnixS },
      ...(map === undefined
        ? {}
        : { map: { epoch: map.epoch, issued: map.issuedUnixS, expires: map.expiresUnixS, digest: map.digest } }),
      members: content.members.map(plainMember),
      rules: content.rules,
      exits: content.exits,
      unsigned,
    },
  };
}

export async function verify({ folder, around }: Call): Promise<Answer> {
  const nowUnixS = around.nowUnixS();
  const settings = readSettings(folder);
  const roots = readRoots(folder, settings);
  const { root } = newest(roots);
  const signed = neededSignedMap(folder, roots, nowUnixS);
  const { epoch, members, expiresUnixS: expires, digest } = signed.map;
  return {
    lines: [
      ...roots.map(({ root: { version, digest: each } }) => `ok: root version ${version} ${each}`),
      `ok: map epoch ${epoch} ${digest}, ${members.length} members, ends ${formatTime(expires)}`,
    ],
    warnings: [...lateness(signed, nowUnixS), ...rootLateness(settings, root.expiresUnixS, nowUnixS)],
    value: { ok: true, root: { version: root.version, digest: root.digest }, map: { epoch, digest, expires } },
  };
}
