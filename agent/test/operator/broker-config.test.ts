import { describe, expect, it } from 'vitest';
import { mosquittoConfig, mosquittoPassword, type MosquittoSettings } from '../../src/operator/broker-config.ts';
import type { NetworkId } from '../../src/trust/types.ts';

const network = '0123456789abcdef0123456789abcdef' as NetworkId;
const settings: MosquittoSettings = {
  listenPort: 8883,
  folder: '/etc/mosquitto/rustynet',
  network,
  tls: { caFile: '/tls/ca.pem', certFile: '/tls/cert.pem', keyFile: '/tls/key.pem' },
  users: [
    { name: 'router', password: 'r', role: 'router' },
    { name: 'operator', password: 'o', role: 'operator' },
  ],
};

/** The configuration as option and values. */
function options(more: Partial<MosquittoSettings> = {}): Map<string, string> {
  const text = mosquittoConfig({ ...settings, ...more })['mosquitto.conf'];
  return new Map(text.split('\n').map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')]));
}

describe('mosquitto.conf', () => {
  it('asks every client for a password and names the files beside it', () => {
    for (const folder of ['/etc/mosquitto/rustynet', '/etc/mosquitto/rustynet/']) {
      expect(Object.fromEntries(options({ folder }))).toMatchObject({
        allow_anonymous: 'false',
        password_file: '/etc/mosquitto/rustynet/passwords',
        acl_file: '/etc/mosquitto/rustynet/acl',
        message_size_limit: '524288',
        listener: '8883',
        persistence: 'false',
      });
    }
  });

  it('serves TLS 1.2 or later when it is given certificates, and nothing of TLS without', () => {
    expect(Object.fromEntries(options())).toMatchObject({
      cafile: '/tls/ca.pem',
      certfile: '/tls/cert.pem',
      keyfile: '/tls/key.pem',
      tls_version: 'tlsv1.2',
      require_certificate: 'false',
    });
    expect([...options({ tls: undefined }).keys()].join()).not.toMatch(/file,.*certfile|tls|certificate/);
  });

  it('keeps retained messages on disk only when it is given a folder', () => {
    expect(options({ persistenceFolder: '/var/lib/m' }).get('persistence_location')).toBe('/var/lib/m/');
    expect(options().has('persistence_location')).toBe(false);
  });
});

it('lets routers read what the operator publishes and write only under their own client id', () => {
  expect(mosquittoConfig(settings).acl).toBe(`pattern write rustynet/1/${network}/node/%c/status
pattern write rustynet/1/${network}/node/%c/hint
pattern write rustynet/1/${network}/join/%c

user router
topic read rustynet/1/${network}/root/#
topic read rustynet/1/${network}/map
topic read rustynet/1/${network}/part/#
topic read rustynet/1/${network}/node/#

user operator
topic readwrite rustynet/1/${network}/#
`);
});

describe('the password file', () => {
  it('has a line a user, salted anew each time, and never the password', () => {
    const users = [{ name: 'router', password: 'correct horse', role: 'router' as const }];
    const [first, second] = [1, 2].map(() => mosquittoConfig({ ...settings, users }).passwords);
    expect(first).toMatch(/^router:\$7\$5000\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==\n$/);
    expect(first).not.toContain('correct horse');
    expect(first).not.toBe(second);
  });

  it('gives the same hash for the same salt, another for another password', () => {
    const salt = new Uint8Array(12);
    expect(mosquittoPassword('a', salt)).toBe(mosquittoPassword('a', salt));
    expect(mosquittoPassword('a', salt)).not.toBe(mosquittoPassword('b', salt));
  });
});

describe('what a file cannot hold is refused', () => {
  const user = { password: 'p', role: 'operator' as const };
  const rows: readonly [sentence: string, more: Partial<MosquittoSettings>, message: RegExp][] = [
    ['a name that would end its field', { users: [{ ...user, name: 'a:b' }] }, /wanted a user name .*, got "a:b"/],
    ['a name that would begin a line', { users: [{ ...user, name: 'a\ntopic #' }] }, /wanted a user name/],
    ['no name', { users: [{ ...user, name: '' }] }, /wanted a user name .*, got ""/],
    ['a name twice', { users: [1, 2].map(() => ({ ...user, name: 'a' })) }, /wanted each user once, got a a/],
    ['no password', { users: [{ ...user, name: 'a', password: '' }] }, /wanted a password, got an empty one/],
    ['a folder that would begin a line', { folder: '/a\nallow_anonymous true' }, /wanted an absolute path/],
    ['a relative folder', { persistenceFolder: 'var' }, /wanted an absolute path .*, got "var"/],
    ['a network that is a wildcard', { network: '#' as NetworkId }, /wanted a network id of 32 hex digits, got "#"/],
    ['port 0', { listenPort: 0 }, /wanted a port of 1 to 65535, got 0/],
  ];
  it.each(rows)('%s', (_sentence, more, message) => {
    expect(() => mosquittoConfig({ ...settings, ...more })).toThrow(message);
  });

  it('but not a path with spaces', () => {
    expect(options({ persistenceFolder: '/var/my data' }).get('persistence_location')).toBe('/var/my data/');
  });
});
