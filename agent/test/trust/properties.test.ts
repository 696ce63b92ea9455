import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../src/trust/base64.ts';
import { openEnvelope } from '../../src/trust/dsse.ts';
import { decodeFloors, encodeFloors } from '../../src/trust/floors.ts';
import { formatIp, parseCidr, parseIp, rangeOf } from '../../src/trust/ip.ts';
import { readJson, type JsonValue } from '../../src/trust/json.ts';
import { mapType } from '../../src/trust/limits.ts';
import { verifyMap } from '../../src/trust/map.ts';
import { isRefusal, refusing } from '../../src/trust/refuse.ts';
import type { Digest, Floors, Refusal } from '../../src/trust/types.ts';
import { digestOf } from '../../src/trust/words.ts';
import { mapOf, nowUnixS, rootOf } from './network.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (bytes: Uint8Array): JsonValue | Refusal => refusing(() => readJson(bytes, 100_000));
const plain = (value: JsonValue): unknown => {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
  return Array.isArray(value) ? (value as readonly JsonValue[]).map(plain) : value;
};
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    fc.string({ unit: 'grapheme' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
  ),
})).value;
const floors: Floors = {
  rootVersion: 1,
  rootDigest: digestOf(new Uint8Array()),
  minMapRootVersion: 1,
  epoch: 0,
  timeUnixS: nowUnixS,
};

describe('strict JSON', () => {
  test('reads back what JSON.stringify writes, with any indent', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, 4), (value, indent) => {
        const got = read(bytesOf(JSON.stringify(value, undefined, indent)));
        expect(isRefusal(got)).toBe(false);
        expect(plain(got as JsonValue)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
  test('takes nothing that JSON.parse refuses', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '0',
      '01',
      '-',
      '1e3',
      'true',
      ' ',
      'x',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 8 }), (tokens) => {
        const got = read(bytesOf(tokens.join('')));
        if (!isRefusal(got)) expect(plain(got)).toEqual(JSON.parse(tokens.join('')));
      }),
      { numRuns: 5000 },
    );
  });
  test('is cut at every byte into a refusal', () => {
    const bytes = bytesOf('{"a":[1,-20,"é\\u00e9\\n"],"b":{"c":true,"d":"€"}}');
    expect(isRefusal(read(bytes))).toBe(false);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(read(bytes.subarray(0, length))).toMatchObject({ refused: 'malformed' });
    }
  });
  test('any bytes give a value or a refusal, never an exception', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void read(bytes)));
  });
  test.each([
    ['half a surrogate pair', '"\\ud83d"'],
    ['a control character in a string', '"a\u0001"'],
    ['minus zero', '-0'],
    ['a leading zero', '01'],
    ['a fraction', '1.0'],
    ['a trailing comma', '[1,]'],
    ['a comment', '/**/1'],
    ['an unknown escape', '"\\x41"'],
    ['a key that is no string', '{1:2}'],
    ['no-break space between', '[1,\u00a02]'],
  ])('refuses %s', (_, text) => {
    expect(read(bytesOf(text))).toMatchObject({ refused: 'malformed' });
  });
  test('takes __proto__ as a key like any other', () => {
    expect(read(bytesOf('{"__proto__":{"x":1}}'))).toEqual(new Map([['__proto__', new Map([['x', 1]])]]));
  });
});

describe('a signed map', () => {
  const { envelope } = mapOf();
  const verify = (bytes: Uint8Array): unknown => verifyMap(bytes, rootOf(), floors, nowUnixS);
  const accepted = verify(envelope);

  test('is cut at every byte into a refusal', () => {
    expect(isRefusal(accepted)).toBe(false);
    for (let length = 0; length < envelope.length; length += 1) {
      expect(isRefusal(verify(envelope.subarray(0, length))), `${length} bytes`).toBe(true);
    }
  });
  test('with any bit flipped is refused, or is the same map', () => {
    fc.assert(
      fc.property(fc.nat(envelope.length - 1), fc.nat(7), (at, bit) => {
        const bent = Uint8Array.from(envelope);
        bent[at] = (bent[at] ?? 0) ^ (1 << bit);
        const got = verify(bent);
        if (!isRefusal(got)) expect(got).toEqual(accepted);
      }),
      { numRuns: 300 },
    );
  });
  test('any bytes give a refusal, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(isRefusal(refusing(() => openEnvelope(bytes, mapType)))).toBe(true);
      }),
    );
  });
});

describe('addresses', () => {
  const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
  const v6 = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
    fc
      .array(fc.constantFrom('0', '0', '1', 'ab'), { minLength: 8, maxLength: 8 })
      .map((groups) => groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)),
  );
  test('what is formatted is parsed back to the same number', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          v4.map((n) => [4, n] as const),
          v6.map((n) => [6, n] as const),
        ),
        ([family, value]) => {
          const text = parseIp(formatIp(family, value));
          expect(text).toBeDefined();
          expect(text && rangeOf(text)).toEqual({ family, first: value, last: value });
        },
      ),
    );
  });
  test("an IPv6 text is the one that WHATWG's URL writes, which is RFC 5952's", () => {
    fc.assert(
      fc.property(v6, (value) => {
        expect(`[${formatIp(6, value)}]`).toBe(new URL(`http://[${formatIp(6, value)}]/`).hostname);
      }),
    );
  });
  test('a prefix covers as many addresses as its length says, and only with its host bits clear', () => {
    fc.assert(
      fc.property(v4, fc.integer({ min: 0, max: 32 }), (value, length) => {
        const size = 2n ** BigInt(32 - length);
        const cidr = parseCidr(`${formatIp(4, value)}/${length}`);
        expect(cidr !== undefined).toBe(value % size === 0n);
        if (cidr) expect(rangeOf(cidr).last - rangeOf(cidr).first + 1n).toBe(size);
      }),
    );
  });
  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    ' 1.2.3.4',
    '::1::',
    'FD00::1',
    'fd00:0::1',
    '1:2:3:4:5:6:7',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:7::',
    'fd00::1%eth0',
  ])('%j is no address', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
});

test('floors are read back as written', () => {
  const digest = fc.uint8Array().map((bytes) => digestOf(bytes));
  const version = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(
      version,
      digest,
      version,
      version,
      digest,
      fc.nat(),
      (rootVersion, rootDigest, min, epoch, mapDigest, time) => {
        const written = {
          rootVersion,
          rootDigest,
          minMapRootVersion: min,
          epoch,
          mapDigest: mapDigest as Digest,
          timeUnixS: time,
        };
        expect(decodeFloors(encodeFloors(written))).toEqual(written);
      },
    ),
  );
});

test('base64 takes one text for each value', () => {
  fc.assert(
    fc.property(fc.base64String(), (text) => {
      const bytes = decodeBase64(text);
      if (bytes !== undefined) expect(encodeBase64(bytes)).toBe(text);
    }),
  );
  expect(decodeBase64('AB==')).toBeUndefined();
  expect(decodeBase64('AA==')).toEqual(new Uint8Array([0]));
});
