/**
 * The messages of a ubus conversation, as the client, the provider and ubusd send them.
 * In: ids, names and JSON. Out: frames with their attributes in the order that libubus and ubusd use.
 * Specified in libubus.c, libubus-obj.c, libubus-sub.c, ubusd_proto.c and ubusd_event.c; seen on OpenWrt 25.12.
 */
import { blobmsgTypes, fieldsToJson, type JsonTable, jsonToFields } from './blobmsg.ts';
import { type Frame, type FrameHeader, statusCode, type StatusName } from './ubus.ts';

/** The object of ubusd itself that takes `register` and `send`: UBUS_SYSTEM_OBJECT_EVENT. */
export const eventObjectId = 1;

/** Argument types as `ubus -v list` names them, with their numbers in a signature. */
export const policyTypes = {
  String: blobmsgTypes.string,
  Integer: blobmsgTypes.int32,
  Boolean: blobmsgTypes.int8,
  Table: blobmsgTypes.table,
  Array: blobmsgTypes.array,
} as const;
export type PolicyType = keyof typeof policyTypes;

/** Method names to argument names to types: an object's signature. */
export type Signature = Readonly<Record<string, Readonly<Record<string, PolicyType>>>>;

/** ubusd, on connect: `clientId` is who the other side is from now on. */
export function hello(clientId: number): Frame {
  return { type: 'HELLO', sequence: 0, peer: clientId, attrs: {} };
}

/** Asks for objects: one path, a prefix with a trailing `*`, or all without a path. */
export function lookup(sequence: number, objectPath?: string): Frame {
  return { type: 'LOOKUP', sequence, peer: 0, attrs: objectPath === undefined ? {} : { objectPath } };
}

/** Calls a method of an object. */
export function invoke(sequence: number, objectId: number, method: string, args: JsonTable): Frame {
  return { type: 'INVOKE', sequence, peer: objectId, attrs: { objectId, method, data: jsonToFields(args) } };
}

/** Publishes an object. */
export function addObject(sequence: number, objectPath: string, signature: Signature): Frame {
  const methods = Object.entries(signature).map(([method, args]): [string, JsonTable] => [
    method,
    Object.fromEntries(Object.entries(args).map(([name, type]) => [name, policyTypes[type]])),
  ]);
  const attrs = { objectPath, signature: jsonToFields(Object.fromEntries(methods)) };
  return { type: 'ADD_OBJECT', sequence, peer: 0, attrs };
}

/** Adds an object without a name: where notifications and events of one listener arrive. */
export function addListener(sequence: number): Frame {
  return { type: 'ADD_OBJECT', sequence, peer: 0, attrs: {} };
}

/** Takes an object of one's own away. */
export function removeObject(sequence: number, objectId: number): Frame {
  return { type: 'REMOVE_OBJECT', sequence, peer: 0, attrs: { objectId } };
}

/** Subscribes one's own object to a target; ubusd sends the same attributes as UNSUBSCRIBE when the target goes. */
export function subscribe(sequence: number, objectId: number, target: number): Frame {
  return { type: 'SUBSCRIBE', sequence, peer: 0, attrs: { objectId, target } };
}

/** A notification of one's own object to all its subscribers. */
export function notify(sequence: number, objectId: number, method: string, data: JsonTable): Frame {
  return { type: 'NOTIFY', sequence, peer: objectId, attrs: { objectId, method, data: jsonToFields(data) } };
}

/** Asks ubusd for the events whose name matches (trailing `*` is a prefix). Object ids travel as signed integers. */
export function registerEvents(sequence: number, objectId: number, pattern: string): Frame {
  return invoke(sequence, eventObjectId, 'register', { object: objectId | 0, pattern });
}

/** Broadcasts an event. */
export function sendEvent(sequence: number, event: string, data: JsonTable): Frame {
  return invoke(sequence, eventObjectId, 'send', { id: event, data });
}

/** An object's id out of JSON, where it is signed. `undefined` if it is no integer. */
export function idFromJson(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) ? value >>> 0 : undefined;
}

/** A provider's reply: sequence and peer are the request's. */
export function replyData(request: FrameHeader, objectId: number, data: JsonTable): Frame {
  return { ...answer('DATA', request), attrs: { objectId, data: jsonToFields(data) } };
}

/** The end of a reply. `objectId` is the object that was invoked; ubusd leaves it out where none was. */
export function replyStatus(request: FrameHeader, status: StatusName | number, objectId?: number): Frame {
  const code = typeof status === 'number' ? status : statusCode(status);
  const attrs = objectId === undefined ? { status: code } : { status: code, objectId };
  return { ...answer('STATUS', request), attrs };
}

function answer<Type extends 'DATA' | 'STATUS'>(
  type: Type,
  request: FrameHeader,
): FrameHeader & { readonly type: Type } {
  return { type, sequence: request.sequence, peer: request.peer };
}

/** The arguments or the reply of a frame as JSON; none is the empty table. */
export function dataOf(frame: Frame): JsonTable {
  return fieldsToJson(frame.attrs.data ?? []);
}
