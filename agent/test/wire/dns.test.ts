/** Questions and answers of DNS; the golden bytes are of dnsmasq 2.90. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeQuestion, type DnsAnswer } from '../../src/wire/dns.ts';
import { WireError } from '../../src/wire/error.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const shown = (answer: DnsAnswer): unknown => ({
  ...answer,
  addresses: answer.addresses.map((each) => [...each].join('.')),
});

const aliasToV4 =
  '12348580000100020000000005616c696173076578616d706c65036e65740000010001c00c0005000100000000001406746172676574076578616d706c65036e657400c02f000100010000012c000409090904';
const aliasToV6 =
  '12348580000100020000000005616c696173076578616d706c65036e657400001c0001c00c0005000100000000001406746172676574076578616d706c65036e657400c02f001c00010000012c001020010db8000000000000000000000004';
const noSuchName = '12348183000100000000000004676f6e65046d657368076578616d706c650000010001';
const fromHosts = '123485800001000100000000027231046d657368076578616d706c650000010001c00c000100010000000000040a070001';

describe('answers of dnsmasq', () => {
  test.each([
    ['an alias and the IPv4 address of its target', aliasToV4, 0, 'alias.example.net', 1, ['9.9.9.4']],
    [
      'an alias and the IPv6 address of its target',
      aliasToV6,
      0,
      'alias.example.net',
      28,
      ['32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.4'],
    ],
    ['no such name', noSuchName, 3, 'gone.mesh.example', 1, []],
    ['a name of a hosts file', fromHosts, 0, 'r1.mesh.example', 1, ['10.7.0.1']],
  ])('%s', (_, hex, code, name, type, addresses) => {
    const question = { name, type };
    expect(shown(decodeAnswer(bytes(hex)))).toEqual({
      ...{ id: 0x1234, code, isTruncated: false, question, addresses, ttlS: 0 },
    });
  });
  test.each([aliasToV4, aliasToV6, noSuchName, fromHosts])('cut anywhere, it is truncated: %s', (hex) => {
    const whole = bytes(hex);
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decodeAnswer(whole.subarray(0, length))).toThrow(WireError);
    }
  });
});

describe('a question', () => {
  test('is a header, the name, the type and the class', () => {
    const question = { id: 0x1234, name: 'r1.mesh.example', type: 'AAAA' } as const;
    const hex = '1234 0100 0001 0000 0000 0000 027231 046d657368 076578616d706c65 00 001c 0001';
    expect(encodeQuestion(question)).toEqual(bytes(hex));
  });
  test.each([
    ['an empty name', ''],
    ['an empty label', 'a..b'],
    ['a label of 64', `${'a'.repeat(64)}.b`],
    ['a name of 254', `${'a.'.repeat(126)}bb`],
    ['a space', 'a b.c'],
  ])('%s has no bytes', (_, name) => {
    expect(() => encodeQuestion({ id: 1, name, type: 'A' })).toThrow(WireError);
  });
  test('comes back in the answer, whatever the name', () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), fc.nat(65535), (labels, id) => {
        const asked = encodeQuestion({ id, name: labels.join('.'), type: 'A' });
        asked[2] = 0x81;
        expect(shown(decodeAnswer(asked))).toMatchObject({ id, question: { name: labels.join('.'), type: 1 } });
      }),
    );
  });
});

const header = '0001 8180 0001 0001 0000 0000';
const question = '0161 00 0001 0001';
describe('hostile answers', () => {
  test.each([
    ['a question as an answer', '0001 0100 0001 0000 0000 0000' + question, 'malformed'],
    ['no question', '0001 8180 0000 0000 0000 0000', 'malformed'],
    ['a pointer to itself', '0001 8180 0001 0000 0000 0000 c00c 0001 0001', 'malformed'],
    ['a pointer forward', '0001 8180 0001 0000 0000 0000 c010 0001 0001 00', 'malformed'],
    ['a label of the reserved kind', '0001 8180 0001 0000 0000 0000 8061 00 0001 0001', 'malformed'],
    ['129 records', '0001 8180 0001 0081 0000 0000' + question, 'too-large'],
    ['an alias longer than its data', `${header}${question} c00c 0005 0001 00000000 0002 0162 00`, 'malformed'],
    ['more data than there is', `${header}${question} c00c 0001 0001 00000000 ffff 01020304`, 'truncated'],
  ])('%s', (_, hex, code) => {
    expect(() => decodeAnswer(bytes(hex))).toThrow(expect.objectContaining({ code }) as Error);
  });
  test('names that point to names of 253 and more are too large, however short the bytes', () => {
    const long = `3f${'61'.repeat(63)}`.repeat(4);
    expect(() => decodeAnswer(bytes(`0001 8180 0001 0000 0000 0000 ${long} 00 0001 0001`))).toThrow(/253/);
  });
  test('the nearest that must pass: a name of 253, and aliases that end', () => {
    const name = `3f${'61'.repeat(63)}`.repeat(3) + `3d${'61'.repeat(61)}`;
    const answer = decodeAnswer(bytes(`0001 8180 0001 0000 0000 0000 ${name} 00 0001 0001`));
    expect(answer.question.name).toHaveLength(253);
  });
  test('aliases in a circle end in no address', () => {
    const alias = `0161 00 0005 0001 00000000 0003 0162 00`;
    const back = `0162 00 0005 0001 00000000 0003 0161 00`;
    const answer = decodeAnswer(bytes(`0001 8180 0001 0002 0000 0000 ${question}${alias}${back}`));
    expect(answer.addresses).toEqual([]);
  });
  test('an address of another name than the one that was asked is none', () => {
    const stray = `0163 00 0001 0001 0000003c 0004 06060606`;
    const own = `c00c 0001 0001 0000003c 0004 01020304`;
    expect(shown(decodeAnswer(bytes(`0001 8180 0001 0002 0000 0000 ${question}${stray}${own}`)))).toMatchObject({
      addresses: ['1.2.3.4'],
      ttlS: 60,
    });
  });
  test('any bytes give an answer or a WireError', () => {
    const start = fc.constantFrom(aliasToV4, aliasToV6, noSuchName, header + question, '').map(bytes);
    const flips = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(start, flips, fc.uint8Array({ maxLength: 64 }), (from, changes, tail) => {
        const mixed = Uint8Array.from([...from, ...tail]);
        for (const [at, value] of changes) if (at < mixed.length) mixed[at] = value;
        try {
          decodeAnswer(mixed);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
