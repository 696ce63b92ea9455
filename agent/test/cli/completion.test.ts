/** The file for bash-completion, in bash itself, beside a bus that knows two members. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const file = join(
  import.meta.dirname,
  '../../../openwrt-feed/rustynet/files/usr/share/bash-completion/completions/rustynet',
);

function completed(line: string): string[] {
  const script = `
ubus() { echo peers; }
jsonfilter() { printf '%s\\n' attic shed; }
. "$1"
read -ra COMP_WORDS <<<"$2"
[[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_rustynet
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const found = execFileSync('bash', ['-c', script, 'bash', file, line], { encoding: 'utf8' });
  return found.split('\n').filter((word) => word !== '');
}

test.each([
  ['rustynet st', ['status']],
  ['rustynet status --w', ['--watch']],
  ['rustynet exit ', ['off', 'full', 'lan', 'offer', 'attic', 'shed']],
  ['rustynet exit lan ', ['on', 'off']],
  ['rustynet audit v', ['verify']],
  ['rustynet break-glass open --p', ['--peer']],
  ['rustynet leave --', ['--json']],
  ['rustynet nonsense', []],
])('%s', (line, words) => {
  expect(completed(line)).toEqual(words);
});

test('every command that the help names is completed, and no other but help', () => {
  const source = readFileSync(join(import.meta.dirname, '../../src/cli.ts'), 'utf8');
  const [, usage = ''] = /const usage = `(.*?)`;/s.exec(source) ?? [];
  const named = [...usage.matchAll(/^ {2}([a-z-]+)(?=[ ,]|$)/gm)].map(([, name = '']) => name);
  const commands = named.filter((name) => name !== 'rustynet');
  expect(commands).toContain('break-glass');
  expect(new Set([...commands, 'help'])).toEqual(new Set(completed('rustynet ')));
});
