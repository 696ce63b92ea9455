import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxBlobBytes } from '../../src/wire/blob.ts';
import { fieldsToJson, jsonToFields } from '../../src/wire/blobmsg.ts';
import { WireError } from '../../src/wire/error.ts';
import {
  addListener,
  addObject,
  eventObjectId,
  hello,
  invoke,
  lookup,
  notify,
  registerEvents,
  replyData,
  replyStatus,
  sendEvent,
  subscribe,
} from '../../src/wire/ubus-messages.ts';
import { frameStream } from '../../src/wire/ubus-stream.ts';
import { decodeFrame, decodeHeader, encodeFrame, type Frame, frameBytes, frameTypes } from '../../src/wire/ubus.ts';
import { bytesOf, hexOf, type Recorded, recorded } from './recorded.ts';

const recordedNames: Readonly<Record<string, string>> = {
  STATUS: 'status',
  OBJPATH: 'objectPath',
  OBJID: 'objectId',
  METHOD: 'method',
  OBJTYPE: 'objectType',
  SIGNATURE: 'signature',
  DATA: 'data',
  TARGET: 'target',
  ACTIVE: 'active',
  SUBSCRIBERS: 'subscribers',
  USER: 'user',
  GROUP: 'group',
};

/** The recorder's reading of an attribute, in the words of a frame. */
function recordedAttr(attr: string, value: unknown): [string, unknown] {
  const name = recordedNames[attr];
  if (name === undefined) throw new Error(`unknown recorded attribute ${attr}`);
  if (attr === 'SUBSCRIBERS') return [name, [parseInt(String(value).slice(8), 16)]];
  if (attr === 'ACTIVE') return [name, value === 1];
  return [name, typeof value === 'string' && /^0x[0-9a-f]{8}$/.test(value) ? Number(value) : withNumbers(value)];
}

/** The recorder spells a 64-bit integer as text with an `n` behind it. */
function withNumbers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner: unknown) =>
    typeof inner === 'string' && /^-?\d+n$/.test(inner) ? Number(inner.slice(0, -1)) : inner,
  );
}

function plainly(frame: Frame): unknown[] {
  return Object.entries(frame.attrs).map(([name, value]) => {
    if (name !== 'data' && name !== 'signature') return [name, value];
    return [name, fieldsToJson(name === 'data' ? (frame.attrs.data ?? []) : (frame.attrs.signature ?? []))];
  });
}

function message(scenario: string, type: string, nth = 0): Recorded {
  const found = recorded.filter((one) => one.scenario === scenario && one.decoded.type === type)[nth];
  if (found === undefined) throw new Error(`no ${type} ${nth} in ${scenario}`);
  return found;
}

const rntest = {
  echo: { msg: 'String', n: 'Integer', flag: 'Boolean', list: 'Array', tbl: 'Table' },
  fail: {},
  bye: {},
} as const;
const bye = { type: 'INVOKE', sequence: 2, peer: 0x3d61ba05 } as const;

const built: readonly [string, Frame, Recorded][] = [
  ['the greeting of ubusd', hello(0xd05cc8b9), message('async_delete_monitor', 'HELLO')],
  ['a lookup of one path', lookup(1, 'network.interface.lan'), message('async_delete_monitor', 'LOOKUP')],
  ['a lookup of a prefix', lookup(1, 'network*'), message('lookup', 'LOOKUP')],
  ['a lookup of everything', lookup(3), message('wait_for', 'LOOKUP')],
  ['a call without arguments', invoke(2, 0x5ef255eb, 'status', {}), message('async_delete_monitor', 'INVOKE')],
  ['a call with arguments', invoke(2, 0x574b44c9, 'get', { config: 5 }), message('bad_args', 'INVOKE')],
  ['an object without a name', addListener(1), message('event_listen_send', 'ADD_OBJECT')],
  ['an object with methods', addObject(1, 'rntest', rntest), message('provider', 'ADD_OBJECT')],
  ['a subscription', subscribe(3, 0x4412db98, 0xf89b5b7e), message('provider2', 'SUBSCRIBE')],
  ['a notification', notify(2, 0xf89b5b7e, 'ping', { x: 1 }), message('provider2', 'NOTIFY', 1)],
  ['a wish for events', registerEvents(2, 0xc2152940, 'rn.*'), message('event_listen_send', 'INVOKE')],
  ['an event', sendEvent(1, 'rn.test', { a: 1 }), message('event_listen_send', 'INVOKE', 1)],
  ['a reply', replyData(bye, 0x8af51673, { ok: true }), message('provider', 'DATA', 2)],
  ['the end of a reply', replyStatus(bye, 'OK', 0x8af51673), message('provider', 'STATUS', 5)],
  [
    'a refusal of ubusd that names no object',
    replyStatus({ type: 'LOOKUP', sequence: 1, peer: 0 }, 'NOT_FOUND'),
    message('missing_object', 'STATUS'),
  ],
];

