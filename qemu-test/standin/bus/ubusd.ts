/**
 * ubusd's part of a ubus conversation: who is connected, which objects there are, who hears of what.
 * In: decoded frames of clients. Out: frames to clients. Specified in ubusmsg.h and ubusd_proto.c; held to the
 * recorded conversations in agent/test/vectors/ubus-wire.json. Every client counts as root: Node cannot ask a socket
 * for its peer's credentials.
 */
import { dataOf, eventObjectId, hello, replyStatus } from '../../../agent/src/wire/ubus-messages.ts';
import { type Frame, type StatusName } from '../../../agent/src/wire/ubus.ts';
import { EventPatterns } from './events.ts';
import { newId, type BusObject, type Client } from './objects.ts';

/** What ubusd hands out for one connection. */
export interface Attachment {
  readonly clientId: number;
  receive(frame: Frame): void;
  close(): void;
}

type Outcome = StatusName | undefined;

export class Ubusd {
  readonly #clients = new Map<number, Client>();
  readonly #objects = new Map<number, BusObject>();
  readonly #paths = new Map<string, BusObject>();
  readonly #types = new Map<number, NonNullable<Frame['attrs']['signature']>>();
  readonly #events = new EventPatterns();

  /** Takes a new connection and greets it. */
  attach(send: (frame: Frame) => void): Attachment {
    const client: Client = { id: newId(this.#clients), send, objects: new Set() };
    this.#clients.set(client.id, client);
    send(hello(client.id));
    return {
      clientId: client.id,
      receive: (frame) => this.#receive(client, frame),
      close: () => this.#detach(client),
    };
  }

  #detach(client: Client): void {
    if (!this.#clients.delete(client.id)) return;
    for (const object of [...client.objects]) this.#drop(object);
  }

  #receive(client: Client, frame: Frame): void {
    if (!this.#clients.has(client.id)) return;
    const outcome = this.#handle(client, frame);
    if (outcome !== undefined) client.send(replyStatus(frame, outcome));
  }

  #handle(client: Client, frame: Frame): Outcome {
    switch (frame.type) {
      case 'LOOKUP':
        return this.#lookup(client, frame);
      case 'INVOKE':
        return this.#invoke(client, frame);
      case 'ADD_OBJECT':
        return this.#add(client, frame);
      case 'REMOVE_OBJECT':
        return this.#remove(client, frame);
      case 'SUBSCRIBE':
        return this.#subscribe(client, frame);
      case 'UNSUBSCRIBE':
        return this.#unsubscribe(client, frame);
      case 'NOTIFY':
        return this.#notify(client, frame);
      case 'DATA':
      case 'STATUS':
        this.#answer(client, frame);
        return undefined;
      case 'PING':
        client.send({ ...frame, type: 'DATA', attrs: {} });
        return undefined;
      case 'HELLO':
        return 'INVALID_COMMAND';
    }
  }

  #lookup(client: Client, frame: Frame): Outcome {
    const pattern = frame.attrs.objectPath;
    const matches = (path: string): boolean =>
      pattern === undefined || (pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern);
    const found = [...this.#paths.values()].filter((object) => matches(object.path ?? ''));
    // ubusd keeps its paths in a tree in byte order.
    found.sort((a, b) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1));
    for (const { path = '', id, typeId, signature = [] } of found) {
      const attrs = { objectPath: path, objectId: id, objectType: typeId ?? 0, signature };
      client.send({ type: 'DATA', sequence: frame.sequence, peer: frame.peer, attrs });
    }
    return found.length > 0 || pattern === undefined ? 'OK' : 'NOT_FOUND';
  }

