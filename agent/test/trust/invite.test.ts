import { expect, describe, it } from 'vitest';
import fc from 'fast-check';
import { decodeInvite, encodeInvite, parseBrokerUrl, type Invite } from '../../src/trust/invite.ts';
import { isRefusal } from '../../src/trust/refuse.ts';
import type { Digest, InviteId, InviteSecret } from '../../src/trust/types.ts';
import { network } from './network.ts';

const ca = '-----BEGIN CERTIFICATE-----\nMIIB+/8=\n-----END CERTIFICATE-----\n';
const invite: Invite = {
  network,
  root: { version: 1, digest: 'ab'.repeat(32) as Digest },
  broker: { url: 'mqtts://broker.example:8883', ca, user: 'router', password: 'pä55 word?>' },
  issuedUnixS: 1_800_000_000,
};
const fields = {
  format: 1,
  network,
  root: invite.root,
  broker: { url: 'mqtt://broker.example' },
  issued: 1_800_000_000,
};

/** The text of any JSON, made without the code under test. */
function text(value: unknown): string {
  return `rustynet1:${Buffer.from(JSON.stringify(value)).toString('base64url')}`;
}

describe('an invite', () => {
  it('comes back as it went', () => {
    expect(decodeInvite(encodeInvite(invite))).toEqual(invite);
    const open: Invite = { ...invite, broker: { url: 'mqtt://broker.example' } };
    expect(decodeInvite(encodeInvite(open))).toEqual(open);
    const once = { id: '0123456789abcdef' as InviteId, secret: 'ab'.repeat(32) as InviteSecret };
    expect(decodeInvite(encodeInvite({ ...open, once }))).toEqual({ ...open, once });
  });

  it('is the prefix and base64url of JSON, as Node writes it', () => {
    expect(encodeInvite({ ...invite, broker: { url: 'mqtt://broker.example' } })).toBe(text(fields));
    expect(encodeInvite(invite)).toMatch(/^rustynet1:[A-Za-z0-9_-]+$/);
  });

  it('comes back for any credentials without control characters', () => {
    const credential = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((value) => !/\p{Cc}/u.test(value) && value.length <= 256);
    fc.assert(
      fc.property(credential, credential, (user, password) => {
        const given = { ...invite, broker: { url: 'mqtts://[fd00::1]:1', user, password } };
        expect(decodeInvite(encodeInvite(given))).toEqual(given);
      }),
    );
  });
});

