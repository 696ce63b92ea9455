/**
 * ubusd's events: named broadcasts to listeners that registered a name or a prefix.
 * In: registrations and events. Out: an INVOKE, whose method is the event's name, to each listener's object.
 * Specified in ubusd_event.c; the sequence is the recorded one, a host-order counter that nobody swaps.
 */
import { type BlobmsgField, jsonToFields } from '../../../agent/src/wire/blobmsg.ts';
import type { BusObject } from './objects.ts';

interface Registration {
  readonly object: BusObject;
  readonly pattern: string;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

export class EventPatterns {
  #registrations: Registration[] = [];
  #count = 0;

  register(object: BusObject, pattern: string): void {
    this.#registrations.push({ object, pattern });
  }

  forget(object: BusObject): void {
    this.#registrations = this.#registrations.filter((registration) => registration.object !== object);
  }

  send(name: string, data: readonly BlobmsgField[]): void {
    const heard = this.#registrations.filter(({ pattern }) => matches(pattern, name));
    if (heard.length === 0) return;
    this.#count = (this.#count + 1) & 0xffff;
    const sequence = ((this.#count & 0xff) << 8) | (this.#count >> 8);
    // A listener with two patterns that match hears the event once.
    for (const object of new Set(heard.map((registration) => registration.object))) {
      object.client.send({ type: 'INVOKE', sequence, peer: 0, attrs: { objectId: object.id, method: name, data } });
    }
  }

  /** An object came or went; its id travels as a signed integer. */
  announce(name: string, objectId: number, path: string): void {
    this.send(name, jsonToFields({ id: objectId | 0, path }));
  }
}
