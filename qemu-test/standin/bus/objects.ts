/**
 * What ubusd keeps of a client and of an object.
 * In: nothing. Out: the types, and ids as ubusd gives them: random, above those of its own objects.
 * Specified in ubusd_id.c and ubusd_obj.h.
 */
import { randomInt } from 'node:crypto';
import type { Frame } from '../../../agent/src/wire/ubus.ts';

export interface Client {
  readonly id: number;
  readonly send: (frame: Frame) => void;
  readonly objects: Set<BusObject>;
}

export interface BusObject {
  readonly id: number;
  /** Listeners have none. */
  readonly path: string | undefined;
  readonly typeId: number | undefined;
  readonly signature: Frame['attrs']['signature'] | undefined;
  readonly client: Client;
  readonly subscribers: Set<BusObject>;
  readonly targets: Set<BusObject>;
  /** Counts what ubusd itself sends about this object. */
  sequence: number;
}

/** UBUS_SYSTEM_OBJECT_MAX: ids up to here are ubusd's own. */
const systemObjects = 1024;

/** An id that nobody in `taken` has. */
export function newId(taken: ReadonlyMap<number, unknown>): number {
  for (;;) {
    const id = randomInt(systemObjects + 1, 0x1_0000_0000);
    if (!taken.has(id)) return id;
  }
}
