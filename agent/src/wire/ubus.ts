/**
 * Frames of the ubus socket, for either side of it.
 * In: the bytes of a stream. Out: frames with their attributes in wire order, which encode to the same bytes again.
 * A frame is u8 version 0, u8 type, u16be sequence, u32be peer, and one blob container (id 0) of attributes.
 * Specified in ubusmsg.h (struct ubus_msghdr, enum ubus_msg_type, ubus_msg_attr, ubus_msg_status).
 */
import {
  type BlobAttr,
  concat,
  exactView,
  headBytes,
  maxBlobBytes,
  readAttrs,
  readText,
  readU32,
  spanOf,
  type Span,
  writeAttr,
  writeText,
  writeU32,
} from './blob.ts';
import { type BlobmsgField, readFields, writeFields } from './blobmsg.ts';
import { WireError } from './error.ts';

/** Message types. MONITOR (11) is left out: its attributes are numbered otherwise, and only `ubus monitor` asks for it. */
export const frameTypes = {
  HELLO: 0,
  STATUS: 1,
  DATA: 2,
  PING: 3,
  LOOKUP: 4,
  INVOKE: 5,
  ADD_OBJECT: 6,
  REMOVE_OBJECT: 7,
  SUBSCRIBE: 8,
  UNSUBSCRIBE: 9,
  NOTIFY: 10,
} as const;
export type FrameType = keyof typeof frameTypes;

/** Status codes: the names, without UBUS_STATUS_, at their numbers. */
export const statusNames = [
  'OK',
  'INVALID_COMMAND',
  'INVALID_ARGUMENT',
  'METHOD_NOT_FOUND',
  'NOT_FOUND',
  'NO_DATA',
  'PERMISSION_DENIED',
  'TIMEOUT',
  'NOT_SUPPORTED',
  'UNKNOWN_ERROR',
  'CONNECTION_FAILED',
  'NO_MEMORY',
  'PARSE_ERROR',
  'SYSTEM_ERROR',
] as const;
export type StatusName = (typeof statusNames)[number];

/** The number of a status. */
export function statusCode(name: StatusName): number {
  return statusNames.indexOf(name);
}

/** What each attribute holds. */
export interface AttrValues {
  readonly status: number;
  readonly objectPath: string;
  readonly objectId: number;
  readonly method: string;
  readonly objectType: number;
  readonly signature: readonly BlobmsgField[];
  readonly data: readonly BlobmsgField[];
  readonly target: number;
  readonly active: boolean;
  readonly noReply: boolean;
  readonly subscribers: readonly number[];
  readonly user: string;
  readonly group: string;
}

/** The attributes of a frame. The order of the keys is their order on the wire; of two alike the last counts. */
export type FrameAttrs = Partial<AttrValues>;

/** `sequence` is 0 to 65535 and chosen by who asks; `peer` is an object's or a client's id, u32. */
export interface FrameHeader {
  readonly type: FrameType;
  readonly sequence: number;
  readonly peer: number;
}

export interface Frame extends FrameHeader {
  readonly attrs: FrameAttrs;
}

interface Codec<Value> {
  readonly read: (span: Span, what: string) => Value;
  readonly write: (value: Value) => Uint8Array;
}
interface AttrCodec<Value> extends Codec<Value> {
  readonly id: number;
}

const u32: Codec<number> = { read: readU32, write: writeU32 };
const text: Codec<string> = { read: readText, write: writeText };
const flag: Codec<boolean> = {
  read: (span, what) => exactView(span, 1, what).getUint8(0) !== 0,
  write: (value) => Uint8Array.of(value ? 1 : 0),
};
const fields: Codec<readonly BlobmsgField[]> = {
  read: (span) => readFields(span),
  write: (value) => writeFields(value),
};
const ids: Codec<readonly number[]> = {
  read: (span, what) => readAttrs(span).map((attr) => readU32(attr.payload, what)),
  write: (value) => concat(value.map((id) => writeAttr(0, writeU32(id)))),
};

