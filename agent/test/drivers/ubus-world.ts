/**
 * A ubusd, clients of it, and what they complained about, for one test at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach } from 'vitest';
import type { Fault, Ubus } from '../../src/control/ports.ts';
import { UbusSession } from '../../src/drivers/ubus-session.ts';
import { connectUbus } from '../../src/drivers/ubus.ts';
import { notify } from '../../src/wire/ubus-messages.ts';
import { FakeUbusd } from './fake-ubusd.ts';

export interface UbusWorld {
  readonly ubusd: FakeUbusd;
  /** Faults of the clients of `connect`, in order. */
  readonly faults: Fault[];
  connect(connectMs?: number): Ubus;
  /** A connection without any of the behaviour under test. */
  connectRaw(): Promise<UbusSession>;
}

/** A fresh world for each test of the file, which ends with the test. */
export function ubusWorld(): () => UbusWorld {
  let world: UbusWorld | undefined;
  const ends: (() => void)[] = [];

  beforeEach(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ubus-'));
    const ubusd = new FakeUbusd(join(folder, 'ubus.sock'));
    await ubusd.start();
    ends.push(() => rmSync(folder, { recursive: true }));
    const faults: Fault[] = [];
    const connect = (connectMs = Infinity): Ubus => {
      const ubus = connectUbus({ path: ubusd.path, connectMs, onFault: (fault) => faults.push(fault) });
      ends.push(() => ubus.close());
      return ubus;
    };
    const connectRaw = (): Promise<UbusSession> =>
      new Promise((resolve, reject) => {
        const session = new UbusSession(ubusd.path, { onReady: resolve, onClose: reject, onFault: reject });
        ends.push(() => session.close());
      });
    world = { ubusd, faults, connect, connectRaw };
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) end();
    await world?.ubusd.stop();
  });

  return () => {
    if (world === undefined) throw new Error('wanted to be asked inside a test, got asked before');
    return world;
  };
}

/** Waits in real time, whatever the test did to the clock. */
export async function until(what: string, isTrue: () => boolean, limitTurns = 200_000): Promise<void> {
  for (let turn = 0; turn < limitTurns; turn++) {
    if (isTrue()) return;
    await setImmediate();
  }
  throw new Error(`wanted ${what}, got none of it in ${limitTurns} turns`);
}

/** Notifies the subscribers of one's own object. */
export async function notifyFrom(owner: UbusSession, id: number, event: string, data: { n: number }): Promise<void> {
  await owner.request(event, (sequence) => notify(sequence, id, event, data), 1_000);
}
