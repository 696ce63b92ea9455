/**
 * `member set`. In: the name of a member, and what of it shall be otherwise. Out: members.json, and, where it gets another
 * name, policy.json, whose rules, exits and tests name it by that. Keys are of `member rotate`.
 */
import { parseIp } from '../trust/ip.ts';
import type { Label, Member, Role, Selector } from '../trust/types.ts';
import { parseLabel } from '../trust/words.ts';
import { pairsApart } from './apart.ts';
import type { Given, Options } from './args.ts';
import { checkedContent, readContent, readPolicyFile, writeMembers, writePolicy } from './content.ts';
import type { Content, PolicyFile, PolicyTest } from './content.ts';
import { changes, describeChange, memberChanges, type Change } from './difference.ts';
import { tidyInvites } from './invites.ts';
import { listsIn, memberOptions, namedMember, plainMember, requireUsable, rolesOf } from './members.ts';
import { describeExit, describeRule, failedTest, problemsOf } from './policy-file.ts';
import { formatQuestion } from './question.ts';
import { fail, misuse } from './refused.ts';
import { roles, roleWarnings } from './roles.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';

export const setOptions = {
  name: { value: 'NEW', help: 'another name, also in the policy' },
  ...memberOptions,
  role: { ...memberOptions.role, help: roles.join(', ') },
  'no-subnet': { help: 'no network behind it' },
  'no-tag': { help: 'no tag' },
  'no-endpoint': { help: 'nowhere that others reach it' },
  address: { value: 'IPV4', help: 'another address in the mesh' },
} satisfies Options;

type List = 'subnet' | 'tag' | 'endpoint';

/** What is given takes the place of the list, `--no-...` empties it. */
function listAfter<Value>(given: Given, option: List, chosen: readonly Value[], before: readonly Value[]) {
  const isEmptied = given.flag(`no-${option}`);
  if (isEmptied && chosen.length > 0) misuse(`wanted --${option} or --no-${option}, got both`);
  return isEmptied || chosen.length > 0 ? chosen : before;
}

/** The role of a subnet comes with the first and goes with the last. */
function rolesAfter(given: Given, chosen: readonly Role[], before: Member, subnets: Member['subnets']) {
  if (chosen.length > 0) return rolesOf(chosen, subnets);
  if (!given.flag('subnet') && !given.flag('no-subnet')) return before.roles;
  const own = before.roles.filter((role) => role !== 'client' && (role !== 'subnet-router' || subnets.length > 0));
  return rolesOf(own, subnets);
}

function memberAfter(given: Given, settings: Settings, before: Member): Member {
  if (!Object.keys(setOptions).some((option) => given.flag(option))) {
    misuse('wanted --name, --address, or a list of it, got none: see --help');
  }
  const chosen = listsIn(given);
  const subnets = listAfter(given, 'subnet', chosen.subnets, before.subnets);
  const address = given.parsed('address', 'an IPv4 address', parseIp);
  const own = address === undefined ? undefined : requireUsable(settings, address);
  return {
    ...before,
    name: given.parsed('name', 'a label of RFC 1123, lower case,', parseLabel) ?? before.name,
    addresses: own === undefined ? before.addresses : before.addresses.map((each) => (each.includes(':') ? each : own)),
    subnets,
    roles: rolesAfter(given, chosen.roles, before, subnets),
    tags: listAfter(given, 'tag', chosen.tags, before.tags),
    endpoints: listAfter(given, 'endpoint', chosen.endpoints, before.endpoints),
  };
}

function testAfter(test: PolicyTest, from: Label, to: Label): PolicyTest {
  const { question } = test;
  const [isTo, isVia] = [question.to === from && from !== 'internet', question.via === from];
  if (question.from !== from && !isTo && !isVia) return test;
  // In a test it means the internet.
  if (to === 'internet') fail('conflict', `wanted a name that tests can say, got ${to}: change "${test.text}" first`);
  const asked = {
    ...question,
    ...(question.from === from ? { from: to } : {}),
    ...(isTo ? { to } : {}),
    ...(isVia ? { via: to } : {}),
  };
  return { ...test, text: formatQuestion(asked), question: asked };
}

