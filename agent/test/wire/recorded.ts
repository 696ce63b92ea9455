/**
 * Conversations recorded between ubusd of OpenWrt 25.12 and its clients.
 * In: vectors/ubus-wire.json. Out: each message as bytes and as a plain reading of it.
 */
import recording from '../vectors/ubus-wire.json' with { type: 'json' };

/** One message as it passed, and what an independent decoder read in it. */
export interface Recorded {
  readonly scenario: string;
  readonly connection: number;
  readonly fromUbusd: boolean;
  readonly hex: string;
  readonly bytes: Uint8Array;
  readonly decoded: {
    readonly type: string;
    readonly seq: number;
    readonly peer: string;
    readonly attrs: readonly { readonly attr: string; readonly value: unknown }[];
  };
}

/** Bytes of hexadecimal text. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Hexadecimal text of bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Every recorded message, in order. */
export const recorded: readonly Recorded[] = Object.entries(recording.scenarios).flatMap(([scenario, messages]) =>
  messages.map((message) => ({
    scenario,
    connection: message.conn,
    fromUbusd: message.dir === 'ubusd->client',
    hex: message.hex,
    bytes: bytesOf(message.hex),
    decoded: message.decoded,
  })),
);
