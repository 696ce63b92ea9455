/**
 * What this side is on one session of ubusd: its objects and its subscriptions. A new session starts a new one.
 * In: objects to publish and to listen to. Out: answers, notifications, faults.
 * An object's id changes with each start of its owner; the events `ubus.object.add` and `ubus.object.remove` (ubusd_obj.c)
 * and UNSUBSCRIBE (libubus-sub.c) tell when.
 */
import { Fault, type JsonObject, messageOf } from '../control/ports.ts';
import {
  addListener,
  addObject,
  dataOf,
  idFromJson,
  registerEvents,
  replyStatus,
  subscribe,
} from '../wire/ubus-messages.ts';
import { type Frame, statusCode } from '../wire/ubus.ts';
import { answerInvocation, type UbusMethods } from './ubus-invocation.ts';
import { statusFault, type UbusSession } from './ubus-session.ts';

export type Listener = (event: string, data: JsonObject) => void;

/** A subscription: the object that we listen on, and what it listens to while that exists. */
interface Subscription {
  readonly object: string;
  readonly ownId: number;
  target: number | undefined;
}

/** How long ubusd itself may take for an answer. */
const answerMs = 5_000;

export class UbusPresence {
  readonly #session: UbusSession;
  readonly #onFault: (fault: Fault) => void;
  readonly #subscriptions = new Set<Subscription>();
  /** Names that are not ours yet: what to do when their owner goes. */
  readonly #onFreed = new Map<string, () => void>();

  constructor(session: UbusSession, onFault: (fault: Fault) => void) {
    this.#session = session;
    this.#onFault = onFault;
  }

  /** Listens to objects that come and go. First of all: what happens later must find us listening. Never rejects. */
  watch(): Promise<void> {
    return this.#reporting(async () => {
      const onEvent: Listener = (event, data) => this.#receiveEvent(event, data);
      const id = await this.#session.own('ubus.object', addListener, answerMs, (frame) =>
        this.#deliver('ubus.object', frame, onEvent),
      );
      await this.#request('ubus.object', (sequence) => registerEvents(sequence, id, 'ubus.object.*'));
    });
  }

  /** Publishes; a name that is taken is a fault, and is published once it is free. Never rejects. */
  publish(object: string, methods: UbusMethods): Promise<void> {
    return this.#reporting(async () => {
      // From before the request: what frees the name can come in the same chunk as the refusal.
      const freed = new Promise<void>((resolve) => this.#onFreed.set(object, resolve));
      try {
        await this.#add(object, methods);
        this.#onFreed.delete(object);
      } catch (error) {
        void freed.then(() => this.publish(object, methods));
        throw error;
      }
    });
  }

  /** Listens to an object, now or once it exists, each time it exists. Never rejects. */
  subscribe(object: string, listener: Listener): Promise<void> {
    return this.#reporting(async () => {
      const ownId = await this.#session.own(object, addListener, answerMs, (frame) => {
        if (frame.type === 'INVOKE') this.#deliver(object, frame, listener);
        else this.#receiveUnsubscribe(frame);
      });
      const subscription: Subscription = { object, ownId, target: undefined };
      this.#subscriptions.add(subscription);
      await this.#join(subscription);
    });
  }

  async #add(object: string, methods: UbusMethods): Promise<void> {
    const signature = Object.fromEntries(Object.entries(methods).map(([name, { policy }]) => [name, policy]));
    const send = (frame: Frame): void => this.#session.send(frame);
    const invoked = { object, methods, send, onFault: this.#onFault };
    const build = (sequence: number): Frame => addObject(sequence, object, signature);
    await this.#session.own(object, build, answerMs, (frame) => {
      if (frame.type === 'INVOKE') void answerInvocation(invoked, frame);
    });
  }

  async #join(subscription: Subscription): Promise<void> {
    const { object, ownId } = subscription;
    const target = await this.#session.find(object, answerMs, true);
    if (target === undefined || target === subscription.target) return;
    // Before the answer: of two attempts at the same time one must not subscribe a second time.
    subscription.target = target;
    try {
      await this.#request(object, (sequence) => subscribe(sequence, ownId, target));
    } catch (error) {
      if (subscription.target === target) subscription.target = undefined;
      // Gone again between lookup and subscription: its next `ubus.object.add` brings us back here.
      if (!(error instanceof Fault && error.code === 'UBUS_NOT_FOUND')) throw error;
    }
  }

  async #request(subject: string, build: (sequence: number) => Frame): Promise<void> {
    const { status } = await this.#session.request(subject, build, answerMs);
    if (status !== statusCode('OK')) throw statusFault(status, subject);
  }

  #receiveEvent(event: string, data: JsonObject): void {
    const { path } = data;
    if (typeof path !== 'string') return;
    if (event === 'ubus.object.add') this.#rejoin(({ object }) => object === path);
    if (event !== 'ubus.object.remove') return;
    const id = idFromJson(data['id']);
    if (id !== undefined) this.#session.abandon(id);
    this.#onFreed.get(path)?.();
  }

  #receiveUnsubscribe({ attrs }: Frame): void {
    const isLost = ({ ownId, target }: Subscription): boolean => ownId === attrs.objectId && target === attrs.target;
    for (const subscription of [...this.#subscriptions].filter(isLost)) {
      subscription.target = undefined;
      this.#rejoin((one) => one === subscription);
    }
  }

  #rejoin(isMeant: (subscription: Subscription) => boolean): void {
    for (const subscription of [...this.#subscriptions].filter(isMeant)) {
      void this.#reporting(() => this.#join(subscription));
    }
  }

  #deliver(object: string, frame: Frame, listener: Listener): void {
    const { objectId, method, noReply } = frame.attrs;
    let status = statusCode('OK');
    try {
      if (method !== undefined) listener(method, dataOf(frame));
    } catch (error) {
      const subject = `${object} ${method ?? ''}`;
      const got = messageOf(error);
      this.#onFault(new Fault('UBUS_UNKNOWN_ERROR', subject, `${subject}: wanted it heard, got ${got}`, error));
      status = statusCode('UNKNOWN_ERROR');
    }
    if (noReply !== true) this.#session.send(replyStatus(frame, status, objectId));
  }

  /** Runs a step of which nobody awaits the outcome. A ubusd that does not answer loses the session, which is retried. */
  async #reporting(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      // Whoever keeps the session reports its loss.
      if (error.code === 'UBUS_CONNECTION_FAILED') return;
      this.#onFault(error);
      if (error.code === 'UBUS_TIMEOUT') this.#session.close(error.message);
    }
  }
}
