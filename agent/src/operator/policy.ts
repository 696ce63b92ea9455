/**
 * `policy check`, `policy set`, `policy test`. In: a JSON file {"rules","exits","tests"}, or the one of the folder; or a
 * question. Out: policy.json; or which rule grants what was asked, or why none does.
 */
import { pairsApart } from './apart.ts';
import { checkedContent, policyFile, readContent, readPolicy, readPolicyFile, writePolicy } from './content.ts';
import type { Content, PolicyFile } from './content.ts';
import { readNamedFile } from './folder.ts';
import { describeExit, describeRule, problemsOf, requireTests, textsOf } from './policy-file.ts';
import { ask, describeVerdict, parseQuestion, questionForm, strangersIn } from './question.ts';
import { fail } from './refused.ts';
import { readSettings } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';

interface Checked {
  readonly file: PolicyFile;
  readonly content: Content;
  readonly warnings: readonly string[];
}

function checkedPolicy({ folder, given }: Call): Checked {
  const settings = readSettings(folder);
  const { members } = readContent(folder, settings);
  const path = given.operandIfAny(0);
  const file =
    path === undefined ? readPolicyFile(folder, settings) : readPolicy(settings, readNamedFile(path, 'a policy'), path);
  const content = { members, rules: file.rules, exits: file.exits };
  const problems = problemsOf(content);
  const problem = problems.find(({ code }) => code !== 'no-prefix');
  if (problem !== undefined) fail(problem.code, `${file.at(problem.path)}: ${problem.text}`);
  requireTests(file, content);
  const warnings = [...problems.map((each) => `${file.at(each.path)}: ${each.text}`), ...pairsApart(content)];
  return { file, content: checkedContent(settings, content), warnings };
}

function policyLines({ rules, exits }: Omit<Content, 'members'>): readonly string[] {
  return [
    ...(rules.length === 0 ? ['no rules: members reach nobody'] : rules.map(describeRule)),
    ...exits.map(describeExit),
  ];
}

function answerOf({ file, content: { rules, exits }, warnings }: Checked, done: string): Answer {
  const tests = file.tests.map(({ expects, text }) => ({ [expects]: text }));
  const counted = `${done}: rules ${rules.length}, exits ${exits.length}, tests passed ${tests.length}`;
  return { lines: [counted, ...policyLines({ rules, exits })], warnings, value: { rules, exits, tests } };
}

export async function checkPolicy(call: Call): Promise<Answer> {
  return answerOf(checkedPolicy(call), 'the policy is good');
}

export async function setPolicy(call: Call): Promise<Answer> {
  const checked = checkedPolicy(call);
  writePolicy(call.folder, checked.file);
  return answerOf(checked, 'set the policy, not signed yet');
}

export async function testPolicy({ folder, given }: Call): Promise<Answer> {
  const question = given.parsedOperand(0, questionForm, parseQuestion);
  const content = readContent(folder, readSettings(folder));
  const [stranger] = strangersIn(question, content);
  if (stranger !== undefined) fail('unknown-name', `wanted the name of a member, got ${JSON.stringify(stranger)}`);
  const { granted, verdicts } = ask(content, question);
  const texts = textsOf(content);
  const words = { yes: 'granted', no: 'not granted', 'in part': 'granted in part' }[granted];
  return {
    lines: [
      `${words} by ${policyFile}`,
      ...verdicts.flatMap((each) => describeVerdict(each, texts)).map((line) => `  ${line}`),
    ],
    value: {
      granted,
      verdicts: verdicts.map(({ packet, by, why }) => ({
        ...packet,
        ...(by.length === 0 ? { why } : { by: by.map((each) => ({ ...each, text: texts(each.kind, each.number) })) }),
      })),
    },
  };
}