describe('what is no invite is refused', () => {
  const broker = (more: object): object => ({ ...fields, broker: { url: 'mqtts://b.example', ...more } });
  const withoutIssued = { ...fields, issued: undefined };
  const rows: readonly [sentence: string, invite: string, reason: string, detail: RegExp][] = [
    ['nothing', '', 'malformed', /wanted text that begins with rustynet1:, got ""/],
    ['another version', text(fields).replace('rustynet1', 'rustynet2'), 'malformed', /got "rustynet2:"/],
    ['a line break inside', text(fields).replace('rustynet1:', 'rustynet1:\n'), 'malformed', /wanted base64url/],
    ['base64 with padding', 'rustynet1:e30=', 'malformed', /wanted base64url/],
    ['base64url of another length', 'rustynet1:abcde', 'malformed', /wanted base64url/],
    ['bits behind the last byte', 'rustynet1:e31', 'malformed', /wanted base64url/],
    ['no object', text([]), 'malformed', /wanted an object at invite/],
    ['another format', text({ ...fields, format: 2 }), 'malformed', /invite\.format/],
    ['a missing key', text(withoutIssued), 'malformed', /wanted the key "issued"/],
    [
      'half a secret',
      text({ ...fields, once: { id: 'a'.repeat(16), secret: 'ab' } }),
      'malformed',
      /invite\.once\.secret/,
    ],
    [
      'a secret without an id',
      text({ ...fields, once: { secret: 'ab'.repeat(32) } }),
      'malformed',
      /wanted the key "id"/,
    ],
    ['an id in capitals', text({ ...fields, once: { id: 'A'.repeat(16) } }), 'malformed', /invite\.once\.id/],
    ['no one-time part', text({ ...fields, once: [] }), 'malformed', /wanted an object at invite\.once/],
    ['an unknown key', text({ ...fields, more: 1 }), 'malformed', /wanted no key "more"/],
    ['an unknown key of the broker', text(broker({ cert: 'x' })), 'malformed', /wanted no key "cert" in invite.broker/],
    ['a network id in capitals', text({ ...fields, network: 'AB'.repeat(16) }), 'malformed', /invite\.network/],
    ['root version 0', text({ ...fields, root: { ...invite.root, version: 0 } }), 'malformed', /invite\.root\.version/],
    ['half a digest', text({ ...fields, root: { version: 1, digest: 'ab' } }), 'malformed', /invite\.root\.digest/],
    ['a WebSocket', text(broker({ url: 'wss://b.example' })), 'malformed', /wanted mqtt:.* at invite.broker.url/],
    ['a password without a user', text(broker({ password: 'p' })), 'malformed', /wanted a user beside the password/],
    ['an empty user', text(broker({ user: '' })), 'malformed', /at invite.broker.user, got ""/],
    ['a line break in the user', text(broker({ user: 'a\nb' })), 'malformed', /invite.broker.user/],
    ['a CA that is no PEM', text(broker({ ca: 'x' })), 'malformed', /wanted PEM certificates/],
    [
      'a key beside the CA',
      text(broker({ ca: `${ca}-----BEGIN PRIVATE KEY-----\n` })),
      'malformed',
      /PEM certificates/,
    ],
    ['a CA without TLS', text(broker({ url: 'mqtt://b.example', ca })), 'malformed', /wanted mqtts:.* because a CA/],
    ['too much', `rustynet1:${'a'.repeat(50_000)}`, 'too-large', /got 50000 characters/],
    ['too much of CA', text(broker({ ca: ca.replace('MIIB', 'A'.repeat(25_000)) })), 'malformed', /PEM certificates/],
  ];
  it.each(rows)('%s', (_sentence, given, reason, detail) => {
    expect(decodeInvite(given)).toEqual({ refused: reason, detail: expect.stringMatching(detail) });
  });

  it('a key twice', () => {
    const twice = JSON.stringify(fields).replace('"issued"', '"issued":1,"issued"');
    const given = `rustynet1:${Buffer.from(twice).toString('base64url')}`;
    expect(decodeInvite(given)).toMatchObject({
      refused: 'malformed',
      detail: expect.stringContaining('"issued" twice'),
    });
  });

  it('cut at any character', () => {
    const whole = encodeInvite(invite);
    for (let length = 0; length < whole.length; length += 1) {
      expect(isRefusal(decodeInvite(whole.slice(0, length)))).toBe(true);
    }
  });
});

describe("a broker's URL", () => {
  it.each(['mqtt://a', 'mqtts://a.example:8883', 'mqtt://192.0.2.1:1', 'mqtts://[2001:db8::1]', 'mqtt://[::1]:65535'])(
    '%s is one',
    (url) => expect(parseBrokerUrl(url)).toBe(url),
  );
  it.each([
    'mqtt://',
    'a.example',
    'http://a.example',
    'MQTT://a.example',
    'mqtt://A.example',
    'mqtt://a.example/',
    'mqtt://a.example:0',
    'mqtt://a.example:65536',
    'mqtt://a.example:',
    'mqtt://user:password@a.example',
    'mqtt://a.example?x',
    'mqtt://a_b.example',
    'mqtt://2001:db8::1',
    'mqtt://[2001:DB8::1]',
    'mqtt://[a.example]',
    'mqtt://300.0.0.1',
    'mqtt://a.example\n',
  ])('%j is none', (url) => expect(parseBrokerUrl(url)).toBeUndefined());
});
