/** What goes to a router: one small file, with nothing of the operator in it, that starts. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildOperator, buildRouter, operatorBundle, routerBundle } from './build.ts';

const maxRouterBytes = 290 * 1024;

let router: Awaited<ReturnType<typeof buildRouter>>;
beforeAll(async () => {
  router = await buildRouter();
  await buildOperator();
});

function run(file: string, ...argv: string[]): string {
  return execFileSync(process.execPath, [file, ...argv], { encoding: 'utf8', stdio: 'pipe' });
}

describe('the bundle for routers', () => {
  test('is one file under 290 KB', () => {
    console.warn(`rustynet.js: ${router.bytes} bytes`);
    expect(router.bytes).toBeGreaterThan(50_000);
    expect(router.bytes).toBeLessThan(maxRouterBytes);
  });
  test('was made of no file of the operator and of no package that only the operator needs', () => {
    expect(router.inputs.filter((input) => /src\/operator\/|age-encryption|aedes/.test(input))).toEqual([]);
    expect(router.inputs.filter((input) => input.includes('src/trust/dsse.ts'))).toHaveLength(1);
  });
  test('holds no symbol of the operator; the operator bundle, asked alike, does', () => {
    const symbols = [
      'age-encryption.org/v1',
      'mosquitto.conf',
      'policy set FILE',
      'RUSTYNET_PASSPHRASE',
      'AGE-SECRET-KEY',
    ];
    const within = (file: string): string[] => symbols.filter((symbol) => readFileSync(file, 'utf8').includes(symbol));
    expect(within(routerBundle)).toEqual([]);
    expect(within(operatorBundle).length).toBeGreaterThan(2);
  });
  test('starts, says its version and explains itself', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(run(routerBundle, 'version')).toBe(`${version}\n`);
    expect(JSON.parse(run(routerBundle, 'version', '--json'))).toEqual({ version });
  });
  test.each(['-h', '--help', 'help'])('%s explains it on stdout', (word) => {
    expect(run(routerBundle, word)).toMatch(/^usage: rustynet <command>/);
    expect(run(routerBundle, 'exit', word === 'help' ? '-h' : word)).toBe(run(routerBundle, word));
  });
  test('both say their version to --version', () => {
    for (const bundle of [routerBundle, operatorBundle]) {
      expect(run(bundle, '--version')).toBe(run(routerBundle, 'version'));
    }
  });
  test.each([
    [['nonsense'], 'wanted a command, got "nonsense"'],
    [['status', 'extra'], 'wanted arguments of status as below, got extra'],
    [['join'], 'wanted arguments of join as below, got none'],
  ])('%j is wrong usage, status 2', (argv, message) => {
    let failure: { status?: number; stderr?: string } = {};
    try {
      run(routerBundle, ...argv);
    } catch (error) {
      failure = error as typeof failure;
    }
    expect(failure.status).toBe(2);
    expect(failure.stderr).toContain(message);
    expect(failure.stderr).toContain('usage: rustynet');
  });
});
