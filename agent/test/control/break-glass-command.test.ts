/** `rustynet break-glass`: which words it takes, what it asks the daemon, and that nothing is opened without a person. */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askBreakGlass, isBreakGlass, personHere } from '../../src/break-glass-command.ts';
import { breakGlassLines, statusLines } from '../../src/text.ts';
import { asked, confirm, opened, OverriddenLab } from './overridden-lab.ts';

const { peer, endpoint, reason } = asked;
const words = ['open', '--peer', peer, '--allowed-ips', '192.168.7.0/24', '--minutes', '1', '--reason', reason];

describe('words', () => {
  test.each<[string, string[], boolean]>([
    ['all that is needed', words, true],
    ['an endpoint besides', [...words, '--endpoint', endpoint], true],
    ['another order', ['open', ...words.slice(3), ...words.slice(1, 3)], true],
    ['close', ['close'], true],
    ['status', ['status'], true],
    ['nothing', [], false],
    ['another word', ['break'], false],
    ['a word too many', ['close', 'now'], false],
    ['no reason', words.slice(0, -2), false],
    ['an option without its value', words.slice(0, -1), false],
    ['an option twice', [...words, '--minutes', '60'], false],
    ['minutes that are no number', words.map((word) => (word === '1' ? '1h' : word)), false],
    ['a way around the question', [...words, '--yes', 'y'], false],
    ['a name that every object has', [...words, 'constructor', 'x'], false],
  ])('%s', (_, given, fits) => {
    expect(isBreakGlass(given)).toBe(fits);
  });
});

describe('opening', () => {
  let lab: OverriddenLab;
  const questions: string[] = [];
  const run = async (
    given: readonly string[],
    answer: string | undefined,
  ): Promise<{ status: number; text: string }> => {
    const type = (question: string): string => {
      questions.push(question);
      return String(answer);
    };
    const person = { who: asked.who, type: answer === undefined ? undefined : type };
    const { data, status } = await askBreakGlass((method, args) => lab.call(method, args), given, person);
    const { error } = data as { error?: { message: string } };
    return { status, text: error?.message ?? breakGlassLines(data).join('\n') };
  };
  beforeEach(async () => {
    questions.length = 0;
    lab = await OverriddenLab.joined({ break_glass: '1' });
    lab.show(opened);
  });
  afterEach(() => lab.end());

  test('a person who types the name opens it, and closes it', async () => {
    const open = await run([...words, '--endpoint', endpoint], confirm);
    expect(open).toEqual({
      status: 0,
      text: [
        'open until 2027-01-15T08:01:00Z (55 s), by root on /dev/pts/0: the broker is down',
        `peer ${peer} at ${endpoint}: 192.168.7.0/24`,
      ].join('\n'),
    });
    expect(questions).toEqual([expect.stringContaining(`Type ${confirm} to open it: `)]);
    expect(questions[0]).toContain('for          1 min, because: the broker is down');
    expect(statusLines(await lab.call('status')).join('\n')).toMatch(/^break-glass open until .*\n {12}peer /m);
    expect(await run(['close'], undefined)).toEqual({ status: 0, text: 'not open' });
  });
  test.each([
    ['without a terminal', undefined, ''],
    ['with another name typed', 'yes', 'yes'],
    ['with nothing typed', '', ''],
  ])('%s it is refused, and that is recorded', async (_, answer, got) => {
    expect(await run(words, answer)).toEqual({
      status: 1,
      text: `wanted "${confirm}" typed on a terminal, got "${got}"`,
    });
    expect(await lab.call('status')).toMatchObject({ break_glass: { open: null } });
    expect(lab.onFlash()).toMatchObject([{ event: 'break-glass-refused' }]);
  });
  test('where UCI forbids it nobody is asked to type, and status says that', async () => {
    lab.options.delete('break_glass');
    expect(await run(words, confirm)).toMatchObject({
      status: 1,
      text: expect.stringContaining('break_glass=1') as string,
    });
    expect(questions).toEqual([]);
    const text = 'not open, and not allowed: rustynet.main.break_glass is 0';
    expect(await run(['status'], confirm)).toEqual({ status: 0, text });
  });
});

test('a process whose input is no terminal has nobody who types; in one of a terminal there is', () => {
  expect(personHere().type).toBeUndefined();
  const script = `import { personHere } from './agent/src/break-glass-command.ts';
const { who, type } = personHere();
console.log(JSON.stringify([who, type?.('Type: ')]));`;
  const file = `node --import tsx --input-type=module -e '${script.replaceAll("'", "'\\''")}'`;
  const { stdout } = spawnSync('script', ['-qec', file, '/dev/null'], { input: 'r1 \n', encoding: 'utf8' });
  expect(stdout).toMatch(/Type: /);
  expect(stdout).toMatch(/\["\w+ on \/dev\/pts\/\d+[^"]*","r1"\]/);
});
