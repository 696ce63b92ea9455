/**
 * A ubusd for tests: routes between the clients of a unix socket as ubusd_proto.c, ubusd_obj.c and ubusd_event.c do.
 * In: frames of clients. Out: frames to clients, and a record of what came. Without access lists and monitors.
 */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dataOf, eventObjectId, hello, idFromJson, invoke, replyStatus } from '../../src/wire/ubus-messages.ts';
import { frameStream } from '../../src/wire/ubus-stream.ts';
import { decodeFrame, encodeFrame, type Frame, type FrameAttrs, type StatusName } from '../../src/wire/ubus.ts';
import type { JsonTable } from '../../src/wire/blobmsg.ts';

export interface Client {
  readonly id: number;
  readonly socket: Socket;
  readonly received: { readonly frame: Frame; readonly bytes: Uint8Array }[];
}
interface Owned {
  readonly id: number;
  readonly owner: Client;
  readonly path: string | undefined;
  readonly signature: FrameAttrs['signature'];
  readonly subscribers: Set<number>;
  readonly patterns: string[];
}

/** What ubusd does instead of its work. */
export type Mood = 'works' | 'greets no one' | 'answers no one' | 'hangs up after the greeting';

export class FakeUbusd {
  readonly path: string;
  /** Ids that the next objects get; after them, counted ones. */
  readonly nextIds: number[] = [];
  mood: Mood = 'works';
  /** What the next subscriptions are told instead of being made. */
  readonly refusals: StatusName[] = [];
  /** Connections since the first start. */
  accepted = 0;
  clients: Client[] = [];
  #objects: Owned[] = [];
  #server: Server | undefined;
  #lastId = 0x8000_0000;

  constructor(path: string) {
    this.path = path;
  }

  async start(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  /** As a crash: connections break, the socket is gone. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.hangUp();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    rmSync(this.path, { force: true });
    this.clients = [];
    this.#objects = [];
  }

  idOf(path: string): number | undefined {
    return this.#objects.find((object) => object.path === path)?.id;
  }

  /** The ids that listen to an object. */
  subscribersOf(path: string): readonly number[] {
    return [...(this.#objects.find((object) => object.path === path)?.subscribers ?? [])];
  }

  ownerOf(path: string): Client | undefined {
    return this.#objects.find((object) => object.path === path)?.owner;
  }

  /** What the clients that are here have sent. */
  sent(isMeant: (frame: Frame) => boolean): readonly Frame[] {
    return this.clients.flatMap(({ received }) => received.map(({ frame }) => frame)).filter(isMeant);
  }

  /** Breaks every connection; ubusd itself stays. */
  hangUp(): void {
    for (const { socket } of this.clients) socket.destroy();
  }

  /** Gives a path to another object of the same owner, and no client a hint of it. */
  repointInSilence(path: string, id: number): void {
    this.#objects = this.#objects
      .filter((object) => object.id !== id)
      .map((object) => (object.path === path ? { ...object, id } : object));
  }

  /** Takes every subscriber off an object that stays. */
  unsubscribeAll(path: string): void {
    const target = this.#objects.find((object) => object.path === path);
    if (target !== undefined) this.#dropSubscribers(target);
  }

  #newId(): number {
    return this.nextIds.shift() ?? ++this.#lastId;
  }

  #accept(socket: Socket): void {
    this.accepted++;
    const client: Client = { id: ++this.#lastId, socket, received: [] };
    this.clients.push(client);
    const stream = frameStream();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#leave(client));
    socket.on('data', (chunk) => {
      for (const bytes of stream.push(chunk)) {
        const frame = decodeFrame(bytes);
        client.received.push({ frame, bytes });
        if (this.mood !== 'answers no one') this.#receive(client, frame);
      }
    });
    if (this.mood !== 'greets no one') this.send(client, hello(client.id));
    if (this.mood === 'hangs up after the greeting') socket.end();
  }

  send(client: Client | undefined, frame: Frame): void {
    if (client?.socket.writable === true) client.socket.write(encodeFrame(frame));
  }

  #leave(client: Client): void {
    this.clients = this.clients.filter((other) => other !== client);
    for (const object of this.#objects.filter(({ owner }) => owner === client)) this.#remove(object);
  }

  #remove(object: Owned): void {
    this.#objects = this.#objects.filter((other) => other !== object);
    for (const other of this.#objects) other.subscribers.delete(object.id);
    this.#dropSubscribers(object);
    if (object.path !== undefined) {
      this.#broadcast(undefined, 'ubus.object.remove', { id: object.id | 0, path: object.path });
    }
  }

  #dropSubscribers(target: Owned): void {
    for (const id of target.subscribers) {
      const attrs = { objectId: id, target: target.id };
      this.send(this.#find(id)?.owner, { type: 'UNSUBSCRIBE', sequence: 1, peer: 0, attrs });
    }
    target.subscribers.clear();
  }

  #find(id: number | undefined): Owned | undefined {
    return this.#objects.find((object) => object.id === id);
  }

  #receive(client: Client, frame: Frame): void {
    const status = this.#handle(client, frame);
    if (status !== undefined) this.send(client, replyStatus(frame, status));
  }