const codecs: { readonly [Name in keyof AttrValues]: AttrCodec<AttrValues[Name]> } = {
  status: { id: 1, ...u32 },
  objectPath: { id: 2, ...text },
  objectId: { id: 3, ...u32 },
  method: { id: 4, ...text },
  objectType: { id: 5, ...u32 },
  signature: { id: 6, ...fields },
  data: { id: 7, ...fields },
  target: { id: 8, ...u32 },
  active: { id: 9, ...flag },
  noReply: { id: 10, ...flag },
  subscribers: { id: 11, ...ids },
  user: { id: 12, ...text },
  group: { id: 13, ...text },
};

const attrNames = new Map((Object.keys(codecs) as (keyof AttrValues)[]).map((name) => [codecs[name].id, name]));
const typesByNumber = new Map(
  (Object.keys(frameTypes) as FrameType[]).map((type) => [frameTypes[type] as number, type]),
);

/** Bytes before the attributes: the message header and the head of the container. */
export const frameHeadBytes = 8 + headBytes;

function readAttr(attr: BlobAttr): [string, unknown] | undefined {
  const name = attrNames.get(attr.id);
  // A newer ubusd may say more; libubus passes over what it does not know, too.
  return name === undefined ? undefined : [name, codecs[name].read(attr.payload, name)];
}

function writeNamed<Name extends keyof AttrValues>(name: Name, value: AttrValues[Name]): Uint8Array {
  const codec: AttrCodec<AttrValues[Name]> = codecs[name];
  return writeAttr(codec.id, codec.write(value));
}

/**
 * Bytes that a frame takes, from its first 12. Throws `WireError`: `too-large` over 1 MiB, `malformed` when this
 * cannot be the start of a frame; after that the stream has no frame boundary any more and must be closed.
 */
export function frameBytes(head: Uint8Array): number {
  const view = headView(head);
  const version = view.getUint8(0);
  if (version !== 0) throw new WireError('malformed', `version: wanted 0 at byte 0, got ${version}`);
  const container = view.getUint32(8);
  const length = container & 0xffffff;
  if (container >>> 24 !== 0)
    throw new WireError('malformed', `container: wanted id 0 at byte 8, got ${container >>> 24}`);
  if (length < headBytes || length % 4 !== 0) {
    throw new WireError('malformed', `container: wanted a positive multiple of 4 at byte 8, got ${length}`);
  }
  if (length > maxBlobBytes) {
    throw new WireError('too-large', `container: wanted at most ${maxBlobBytes} bytes at byte 8, got ${length}`);
  }
  return 8 + length;
}

function headView(bytes: Uint8Array): DataView {
  if (bytes.length < frameHeadBytes) {
    throw new WireError('truncated', `frame: wanted ${frameHeadBytes} bytes at byte 0, ${bytes.length} left`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Type, sequence and peer alone: who to answer when the attributes cannot be read. Throws `WireError`. */
export function decodeHeader(bytes: Uint8Array): FrameHeader {
  const view = headView(bytes);
  const number = view.getUint8(1);
  const type = typesByNumber.get(number);
  if (type === undefined) throw new WireError('malformed', `type: wanted 0 to 10 at byte 1, got ${number}`);
  return { type, sequence: view.getUint16(2), peer: view.getUint32(4) };
}

/** One whole frame. Throws `WireError` unless the bytes are exactly one frame. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const wanted = frameBytes(bytes);
  if (bytes.length !== wanted) {
    const code = bytes.length < wanted ? 'truncated' : 'malformed';
    throw new WireError(code, `frame: wanted ${wanted} bytes at byte 0, got ${bytes.length}`);
  }
  const header = decodeHeader(bytes);
  const attrs = readAttrs({ ...spanOf(bytes), start: frameHeadBytes }).flatMap((attr) => {
    const entry = readAttr(attr);
    return entry === undefined ? [] : [entry];
  });
  return { ...header, attrs: Object.fromEntries(attrs) };
}

/** The bytes of a frame. Throws `WireError` `too-large`, `too-deep` or `unencodable`. */
export function encodeFrame(frame: Frame): Uint8Array {
  const run = (Object.keys(frame.attrs) as (keyof AttrValues)[]).flatMap((name) => {
    const value = frame.attrs[name];
    return value === undefined ? [] : [writeNamed(name, value)];
  });
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint8(1, frameTypes[frame.type]);
  view.setUint16(2, frame.sequence);
  view.setUint32(4, frame.peer);
  return concat([header, writeAttr(0, concat(run))]);
}
