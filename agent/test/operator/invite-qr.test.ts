/** An invite for a camera. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import readQr from 'jsqr';
import { beforeEach, describe, expect, it } from 'vitest';
import { call, done, initArgs, refused } from './operator.ts';

let outside: string;
let folder: string;
beforeEach(async () => {
  outside = mkdtempSync(join(tmpdir(), 'rustynet-qr-'));
  folder = join(outside, 'network');
  await done(
    folder,
    initArgs.map((each) => each.replace('mqtt://', 'mqtts://')),
  );
});

describe('an invite as a QR code', () => {
  /** The characters are two modules each, one above the other; a full block is light twice. */
  function scanned(lines: readonly string[]): string | undefined {
    const scale = 4;
    const rows = lines.flatMap((line) => [
      [...line].map((each) => '█▀'.includes(each)),
      [...line].map((each) => '█▄'.includes(each)),
    ]);
    const width = (rows[0]?.length ?? 0) * scale;
    const pixels = rows.flatMap((row) => {
      const pixelRow = row.flatMap((isLight) => new Array<number>(scale * 4).fill(isLight ? 255 : 0));
      return new Array<number[]>(scale).fill(pixelRow).flat();
    });
    return readQr(new Uint8ClampedArray(pixels), width, rows.length * scale)?.data;
  }
  it('is read by a camera as the text above it', async () => {
    const { stdout } = await call(folder, ['invite', '--qr']);
    const [text = '', ...lines] = stdout.trimEnd().split('\n');
    expect(text).toMatch(/^rustynet1:/);
    expect(scanned(lines)).toBe(text);
  });
  it('is refused where it would not fit, and nothing is kept of the invite', async () => {
    const ca = join(outside, 'ca.pem');
    const key = ['-newkey', 'rsa:4096', '-nodes', '-keyout', join(outside, 'key.pem')];
    execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=lab', '-out', ca], { stdio: 'ignore' });
    writeFileSync(ca, readFileSync(ca, 'utf8').repeat(3));
    const argv = ['invite', '--qr', '--ca', ca, '--name', 'attic', '--ttl', '1h'];
    await refused(folder, argv, {
      code: 'invite-length',
      message: /wanted at most 2953 bytes for a QR code, got an invite of \d+/,
    });
    expect(readdirSync(folder)).not.toContain('invites');
  });
});
