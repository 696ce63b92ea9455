/**
 * The kernel's WireGuard by wg(8) and ip-link(8). In: settings. Out: the device as `wg show dump` has it.
 * The private key goes by its file's name; peers by deltas, so that no session but the changed one is touched.
 */
import { existsSync } from 'node:fs';
import type { WireGuard } from '../control/ports.ts';
import type { PeerGreeting, PeerSetting } from '../plan/peers.ts';
import { parseWgDump } from '../wire/wg-dump.ts';
import { run } from './run.ts';

/** Far below the 128 KiB that Linux takes as one argument list on any machine. */
const peersPerCall = 100;

function peerArguments({ publicKey, allowedIps, keepaliveS, endpoint }: PeerSetting): readonly string[] {
  const at = endpoint === undefined ? [] : ['endpoint', endpoint];
  const rest = ['persistent-keepalive', String(keepaliveS), 'allowed-ips', allowedIps.join(',')];
  return ['peer', publicKey, ...at, ...rest];
}

/** A keepalive that is turned on is sent at once (device.c, set_peer), and without a session a handshake goes before it. */
function greetingArguments({ publicKey, keepaliveS }: PeerGreeting): readonly string[] {
  return [0, Math.max(1, keepaliveS), keepaliveS].flatMap((each) => [
    'peer',
    publicKey,
    'persistent-keepalive',
    String(each),
  ]);
}

async function setInChunks<Item>(
  name: string,
  items: readonly Item[],
  toArguments: (item: Item) => readonly string[],
): Promise<void> {
  for (let at = 0; at < items.length; at += peersPerCall) {
    await run('wg', ['set', name, ...items.slice(at, at + peersPerCall).flatMap(toArguments)]);
  }
}

export function connectWireGuard(privateKeyPath: string): WireGuard {
  return {
    device: async (name) =>
      existsSync(`/sys/class/net/${name}`) ? parseWgDump(await run('wg', ['show', name, 'dump'])) : undefined,
    create: async (name) => {
      await run('ip', ['link', 'add', 'dev', name, 'type', 'wireguard']);
    },
    remove: async (name) => {
      await run('ip', ['link', 'del', 'dev', name]);
    },
    configure: async (name, { listenPort, mtu, mark }) => {
      await run('ip', ['link', 'set', 'dev', name, 'mtu', String(mtu)]);
      const port = ['listen-port', String(listenPort), 'fwmark', String(mark)];
      await run('wg', ['set', name, ...port, 'private-key', privateKeyPath]);
    },
    setPeers: (name, peers) => setInChunks(name, peers, peerArguments),
    greetPeers: (name, peers) => setInChunks(name, peers, greetingArguments),
    removePeers: (name, keys) => setInChunks(name, keys, (key) => ['peer', key, 'remove']),
  };
}
