// The hub alone, with plain sockets in the place of guests: what is carried where, and how it reads a byte stream.
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub, takeFrames, type Hub } from './hub.ts';

let hub: Hub;
let sockets: Socket[];

beforeEach(() => {
  hub = createHub(mkdtempSync(join(tmpdir(), 'hub-')));
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await hub.close();
});

function framed(...frames: string[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [Buffer.from([0, 0, 0, frame.length]), Buffer.from(frame)]));
}

interface Station {
  readonly socket: Socket;
  readonly got: string[];
}

async function plug(port: string): Promise<Station> {
  const socket = connect(hub.port(port));
  sockets.push(socket);
  const got: string[] = [];
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = takeFrames(Buffer.concat([rest, chunk]), (frame) => got.push(frame.toString()));
  });
  await once(socket, 'connect');
  return { socket, got };
}

/** Waits until a marker sent by the hub itself has come through to all, so that what was sent before it has too. */
async function settle(...stations: Station[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  hub.inject(Buffer.from('marker'));
  await expect.poll(() => stations.every((station) => station.got.includes('marker'))).toBe(true);
}

const without = (station: Station): string[] => station.got.filter((frame) => frame !== 'marker');

describe('what the hub carries', () => {
  it('carries a frame to every port but the one it came from, and to the witness', async () => {
    const [a, b, c] = [await plug('a'), await plug('b'), await plug('c')];
    const seen: string[] = [];
    hub.onFrame((port, frame) => seen.push(`${port}: ${frame.toString()}`));
    a.socket.write(framed('one', 'two'));
    await settle(a, b, c);
    expect([without(a), without(b), without(c)]).toEqual([[], ['one', 'two'], ['one', 'two']]);
    expect(seen).toEqual(['a: one', 'a: two']);
  });

  it('reads frames whatever pieces they arrive in', async () => {
    const [a, b] = [await plug('a'), await plug('b')];
    for (const byte of framed('one', 'two')) {
      a.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await settle(a, b);
    expect(without(b)).toEqual(['one', 'two']);
  });

  it('carries nothing from or to a port that is cut, and goes on when it is restored', async () => {
    const [a, b, c] = [await plug('a'), await plug('b'), await plug('c')];
    const seen: string[] = [];
    hub.onFrame((_, frame) => seen.push(frame.toString()));
    hub.cut('b');
    a.socket.write(framed('to the cut'));
    b.socket.write(framed('from the cut'));
    await settle(a, c);
    expect([without(a), b.got, without(c)]).toEqual([[], [], ['to the cut']]);
    expect(seen).toEqual(['to the cut']);
    hub.restore('b');
    a.socket.write(framed('after'));
    await settle(a, b, c);
    expect(without(b)).toEqual(['after']);
  });

  it('gives a port to the guest that connects last, as after a restart', async () => {
    const [a, old] = [await plug('a'), await plug('b')];
    const again = await plug('b');
    await once(old.socket, 'close');
    a.socket.write(framed('hello'));
    await settle(a, again);
    expect([old.got, without(again)]).toEqual([[], ['hello']]);
  });

  it('injects to one port only when asked to', async () => {
    const [a, b] = [await plug('a'), await plug('b')];
    hub.inject(Buffer.from('for a'), 'a');
    await settle(a, b);
    expect([without(a), without(b)]).toEqual([['for a'], []]);
  });

  it('stops telling a witness that was removed', async () => {
    const a = await plug('a');
    const seen: string[] = [];
    const remove = hub.onFrame((_, frame) => seen.push(frame.toString()));
    a.socket.write(framed('one'));
    await expect.poll(() => seen).toEqual(['one']);
    remove();
    a.socket.write(framed('two'));
    await settle(a);
    expect(seen).toEqual(['one']);
  });
});

describe('what the hub refuses', () => {
  it.each([
    ['a frame of no bytes', Buffer.from([0, 0, 0, 0])],
    ['a frame longer than any QEMU sends', Buffer.from([0, 1, 0x10, 1])],
  ])('%s', (_, bytes) => {
    expect(() => takeFrames(bytes, () => undefined)).toThrow(/wanted a frame of 1 to 69632 bytes, got/);
  });

  it('accepts the longest frame that QEMU sends', () => {
    const got: number[] = [];
    const rest = takeFrames(Buffer.concat([Buffer.from([0, 1, 0x10, 0]), Buffer.alloc(69632 + 3)]), (frame) =>
      got.push(frame.length),
    );
    expect([got, rest.length]).toEqual([[69632], 3]);
  });

  it('a port that was never made', () => {
    hub.port('a');
    expect(() => {
      hub.cut('b');
    }).toThrow('hub: wanted one of the ports a, got b');
  });

  it('a socket path that the kernel would cut short', () => {
    expect(() => hub.port('x'.repeat(120))).toThrow(/wanted a path of at most 107 bytes, got/);
  });
});