describe('recorded ubus messages', () => {
  it.each(recorded.map((one, at): [string, Recorded] => [`${at} ${one.scenario} ${one.decoded.type}`, one]))(
    '%s reads as recorded and encodes to the same bytes',
    (_name, one) => {
      const frame = decodeFrame(one.bytes);
      expect(frame).toMatchObject({
        type: one.decoded.type,
        sequence: one.decoded.seq,
        peer: Number(one.decoded.peer),
      });
      const wanted = one.decoded.attrs.map(({ attr, value }) => recordedAttr(attr, value));
      expect(plainly(frame)).toEqual(wanted);
      expect(hexOf(encodeFrame(frame))).toBe(one.hex);
    },
  );

  it.each(built)('%s is built to the bytes that were seen', (_sentence, frame, seen) => {
    expect(hexOf(encodeFrame(frame))).toBe(seen.hex);
  });

  it('are refused when cut at any byte', () => {
    for (const { bytes } of recorded.filter((one) => one.bytes.length < 400)) {
      for (let end = 0; end < bytes.length; end++) {
        expect(() => decodeFrame(bytes.subarray(0, end))).toThrow(WireError);
      }
    }
  });

  it('give a value or a typed error when one byte is changed', () => {
    const some = recorded.filter((one) => one.bytes.length < 1000);
    const change = fc.tuple(fc.nat(some.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(change, ([which, where, flip]) => {
        const bytes = some[which]?.bytes.slice() ?? new Uint8Array(0);
        const at = where % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        expectValueOrWireError(bytes);
      }),
      { numRuns: 5000 },
    );
  });
});

function expectValueOrWireError(bytes: Uint8Array): void {
  try {
    encodeFrame(decodeFrame(bytes));
  } catch (error) {
    expect(error).toBeInstanceOf(WireError);
  }
}

const refusedHeads: readonly [string, string, string][] = [
  ['another version', '010000000000000000000004', 'version: wanted 0 at byte 0, got 1'],
  ['a container with an id', '000000000000000001000004', 'container: wanted id 0 at byte 8, got 1'],
  ['a container shorter than its head', '000000000000000000000000', 'at byte 8, got 0'],
  ['a container that ends off a word', '000000000000000000000005', 'wanted a positive multiple of 4'],
  ['a container one word over 1 MiB', '000000000000000000100004', 'at most 1048576 bytes at byte 8, got 1048580'],
];

describe('a frame head', () => {
  it.each(refusedHeads)('is refused for %s', (_sentence, hex, message) => {
    expect(() => frameBytes(bytesOf(hex))).toThrow(message);
  });

  it('is taken at exactly 1 MiB', () => {
    expect(frameBytes(bytesOf('000000000000000000100000'))).toBe(8 + maxBlobBytes);
  });

  it('is refused with a type that ubusmsg.h does not have', () => {
    expect(() => decodeHeader(bytesOf('004000000000000000000004'))).toThrow('type: wanted 0 to 10 at byte 1, got 64');
  });
});

describe('any frame', () => {
  const text = fc.stringMatching(/^[a-z.*é€]{0,20}$/);
  const id = fc.integer({ min: 0, max: 0xffffffff });
  const data = fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text))).map(jsonToFields);
  const attrs = fc.record(
    {
      status: id,
      objectPath: text,
      objectId: id,
      method: text,
      objectType: id,
      signature: data,
      data,
      target: id,
      active: fc.boolean(),
      noReply: fc.boolean(),
      subscribers: fc.array(id),
      user: text,
      group: text,
    },
    { requiredKeys: [] },
  );
  const types = Object.keys(frameTypes) as (keyof typeof frameTypes)[];
  const frame: fc.Arbitrary<Frame> = fc.record({
    type: fc.constantFrom(...types),
    sequence: fc.integer({ min: 0, max: 0xffff }),
    peer: id,
    attrs,
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(frame, (one) => {
        expect(decodeFrame(encodeFrame(one))).toEqual(one);
      }),
    );
  });

  it('passes over an attribute that a newer ubusd may add', () => {
    const frame = decodeFrame(bytesOf('00010001000000000000001401000008000000070e00000800000001'));
    expect(frame.attrs).toEqual({ status: 7 });
  });

  it('is a value or a typed error, of random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectValueOrWireError));
    const framed = fc.uint8Array({ maxLength: 200 }).map((body) => {
      const length = 4 + body.length;
      return Uint8Array.of(0, 5, 0, 1, 0, 0, 0, 0, 0, 0, length >> 8, length & 255, ...body);
    });
    fc.assert(fc.property(framed, expectValueOrWireError), { numRuns: 3000 });
  });

  it('is not encoded above 1 MiB', () => {
    const large = invoke(1, eventObjectId, 'x', { text: 'x'.repeat(maxBlobBytes) });
    expect(() => encodeFrame(large)).toThrow(WireError);
    const fits = invoke(1, eventObjectId, 'x', { text: 'x'.repeat(maxBlobBytes - 64) });
    expect(decodeFrame(encodeFrame(fits))).toEqual(fits);
  });
});

describe('a stream', () => {
  const all = recorded.filter((one) => one.fromUbusd);
  const stream = Uint8Array.from(all.flatMap((one) => Array.from(one.bytes)));

  it('gives the same frames however it was chunked', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (sizes) => {
        const cutter = frameStream();
        const frames: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          frames.push(...cutter.push(stream.subarray(at, at + size)).map(hexOf));
          at += size;
        }
        expect(frames).toEqual(all.map((one) => one.hex));
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same frames byte by byte', () => {
    const cutter = frameStream();
    const frames = Array.from(stream, (byte) => cutter.push(Uint8Array.of(byte))).flat();
    expect(frames.map(hexOf)).toEqual(all.map((one) => one.hex));
  });

  it('is refused at its head before the announced bytes are collected', () => {
    expect(() => frameStream().push(bytesOf('000000000000000000ffffff'))).toThrow(WireError);
  });
});
