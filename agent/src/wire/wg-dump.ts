/**
 * `wg show <interface> dump`. In: its text. Out: the device and its peers; the private key, which is the first column,
 * is left where it is. Specified in wg(8): tab-separated, the device's line first.
 */
import { WireError } from './error.ts';

export interface WgPeer {
  readonly publicKey: string;
  /** `address:port` as the kernel has it, `undefined` before it is known. */
  readonly endpoint?: string;
  readonly allowedIps: readonly string[];
  /** 0 before the first handshake. */
  readonly latestHandshakeUnixS: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** 0 when off. */
  readonly keepaliveS: number;
}
export interface WgDevice {
  /** `undefined` while the device has no private key. */
  readonly publicKey?: string;
  readonly listenPort: number;
  /** Of the packets that WireGuard sends; 0 is none. */
  readonly mark: number;
  readonly peers: readonly WgPeer[];
}

function fieldsOf(line: string, count: number, index: number): readonly string[] {
  const fields = line.split('\t');
  if (fields.length !== count) {
    throw new WireError('malformed', `wanted ${count} fields in line ${index + 1} of wg's dump, got ${fields.length}`);
  }
  return fields;
}

function count(text: string, what: string): number {
  if (!/^[0-9]{1,16}$/.test(text)) throw new WireError('malformed', `wanted ${what} in wg's dump, got ${text}`);
  return Number(text);
}

function hex(text: string): number {
  if (!/^0x[0-9a-f]{1,8}$/.test(text)) throw new WireError('malformed', `wanted a mark in wg's dump, got ${text}`);
  return Number(text);
}

function parsePeer(line: string, index: number): WgPeer {
  const [publicKey = '', , endpoint = '', allowed = '', handshake = '', received = '', sent = '', keepalive = ''] =
    fieldsOf(line, 8, index);
  return {
    publicKey,
    ...(endpoint === '(none)' ? {} : { endpoint }),
    allowedIps: allowed === '(none)' ? [] : allowed.split(','),
    latestHandshakeUnixS: count(handshake, 'a handshake time'),
    receivedBytes: count(received, 'received bytes'),
    sentBytes: count(sent, 'sent bytes'),
    keepaliveS: keepalive === 'off' ? 0 : count(keepalive, 'a keepalive'),
  };
}

/** Throws WireError `malformed` for text that is not one device's dump. */
export function parseWgDump(text: string): WgDevice {
  const [first = '', ...rest] = text.split('\n').filter((line) => line !== '');
  const [, publicKey = '', port = '', mark = ''] = fieldsOf(first, 4, 0);
  return {
    ...(publicKey === '(none)' ? {} : { publicKey }),
    listenPort: count(port, 'a port'),
    mark: mark === 'off' ? 0 : hex(mark),
    peers: rest.map((line, index) => parsePeer(line, index + 1)),
  };
}
