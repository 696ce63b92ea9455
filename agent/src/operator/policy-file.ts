/**
 * What a policy says, for people, and what is wrong with it besides its form. In: rules, exits, tests, members. Out: lines,
 * and problems with their place. A rule that names nobody is one: the name could come to life with a member of a later day.
 * A prefix that nobody has may do so, too, and is said.
 */
import { ownedBy, select, type Owned } from '../policy/select.ts';
import { overlaps, rangeOf } from '../trust/ip.ts';
import type { Cidr, ExitRule, Member, Rule, Selector } from '../trust/types.ts';
import type { Content, Grants, PolicyFile, PolicyTest } from './content.ts';
import { ask, describeVerdict, strangersIn, type Texts } from './question.ts';
import { fail } from './refused.ts';

export interface Problem {
  /** `no-prefix` is no reason to refuse. */
  readonly code: 'unknown-name' | 'no-exit' | 'no-prefix';
  /** Where in the policy file: `$.rules[0].from[1]`. */
  readonly path: string;
  /** `rule 1`, as people count. */
  readonly clause: string;
  readonly selector: Selector;
  readonly text: string;
}

/** `any -> tag:work tcp:22 icmp`. */
export function describeRule({ from, to, protocols }: Rule): string {
  return `${from.join(' ')} -> ${to.join(' ')}  ${protocols.join(' ')}`;
}

/** `tag:home -> internet via member:vps  any`. */
export function describeExit({ from, via, protocols }: ExitRule): string {
  return `${from.join(' ')} -> internet via ${via.join(' ')}  ${protocols.join(' ')}`;
}

/** The text of a rule or an exit by its number. */
export function textsOf({ rules, exits }: Grants): Texts {
  const all = { rule: rules.map(describeRule), exit: exits.map(describeExit) };
  return (kind, number) => all[kind][number - 1] ?? '';
}

interface Named {
  readonly path: string;
  readonly clause: string;
  readonly selector: Selector;
}

function namedIn(list: string, kind: string, clauses: readonly Readonly<Record<string, readonly string[]>>[]): Named[] {
  return clauses.flatMap((clause, index) =>
    Object.entries(clause)
      .filter(([side]) => side !== 'protocols')
      .flatMap(([side, selectors]) =>
        selectors.map((selector, at) => ({
          path: `$.${list}[${index}].${side}[${at}]`,
          clause: `${kind} ${index + 1}`,
          selector: selector as Selector,
        })),
      ),
  );
}

function ofNobody(named: Named, owned: readonly Owned[]): readonly Problem[] {
  const prefix = rangeOf(named.selector as string as Cidr);
  if (owned.some(({ range }) => overlaps(range, prefix))) return [];
  const text = `wanted a member with an address or a subnet in ${named.selector} for ${named.clause}, got none`;
  return [{ ...named, code: 'no-prefix', text }];
}

function unknown(named: Named, members: readonly Member[]): readonly Problem[] {
  const [kind, name = ''] = named.selector.split(':');
  if (kind === 'member' && !members.some((each) => each.name === name)) {
    const text = `wanted a member ${name} for ${named.clause}, got none of that name`;
    return [{ ...named, code: 'unknown-name', text }];
  }
  if (kind === 'tag' && !members.some(({ tags }) => tags.some((tag) => tag === name))) {
    return [
      { ...named, code: 'unknown-name', text: `wanted a member with the tag ${name} for ${named.clause}, got none` },
    ];
  }
  return [];
}

function withoutRole(named: Named, owned: readonly Owned[]): readonly Problem[] {
  const selected = select(named.selector, 'to', owned).map(({ member }) => member);
  if (selected.some(({ roles }) => roles.includes('exit'))) return [];
  const got = [...new Set(selected.map(({ name }) => name))].join(' ') || 'no member';
  const text = `wanted a member with the role exit for ${named.clause}, got ${got} without it`;
  return [{ ...named, code: 'no-exit', text }];
}

/** Selectors of members, tags and prefixes that are not there, and exits that are none. */
export function problemsOf({ rules, exits, members }: Content): readonly Problem[] {
  const named = [
    ...namedIn(
      'rules',
      'rule',
      rules.map(({ from, to }) => ({ from, to })),
    ),
    ...namedIn(
      'exits',
      'exit',
      exits.map(({ from, via }) => ({ from, via })),
    ),
  ];
  const owned = ownedBy(members);
  return named.flatMap((each) => {
    if (each.selector.includes('/')) return ofNobody(each, owned);
    const strangers = unknown(each, members);
    return strangers.length > 0 || !each.path.includes('.via') ? strangers : withoutRole(each, owned);
  });
}

function failureOf({ expects, text, question }: PolicyTest, number: number, content: Content) {
  const [stranger] = strangersIn(question, content);
  if (stranger !== undefined) {
    return { code: 'unknown-name', text: `wanted a member ${stranger} for test ${number}, got none of that name` };
  }
  const { granted, verdicts } = ask(content, question);
  const [wanted, word] = expects === 'allow' ? (['yes', 'allowed'] as const) : (['no', 'denied'] as const);
  if (granted === wanted) return undefined;
  const odd = verdicts.find(({ by }) => by.length > 0 === (expects === 'deny'));
  const got = odd === undefined ? granted : (describeVerdict(odd, textsOf(content))[0] ?? granted);
  return { code: 'policy-test', text: `wanted "${text}" ${word} by test ${number}, got ${got}` };
}

/** The first test that does not come out as it says. */
export function failedTest({ tests }: PolicyFile, content: Content) {
  for (const [index, test] of tests.entries()) {
    const failure = failureOf(test, index + 1, content);
    if (failure !== undefined) return { path: `$.tests[${index}]`, ...failure };
  }
  return undefined;
}

export function requireTests(file: PolicyFile, content: Content): void {
  const failed = failedTest(file, content);
  if (failed !== undefined) fail(failed.code, `${file.at(failed.path)}: ${failed.text}`);
}
