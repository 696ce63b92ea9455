/**
 * network.json: what is decided once for a network. In: the folder. Out: checked settings, strictly read, because people
 * edit this file. `epoch` is the highest that was ever signed here, so that it never comes twice.
 */
import { readJson } from '../trust/json.ts';
import { parseCidr } from '../trust/ip.ts';
import { parseBrokerUrl } from '../trust/invite.ts';
import { maxMapLifetimeS, maxResolvers, maxVersion, minMapLifetimeS } from '../trust/limits.ts';
import { isRefusal, refusing } from '../trust/refuse.ts';
import { integer, list, record, set, text } from '../trust/shape.ts';
import type { Cidr, Digest, Ip, NetworkId } from '../trust/types.ts';
import { parseDigest, parseHostname, parseLabel, parseNetworkId } from '../trust/words.ts';
import { prettyJson, type Folder } from './folder.ts';
import { lineOfDetail, lineOfPath } from './json-lines.ts';
import { believed, fail, placeOf } from './refused.ts';
import { parseResolver, requireFreeZone } from './zone.ts';

export interface Settings {
  readonly network: NetworkId;
  readonly name: string;
  readonly createdUnixS: number;
  /** One IPv4 range and the network's ULA. */
  readonly ranges: readonly Cidr[];
  readonly zone: string;
  readonly resolvers: readonly Ip[];
  readonly brokerUrl: string;
  readonly lifetimeS: number;
  /** Of root version 1: what `verify` begins with. */
  readonly rootDigest: Digest;
  readonly epoch: number;
}

export const settingsFile = 'network.json';
const maxSettingsBytes = 64 * 1024;
const shape = record({
  format: integer(1, 1),
  network: text('a network id, 32 hex digits', parseNetworkId),
  name: text('a label of RFC 1123, lower case', parseLabel),
  createdUnixS: integer(0, Number.MAX_SAFE_INTEGER),
  ranges: list(text('a prefix without host bits', parseCidr), 2, 2),
  zone: text('a domain name', parseHostname),
  resolvers: set(text('the address of a DNS server behind an exit', parseResolver), 0, maxResolvers),
  broker: record({ url: text('mqtt://host[:port] or mqtts://host[:port]', parseBrokerUrl) }),
  lifetimeS: integer(minMapLifetimeS, maxMapLifetimeS),
  rootDigest: text('a SHA-256, hex', parseDigest),
  epoch: integer(0, maxVersion),
});

export function readSettings(folder: Folder): Settings {
  const bytes = folder.read(settingsFile);
  if (bytes === undefined) {
    fail('no-network', `wanted a network in ${folder.path} (${settingsFile}), got none: run init, or give --network`);
  }
  const written = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const read = refusing(() => shape(readJson(bytes, maxSettingsBytes), '$'));
  const fields = believed(
    read,
    placeOf(settingsFile, isRefusal(read) ? lineOfDetail(written, read.detail) : undefined),
  );
  requireFreeZone(fields.zone, placeOf(settingsFile, lineOfPath(written, '$.zone')));
  const { network, name, createdUnixS, ranges, zone, resolvers, broker, lifetimeS, rootDigest, epoch } = fields;
  const brokerUrl = broker.url;
  return { network, name, createdUnixS, ranges, zone, resolvers, brokerUrl, lifetimeS, rootDigest, epoch };
}

export function writeSettings(folder: Folder, settings: Settings): void {
  const { network, name, createdUnixS, ranges, zone, resolvers, brokerUrl, lifetimeS, rootDigest, epoch } = settings;
  const decided = { network, name, createdUnixS, ranges, zone, resolvers, broker: { url: brokerUrl }, lifetimeS };
  const fields = { format: 1, ...decided, rootDigest, epoch };
  folder.write(settingsFile, prettyJson(fields));
}
