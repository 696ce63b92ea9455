/**
 * The operator's tool in this process, in folders of its own. In: arguments. Out: exit code, output, and what is on disk.
 * One network is made a file, because its passphrase costs half a second; each test gets a copy of it.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { run } from '../../src/operator/run.ts';
import { memberOf } from '../trust/network.ts';

export const passphrase = 'correct horse battery';
export const nowUnixS = 1_800_000_000;
export const dayS = 86_400;

const made: string[] = [];
afterAll(() => made.splice(0).forEach((path) => rmSync(path, { recursive: true, force: true })));

export function emptyFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rustynet-operator-'));
  made.push(path);
  return path;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was asked, and nothing else. */
  readonly questions: readonly string[];
}
export interface Conditions {
  readonly nowUnixS?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly answer?: boolean;
  readonly secrets?: readonly string[];
}

export async function call(folder: string, argv: readonly string[], conditions: Conditions = {}): Promise<Outcome> {
  const { answer = false, secrets = [], env = { RUSTYNET_PASSPHRASE: passphrase } } = conditions;
  const out = { stdout: '', stderr: '' };
  const questions: string[] = [];
  const typed = [...secrets];
  const code = await run([...argv, '--network', folder], {
    stdout: (text) => void (out.stdout += text),
    stderr: (text) => void (out.stderr += text),
    env,
    nowUnixS: () => conditions.nowUnixS ?? nowUnixS,
    confirm: async (question) => {
      questions.push(question);
      return answer;
    },
    askSecret: async (question) => {
      questions.push(question);
      return typed.shift() ?? '';
    },
  });
  return { code, ...out, questions };
}

/** A call that must succeed; its JSON. */
export async function done(folder: string, argv: readonly string[], conditions: Conditions = {}): Promise<Answer> {
  const { code, stdout } = await call(folder, [...argv, '--json', '--yes'], conditions);
  expect({ argv, code, error: code === 0 ? undefined : stdout }).toEqual({ argv, code: 0, error: undefined });
  return JSON.parse(stdout) as Answer;
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look at whatever shape a verb answers
export type Answer = any;

export const initArgs = ['init', '--name', 'home', '--broker', 'mqtt://127.0.0.1', '--work-factor', '15'];

let template: Promise<string> | undefined;
async function makeTemplate(): Promise<string> {
  const path = emptyFolder();
  await done(path, [...initArgs, '--range', '10.77.0.0/16']);
  return path;
}

/** A network without members. */
export async function network(): Promise<string> {
  template ??= makeTemplate();
  return copyOf(await template);
}

/** Another operator's copy, or one that a test may break. */
export function copyOf(folder: string): string {
  const path = emptyFolder();
  cpSync(folder, path, { recursive: true });
  return path;
}

/** A network of home (a subnet-router), office (tag work) and laptop. */
export async function populated(): Promise<string> {
  const path = await network();
  await done(path, addArgs('home', '--subnet', '192.168.1.0/24', '--endpoint', '203.0.113.7:51820'));
  await done(path, addArgs('office', '--subnet', '192.168.2.0/24', '--tag', 'work'));
  await done(path, addArgs('laptop'));
  return path;
}

export function addArgs(name: string, ...more: readonly string[]): string[] {
  const { identityKey, wireGuardKey } = memberOf(name, '10.77.0.1');
  return ['member', 'add', name, '--identity', identityKey, '--wireguard', wireGuardKey, ...more];
}

export function file(content: string): string {
  const path = join(emptyFolder(), 'file');
  writeFileSync(path, content);
  return path;
}

/** Every file below a folder, with its mode and bytes: what "changes nothing" means. */
export function contents(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    paths.map((path) => [
      path.slice(folder.length + 1),
      `${(statSync(path).mode & 0o777).toString(8)} ${readFileSync(path).toString('base64')}`,
    ]),
  );
}

export function json(folder: string, name: string): Answer {
  return JSON.parse(readFileSync(join(folder, name), 'utf8'));
}

/** A call that must be refused: one line, in both forms of output, and nothing on disk has moved. */
export async function refused(
  folder: string,
  argv: readonly string[],
  wanted: { readonly code: string; readonly message: RegExp; readonly exit?: number },
  conditions: Conditions = {},
): Promise<void> {
  const before = contents(folder);
  const plain = await call(folder, argv, conditions);
  expect(plain.stderr).toMatch(/^rustynet-operator: [^\n]*\n$/);
  expect(plain.stderr).toMatch(wanted.message);
  expect(plain).toMatchObject({ code: wanted.exit ?? 1, stdout: '' });
  const coded = await call(folder, [...argv, '--json'], conditions);
  expect(coded).toMatchObject({ code: wanted.exit ?? 1, stderr: '' });
  expect(JSON.parse(coded.stdout)).toEqual({
    error: { code: wanted.code, message: expect.stringMatching(wanted.message) },
  });
  expect(contents(folder)).toEqual(before);
}