function policyAfter(file: PolicyFile, from: Label, to: Label): PolicyFile {
  const names = (selectors: readonly Selector[]): readonly Selector[] =>
    selectors.map((each) => (each === `member:${from}` ? (`member:${to}` as Selector) : each));
  return {
    ...file,
    rules: file.rules.map((rule) => ({ ...rule, from: names(rule.from), to: names(rule.to) })),
    exits: file.exits.map((exit) => ({ ...exit, from: names(exit.from), via: names(exit.via) })),
    tests: file.tests.map((test) => testAfter(test, from, to)),
  };
}

function policyChanges(before: PolicyFile, after: PolicyFile): readonly Change[] {
  const texts = ({ rules, exits, tests }: PolicyFile): readonly (readonly [what: string, text: string])[] => [
    ...rules.map((rule, at) => [`rule ${at + 1}`, describeRule(rule)] as const),
    ...exits.map((exit, at) => [`exit ${at + 1}`, describeExit(exit)] as const),
    ...tests.map(({ text }, at) => [`test ${at + 1}`, text] as const),
  ];
  const now = new Map(texts(after));
  return texts(before).flatMap(([what, text]) => changes(what, text, now.get(what) ?? ''));
}

/** What becomes wrong with the policy and is none of an exit: `sign` takes a tag of nobody, and says so. */
function wrongAfter(before: Content, after: Content, file: PolicyFile): readonly string[] {
  const known = new Set(problemsOf(before).map(({ path }) => path));
  const fresh = problemsOf(after).filter(({ path }) => !known.has(path));
  const exit = fresh.find(({ code }) => code === 'no-exit');
  if (exit !== undefined) fail(exit.code, `${exit.text}: change the policy first, with "policy set"`);
  const test = failedTest(file, after);
  return [...fresh.map(({ text }) => text), ...(test === undefined ? [] : [`${test.text}: "sign" refuses that`])];
}

/** What another name means on routers. */
function renamed({ zone }: Settings, { name: from }: Member, { name: to, roles: own }: Member): readonly string[] {
  if (from === to) return [];
  return [
    `it answers as ${to}.${zone} then`,
    ...(own.includes('exit') ? [`routers that chose ${from} as their exit choose again: "rustynet exit ${to}"`] : []),
  ];
}

export async function setMember({ folder, given, around }: Call): Promise<Answer> {
  const settings = readSettings(folder);
  const content = readContent(folder, settings);
  tidyInvites(folder, content.members, around.nowUnixS());
  const before = namedMember(content.members, given.operand(0));
  const after = memberAfter(given, settings, before);
  const file = readPolicyFile(folder, settings);
  const policy = policyAfter(file, before.name, after.name);
  const members = content.members.map((member) => (member === before ? after : member));
  const { rules, exits } = policy;
  const next = checkedContent(settings, { members, rules, exits });
  const warnings = [
    ...wrongAfter(content, next, policy),
    ...(after.endpoints === before.endpoints ? [] : pairsApart(next)),
    ...(after.roles === before.roles ? [] : roleWarnings(after.roles)),
  ];
  const ofPolicy = policyChanges(file, policy);
  const all = [...changes('name', before.name, after.name), ...memberChanges(before, after), ...ofPolicy];
  const value = { member: plainMember(after), changes: all };
  if (all.length === 0) return { lines: [`${after.name} is that already, nothing changed`], value };
  // First: cut off between the two, the same call goes on from there.
  if (ofPolicy.length > 0) writePolicy(folder, policy);
  writeMembers(folder, next.members);
  const lines = [
    `changed ${after.name}, not signed yet: what it was holds until "sign" and "publish"`,
    ...all.map((change) => `~ ${describeChange(change)}`),
    ...renamed(settings, before, after),
  ];
  return { lines, warnings, value };
}
