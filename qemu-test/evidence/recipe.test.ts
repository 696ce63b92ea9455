/** The recipe of the README, run as it stands there by sh and openssl: it takes what a gate takes, and nothing bent. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { honest, sealed } from './honest.ts';
import { readPublicKey, readRunnerKey } from './runner-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'evidence-recipe-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [, recipe = ''] = /```sh\n(.*?)```/s.exec(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')) ?? [];
const script = recipe.replace('members-reach-each-other', 'leak');

/** The honest set as it lies on disk, and what the recipe says of it once `bend` has had it. */
function follow(name: string, bend: (folder: string) => void): { status: number | null; said: string } {
  const world = honest();
  const at = join(folder, name, 'lab');
  mkdirSync(join(at, 'leak'), { recursive: true });
  for (const [file, bytes] of sealed(world).files) writeFileSync(join(folder, name, file), bytes);
  const captures = world.leak.predicate.tests.flatMap(({ samples }) =>
    samples.flatMap((each) => (each.kind === 'watch' ? each.captures.map(({ sha256 }) => sha256) : [])),
  );
  for (const digest of captures) {
    writeFileSync(join(at, 'leak', `${digest}.pcap`), world.attachments.get(digest) ?? new Uint8Array());
  }
  writeFileSync(join(at, 'runner.pub'), createPublicKey(world.runner.secret).export({ format: 'pem', type: 'spki' }));
  bend(at);
  const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', script], { cwd: at, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

function bendFile(file: string, bend: (text: string) => string): void {
  writeFileSync(file, bend(readFileSync(file, 'latin1')), 'latin1');
}
const capturesIn = (at: string): string[] =>
  execFileSync('ls', [join(at, 'leak')], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((name) => join(at, 'leak', name));

test('what a runner signed is verified, each capture with it', () => {
  const { status, said } = follow('honest', () => undefined);
  expect(said).toContain('Signature Verified Successfully\n');
  expect(said.match(/: OK\n/g)).toHaveLength(2);
  expect(status).toBe(0);
});

test.each<[string, (at: string) => void, RegExp]>([
  [
    'a payload that was changed',
    (at) =>
      bendFile(join(at, 'leak.dsse.json'), (text) => {
        const [, payload = ''] = /"payload":"([^"]*)"/.exec(text) ?? [];
        const bent = Buffer.from(payload, 'base64').toString().replace('"bytes":0', '"bytes":1');
        return text.replace(payload, Buffer.from(bent).toString('base64'));
      }),
    /Signature Verification Failure/,
  ],
  [
    'the key of somebody else',
    (at) => {
      const other = createPublicKey(honest().runner.secret).export({ format: 'pem', type: 'spki' });
      writeFileSync(join(at, 'runner.pub'), other);
    },
    /Signature Verification Failure/,
  ],
  ['a capture that was changed', (at) => bendFile(capturesIn(at)[0] ?? '', (text) => `${text}\0`), /: FAILED\n/],
  ['a capture that is not there', (at) => rmSync(capturesIn(at)[0] ?? ''), /No such file or directory/],
])('refused: %s', (what, bend, wanted) => {
  const { status, said } = follow(what.replaceAll(' ', '-'), bend);
  expect(said).toMatch(wanted);
  expect(status).not.toBe(0);
});

test('a key of OpenSSL is read, as its owner alone can read it', () => {
  const [key, pub] = [join(folder, 'key'), join(folder, 'pub')];
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', key]);
  execFileSync('openssl', ['pkey', '-in', key, '-pubout', '-out', pub]);
  execFileSync('chmod', ['600', key]);
  expect(readRunnerKey(key).key).toBe(readPublicKey(pub));
  execFileSync('chmod', ['640', key]);
  expect(() => readRunnerKey(key)).toThrow(`${key}: wanted mode 0600, got 0640`);
  execFileSync('openssl', ['genpkey', '-algorithm', 'x25519', '-out', key]);
  execFileSync('chmod', ['600', key]);
  expect(() => readRunnerKey(key)).toThrow('wanted an Ed25519 key, got x25519');
  writeFileSync(key, 'nonsense');
  expect(() => readRunnerKey(key)).toThrow('wanted an Ed25519 key in PEM, got something else');
});