  #handle(client: Client, frame: Frame): StatusName | undefined {
    const { type } = frame;
    if (type === 'LOOKUP') return this.#lookUp(client, frame);
    if (type === 'ADD_OBJECT') return this.#add(client, frame);
    if (type === 'SUBSCRIBE') return this.#subscribe(client, frame);
    if (type === 'NOTIFY') return this.#notify(client, frame);
    if (type === 'STATUS' || type === 'DATA') return this.#forwardReply(client, frame);
    if (type !== 'INVOKE') return 'INVALID_COMMAND';
    return frame.attrs.objectId === eventObjectId ? this.#manageEvents(client, frame) : this.#invoke(client, frame);
  }

  #lookUp(client: Client, frame: Frame): StatusName {
    const found = this.#objects.filter(({ path }) => path !== undefined && path === frame.attrs.objectPath);
    for (const { id, path = '', signature = [] } of found) {
      const attrs = { objectPath: path, objectId: id, objectType: 1, signature };
      this.send(client, { ...frame, type: 'DATA', attrs });
    }
    return found.length === 0 ? 'NOT_FOUND' : 'OK';
  }

  #add(client: Client, frame: Frame): StatusName {
    const { objectPath: path, signature } = frame.attrs;
    if (path !== undefined && this.idOf(path) !== undefined) return 'INVALID_ARGUMENT';
    const object = { id: this.#newId(), owner: client, path, signature, subscribers: new Set<number>(), patterns: [] };
    this.#objects.push(object);
    const attrs = path === undefined ? { objectId: object.id } : { objectId: object.id, objectType: 1 };
    if (path !== undefined) this.#broadcast(undefined, 'ubus.object.add', { id: object.id | 0, path });
    this.send(client, { ...frame, type: 'DATA', attrs });
    return 'OK';
  }

  #invoke(client: Client, frame: Frame): StatusName | undefined {
    const { objectId, method, data = [] } = frame.attrs;
    const object = this.#find(objectId);
    if (objectId === undefined || method === undefined) return 'INVALID_ARGUMENT';
    if (object === undefined) return 'NOT_FOUND';
    const attrs = { objectId, method, user: 'root', group: 'root', data };
    this.send(object.owner, { ...frame, peer: client.id, attrs });
    return undefined;
  }

  #manageEvents(client: Client, frame: Frame): StatusName {
    const data = dataOf(frame);
    if (frame.attrs.method === 'register') {
      this.#find(idFromJson(data['object']))?.patterns.push(String(data['pattern']));
      return 'OK';
    }
    this.#broadcast(client, String(data['id']), data['data'] as JsonTable);
    return 'OK';
  }

  #broadcast(sender: Client | undefined, event: string, data: JsonTable): void {
    for (const { id, owner, patterns } of this.#objects) {
      const isMatch = (pattern: string): boolean =>
        pattern.endsWith('*') ? event.startsWith(pattern.slice(0, -1)) : event === pattern;
      if (owner !== sender && patterns.some(isMatch)) this.send(owner, { ...invoke(256, id, event, data), peer: 0 });
    }
  }

  #subscribe(client: Client, frame: Frame): StatusName {
    const { objectId, target: targetId } = frame.attrs;
    const target = this.#find(targetId);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    if (objectId === undefined || target === undefined) return 'NOT_FOUND';
    if (target.owner === client) return 'INVALID_ARGUMENT';
    target.subscribers.add(objectId);
    return 'OK';
  }

  #notify(client: Client, frame: Frame): StatusName {
    const { objectId, method = '', data = [] } = frame.attrs;
    for (const id of this.#find(objectId)?.subscribers ?? []) {
      const attrs = { objectId: id, method, user: 'root', group: 'root', data };
      this.send(this.#find(id)?.owner, { type: 'INVOKE', sequence: frame.sequence, peer: client.id, attrs });
    }
    return 'OK';
  }

  #forwardReply(client: Client, frame: Frame): undefined {
    const { objectId } = frame.attrs;
    if (objectId === undefined || this.#find(objectId)?.owner !== client) return;
    this.send(
      this.clients.find(({ id }) => id === frame.peer),
      { ...frame, peer: objectId },
    );
  }
}
