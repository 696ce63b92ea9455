import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ed25519 } from '@noble/curves/ed25519.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { Fault } from '../../src/control/ports.ts';
import { openKeys } from '../../src/drivers/keys.ts';
import { nodeIdOf } from '../../src/trust/words.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rustynet-keys-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('keys', () => {
  test('are made once, for their owner alone, and are the same afterwards', () => {
    const { id, identityKey, wireGuardKey } = openKeys(`${folder}/new`);
    expect(openKeys(`${folder}/new`)).toMatchObject({ id, identityKey, wireGuardKey });
    for (const name of ['identity.key', 'wireguard.key']) {
      expect(statSync(`${folder}/new/${name}`).mode & 0o777).toBe(0o600);
    }
    expect(openKeys(`${folder}/other`).identityKey).not.toBe(identityKey);
  });
  test('the WireGuard key is the one that wg(8) reads from the file', () => {
    const { wireGuardKey, wireGuardPath } = openKeys(folder);
    const said = execFileSync('sh', ['-c', `wg pubkey < ${wireGuardPath}`], { encoding: 'utf8' }).trim();
    expect(said).toBe(wireGuardKey);
  });
  test('the next one is made once, survives a restart, and in use it is what wg(8) reads; the one before is gone', () => {
    const keys = openKeys(folder);
    const before = keys.wireGuardKey;
    expect(keys.nextWireGuardKey).toBeUndefined();
    const next = keys.makeNextKey();
    expect(next).not.toBe(before);
    expect(keys.makeNextKey()).toBe(next);
    expect(statSync(`${folder}/wireguard.next.key`).mode & 0o777).toBe(0o600);
    const restarted = openKeys(folder);
    expect(restarted).toMatchObject({ wireGuardKey: before, nextWireGuardKey: next });
    restarted.takeNextKey();
    expect(restarted.wireGuardKey).toBe(next);
    expect(restarted.nextWireGuardKey).toBeUndefined();
    expect(openKeys(folder).wireGuardKey).toBe(next);
    expect(readdirSync(folder).sort()).toEqual(['identity.key', 'wireguard.key']);
    const said = execFileSync('sh', ['-c', `wg pubkey < ${keys.wireGuardPath}`], { encoding: 'utf8' }).trim();
    expect(said).toBe(next);
  });
  test.each(['identity.key', 'wireguard.key'])('a process whose %s is gone from flash, or another, says so', (name) => {
    const keys = openKeys(folder);
    expect(keys.requireKept()).toBeUndefined();
    const path = `${folder}/${name}`;
    const message = `${path}: wanted the key that rustynetd began with, got none or another; "/etc/init.d/rustynet restart"`;
    rmSync(path);
    expect(() => keys.requireKept()).toThrow(new Fault('KEY_FILE', path, message));
    openKeys(folder);
    expect(() => keys.requireKept()).toThrow(new Fault('KEY_FILE', path, message));
  });
  test('without a next one there is nothing to take', () => {
    const keys = openKeys(folder);
    const before = keys.wireGuardKey;
    keys.takeNextKey();
    expect([keys.wireGuardKey, openKeys(folder).wireGuardKey]).toEqual([before, before]);
  });
  test('the node id is that of the identity key, which signs', () => {
    const { id, identityKey, sign } = openKeys(folder);
    expect(id).toBe(nodeIdOf(identityKey));
    const message = Buffer.from('message');
    expect(ed25519.verify(sign(message), message, hexToBytes(identityKey), { zip215: false })).toBe(true);
  });
  test.each<[string, (path: string) => void, string]>([
    ['mode 0644', (path) => chmodSync(path, 0o644), 'wanted mode 0600, got 0644'],
    ['mode 0400', (path) => chmodSync(path, 0o400), 'wanted mode 0600, got 0400'],
    ['another owner', (path) => chownSync(path, 1234, 0), 'wanted owner 0, got 1234'],
    [
      '31 bytes',
      (path) => writeFileSync(path, Buffer.alloc(31, 1).toString('base64')),
      'wanted 32 bytes in base64, got something else',
    ],
    ['nothing in it', (path) => writeFileSync(path, ''), 'wanted 32 bytes in base64, got something else'],
    [
      'a link in its place',
      (path) => {
        rmSync(path);
        symlinkSync('/dev/zero', path);
      },
      'wanted a regular file, got another kind',
    ],
  ])('a WireGuard key file with %s is refused, and stays as it is', (_, spoil, message) => {
    const { wireGuardPath } = openKeys(folder);
    spoil(wireGuardPath);
    const open = (): unknown => openKeys(folder);
    expect(open).toThrow(Fault);
    expect(open).toThrow(`${wireGuardPath}: ${message}`);
  });
});