  #invoke(client: Client, frame: Frame): Outcome {
    const { objectId, method, data } = frame.attrs;
    if (objectId === undefined || method === undefined) return 'INVALID_ARGUMENT';
    if (objectId === eventObjectId) return this.#invokeEvents(client, method, frame);
    const object = this.#objects.get(objectId);
    if (object === undefined) return 'NOT_FOUND';
    forward(client, object, frame.sequence, { objectId, method, ...root, ...(data === undefined ? {} : { data }) });
    return undefined;
  }

  #invokeEvents(client: Client, method: string, frame: Frame): Outcome {
    const args = dataOf(frame);
    if (method === 'register') {
      const id = typeof args['object'] === 'number' ? args['object'] >>> 0 : undefined;
      if (id === undefined || typeof args['pattern'] !== 'string') return 'INVALID_ARGUMENT';
      const object = this.#objects.get(id);
      if (object === undefined) return 'NOT_FOUND';
      if (object.client !== client || args['pattern'] === '') return 'PERMISSION_DENIED';
      this.#events.register(object, args['pattern']);
      return 'OK';
    }
    if (method !== 'send') return 'METHOD_NOT_FOUND';
    const name = args['id'];
    const payload = frame.attrs.data?.find((field) => field.name === 'data')?.value;
    if (typeof name !== 'string' || payload?.type !== 'table') return 'INVALID_ARGUMENT';
    // Only ubusd itself may say that an object came or went.
    if (name.startsWith('ubus.')) return 'PERMISSION_DENIED';
    this.#events.send(name, payload.fields);
    return 'OK';
  }

  #add(client: Client, frame: Frame): Outcome {
    const { objectPath: path, objectType, signature } = frame.attrs;
    if (path !== undefined && this.#paths.has(path)) return 'INVALID_ARGUMENT';
    const known = objectType === undefined ? undefined : this.#types.get(objectType);
    if (objectType !== undefined && known === undefined) return 'INVALID_ARGUMENT';
    const typeId = objectType ?? (signature === undefined ? undefined : newId(this.#types));
    const object: BusObject = {
      id: newId(this.#objects),
      path,
      typeId,
      signature: known ?? signature,
      client,
      subscribers: new Set(),
      targets: new Set(),
      sequence: 0,
    };
    if (typeId !== undefined && object.signature !== undefined) this.#types.set(typeId, object.signature);
    this.#objects.set(object.id, object);
    client.objects.add(object);
    const attrs = { objectId: object.id, ...(typeId === undefined ? {} : { objectType: typeId }) };
    client.send({ type: 'DATA', sequence: frame.sequence, peer: frame.peer, attrs });
    if (path !== undefined) {
      this.#paths.set(path, object);
      this.#events.announce('ubus.object.add', object.id, path);
    }
    return 'OK';
  }

  #remove(client: Client, frame: Frame): Outcome {
    const object = this.#objects.get(frame.attrs.objectId ?? 0);
    if (object === undefined) return 'NOT_FOUND';
    if (object.client !== client) return 'PERMISSION_DENIED';
    client.send({ type: 'DATA', sequence: frame.sequence, peer: frame.peer, attrs: { objectId: object.id } });
    this.#drop(object);
    return 'OK';
  }

  #drop(object: BusObject): void {
    this.#objects.delete(object.id);
    object.client.objects.delete(object);
    this.#events.forget(object);
    for (const target of object.targets) this.#leave(object, target);
    for (const subscriber of object.subscribers) {
      subscriber.targets.delete(object);
      const attrs = { objectId: subscriber.id, target: object.id };
      subscriber.client.send({ type: 'UNSUBSCRIBE', sequence: ++subscriber.sequence & 0xffff, peer: 0, attrs });
    }
    if (object.path === undefined) return;
    this.#paths.delete(object.path);
    this.#events.announce('ubus.object.remove', object.id, object.path);
  }

  #subscribe(client: Client, frame: Frame): Outcome {
    const subscriber = this.#objects.get(frame.attrs.objectId ?? 0);
    const target = this.#objects.get(frame.attrs.target ?? 0);
    if (subscriber === undefined || target === undefined) return 'NOT_FOUND';
    if (subscriber.client !== client || target === subscriber) return 'INVALID_ARGUMENT';
    const first = target.subscribers.size === 0;
    target.subscribers.add(subscriber);
    subscriber.targets.add(target);
    if (first) sendActive(target, true);
    return 'OK';
  }

  #unsubscribe(client: Client, frame: Frame): Outcome {
    const subscriber = this.#objects.get(frame.attrs.objectId ?? 0);
    const target = this.#objects.get(frame.attrs.target ?? 0);
    if (subscriber?.client !== client || target === undefined || !target.subscribers.has(subscriber)) {
      return 'NOT_FOUND';
    }
    this.#leave(subscriber, target);
    return 'OK';
  }

  #leave(subscriber: BusObject, target: BusObject): void {
    subscriber.targets.delete(target);
    target.subscribers.delete(subscriber);
    if (target.subscribers.size === 0) sendActive(target, false);
  }

  #notify(client: Client, frame: Frame): Outcome {
    const { objectId, method, data, noReply = false } = frame.attrs;
    if (objectId === undefined || method === undefined) return 'INVALID_ARGUMENT';
    const object = this.#objects.get(objectId);
    if (object === undefined) return 'NOT_FOUND';
    if (object.client !== client) return 'PERMISSION_DENIED';
    const subscribers = [...object.subscribers];
    if (!noReply) {
      const attrs = { objectId, subscribers: subscribers.map(({ id }) => id), status: 0 };
      client.send({ type: 'STATUS', sequence: frame.sequence, peer: frame.peer, attrs });
    }
    for (const subscriber of subscribers) {
      const quiet = noReply ? { noReply } : {};
      const attrs = { ...quiet, objectId: subscriber.id, method, ...root };
      forward(client, subscriber, frame.sequence, data === undefined ? attrs : { ...attrs, data });
    }
    return undefined;
  }

  #answer(provider: Client, frame: Frame): void {
    const { objectId } = frame.attrs;
    const object = this.#objects.get(objectId ?? 0);
    if (objectId === undefined || object?.client !== provider) return;
    this.#clients.get(frame.peer)?.send({ ...frame, peer: objectId });
  }
}

const root = { user: 'root', group: 'root' };

function forward(from: Client, to: BusObject, sequence: number, attrs: Frame['attrs']): void {
  to.client.send({ type: 'INVOKE', sequence, peer: from.id, attrs });
}

function sendActive(target: BusObject, active: boolean): void {
  const attrs = { objectId: target.id, active };
  target.client.send({ type: 'NOTIFY', sequence: ++target.sequence & 0xffff, peer: 0, attrs });
}
