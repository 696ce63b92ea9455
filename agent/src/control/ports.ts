/**
 * What the loop needs from the world. Drivers implement these; only main.ts joins the two.
 * A fault throws `Fault`; an expected refusal is a value.
 */

export class Fault extends Error {
  readonly code: string;
  readonly subject: string;
  constructor(code: string, subject: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Fault';
    this.code = code;
    this.subject = subject;
  }
}

/** ubus as a client, and as the publisher of objects. Arguments and replies are plain JSON values. */
export interface Ubus {
  /** Status codes of ubusmsg.h other than 0 throw Fault `UBUS_<NAME>`; `timeoutMs` bounds the wait. */
  call(object: string, method: string, args?: JsonObject, timeoutMs?: number): Promise<JsonObject>;
  publish(object: string, methods: Record<string, UbusMethod>): void;
  /** Notifications of an object, over restarts of ubusd and of the object's owner. */
  subscribe(object: string, listener: (event: string, data: JsonObject) => void): void;
  /** Broadcasts an event (`ubus listen`). */
  send(event: string, data: JsonObject): Promise<void>;
  close(): void;
}
export interface UbusMethod {
  /** Argument names and blobmsg types, as `ubus -v list` shows them. */
  readonly policy: Readonly<Record<string, 'String' | 'Integer' | 'Boolean' | 'Table' | 'Array'>>;
  /** A number is a status code of ubusmsg.h (6 PERMISSION_DENIED, 2 INVALID_ARGUMENT). */
  readonly handler: (args: JsonObject) => Promise<JsonObject | number> | JsonObject | number;
}
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A message of the broker; `payload` of length 0 means that the retained message was cleared. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}
export interface BrokerSettings {
  /** `mqtt://host[:1883]` or `mqtts://host[:8883]`. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM of the only CAs to believe; without it the system's store. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** MQTT last will, retained. */
  readonly will?: BrokerMessage;
  /** A message larger than this is dropped before anyone parses it, and counted. */
  readonly maxMessageBytes: number;
}
export interface BrokerState {
  readonly connected: boolean;
  readonly lastError?: string;
  readonly dropped: number;
  readonly receivedBytes: number;
}
export interface Broker {
  subscribe(topics: readonly string[]): void;
  unsubscribe(topics: readonly string[]): void;
  publish(message: BrokerMessage): void;
  state(): BrokerState;
  close(): Promise<void>;
}
