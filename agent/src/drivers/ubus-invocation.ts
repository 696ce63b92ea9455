/**
 * Calls of our own methods, by others.
 * In: an INVOKE and the methods of its object. Out: the frames of the answer; handlers see arguments of their policy only.
 * As libubus with blobmsg_parse: arguments that the policy does not name are passed over, all arguments are optional.
 * Unlike it, an argument of another type is refused and not taken for missing, which is what rpcd's `uci` answers, too.
 */
import { Fault, type JsonObject, type UbusMethod, messageOf } from '../control/ports.ts';
import { type BlobmsgField, blobmsgTypes, fieldsToJson } from '../wire/blobmsg.ts';
import { policyTypes, replyData, replyStatus } from '../wire/ubus-messages.ts';
import { type Frame, statusCode, statusNames } from '../wire/ubus.ts';

/** Methods by name. */
export type UbusMethods = Readonly<Record<string, UbusMethod>>;

/** Where the answer and the faults of one object go. */
export interface Invoked {
  readonly object: string;
  readonly methods: UbusMethods;
  readonly send: (frame: Frame) => void;
  readonly onFault: (fault: Fault) => void;
}

/** rpcd adds it to every call that comes from the web. */
const sessionArgument = { ubus_rpc_session: 'String' } as const;

/** The arguments of the policy; `undefined` if one has another type. */
function acceptArgs(policy: UbusMethod['policy'], fields: readonly BlobmsgField[]): JsonObject | undefined {
  const accepted: UbusMethod['policy'] = { ...sessionArgument, ...policy };
  // Own keys alone: an argument named `constructor` is unknown and not a type.
  const named = fields.filter(({ name }) => Object.hasOwn(accepted, name));
  const isRight = ({ name, value }: BlobmsgField): boolean => {
    const type = accepted[name];
    return type !== undefined && policyTypes[type] === blobmsgTypes[value.type];
  };
  return named.every(isRight) ? fieldsToJson(named) : undefined;
}

async function run(methods: UbusMethods, frame: Frame): Promise<JsonObject | number> {
  const { method: name, data } = frame.attrs;
  if (name === undefined) return statusCode('INVALID_ARGUMENT');
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined) return statusCode('METHOD_NOT_FOUND');
  const args = acceptArgs(method.policy, data ?? []);
  if (args === undefined) return statusCode('INVALID_ARGUMENT');
  const outcome = await method.handler(args);
  if (typeof outcome === 'number' && statusNames[outcome] === undefined) {
    throw new RangeError(`wanted a status of 0 to ${statusNames.length - 1}, got ${outcome}`);
  }
  return outcome;
}

/** Runs the method and answers, unless nobody waits for an answer. Never rejects. */
export async function answerInvocation({ object, methods, send, onFault }: Invoked, frame: Frame): Promise<void> {
  const { objectId, noReply } = frame.attrs;
  const answer = (build: () => Frame): void => {
    if (noReply !== true) send(build());
  };
  try {
    const outcome = await run(methods, frame);
    if (typeof outcome !== 'number' && objectId !== undefined) answer(() => replyData(frame, objectId, outcome));
    answer(() => replyStatus(frame, typeof outcome === 'number' ? outcome : 'OK', objectId));
  } catch (error) {
    const subject = `${object} ${frame.attrs.method ?? ''}`;
    const message = `${subject}: wanted an answer, got ${messageOf(error)}`;
    onFault(new Fault('UBUS_UNKNOWN_ERROR', subject, message, error));
    answer(() => replyStatus(frame, 'UNKNOWN_ERROR', objectId));
  }
}
