/**
 * `init`: a new network. In: a name, a broker, a passphrase. Out: a folder with two new key pairs and root version 1.
 * network.json is written last: a folder with it is whole.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { deriveUla, parseCidr, rangeOf } from '../trust/ip.ts';
import { parseBrokerUrl } from '../trust/invite.ts';
import { rootType } from '../trust/limits.ts';
import { encodeRoot, verifyPinnedRoot } from '../trust/root.ts';
import type { Cidr, NetworkId, Root } from '../trust/types.ts';
import { digestOf, parseLabel } from '../trust/words.ts';
import type { Given, Options } from './args.ts';
import { checkedContent, membersFile, policyFile, writeMembers, writePolicy } from './content.ts';
import type { Folder } from './folder.ts';
import { keyFile, newPassphrase, newSigner, passphraseOption, sealKey, signedBy } from './keys.ts';
import { workFactor, workFactorOption, type Signer } from './keys.ts';
import { defaultMapLifetimeS, defaultRootLifetimeS, mapLifetimeOption, mapLifetimeS } from './lifetimes.ts';
import { rootLifetimeOption, rootLifetimeS } from './lifetimes.ts';
import { chosenResolvers, chosenZone, resolverOption } from './names.ts';
import { believed, fail } from './refused.ts';
import { settingsFile, writeSettings, type Settings } from './settings.ts';
import { rootFile } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatDuration, formatTime } from './times.ts';

export const initOptions = {
  name: { value: 'NAME', required: true, help: 'name of the network, a label as in a host name' },
  broker: { value: 'URL', required: true, help: 'mqtt://host[:port] or mqtts://host[:port]' },
  range: { value: 'CIDR', help: 'IPv4 range of the mesh (default: a random 10.x.0.0/16)' },
  zone: { value: 'ZONE', help: 'domain of the names (default: NAME.mesh.internal)' },
  resolver: resolverOption,
  lifetime: mapLifetimeOption(formatDuration(defaultMapLifetimeS)),
  'root-lifetime': rootLifetimeOption(formatDuration(defaultRootLifetimeS)),
  'work-factor': workFactorOption,
  'passphrase-file': passphraseOption,
} satisfies Options;

/** Room for two members at least, and not more than a /8: nobody means to route half the internet. */
function parseRange(text: string): Cidr | undefined {
  const range = parseCidr(text);
  const length = Number(text.split('/')[1]);
  return range !== undefined && rangeOf(range).family === 4 && length >= 8 && length <= 30 ? range : undefined;
}

type Chosen = Omit<Settings, 'rootDigest' | 'epoch'>;

function chosenSettings(given: Given, createdUnixS: number): Chosen {
  const network = randomBytes(16).toString('hex') as NetworkId;
  const name = given.parsedNeeded('name', 'a label of RFC 1123, lower case,', parseLabel);
  const range = given.parsed('range', 'an IPv4 prefix from /8 to /30 without host bits', parseRange);
  return {
    network,
    name,
    createdUnixS,
    ranges: [range ?? (`10.${randomInt(256)}.0.0/16` as Cidr), deriveUla(network)],
    zone: chosenZone(given) ?? `${name}.mesh.internal`,
    resolvers: chosenResolvers(given),
    brokerUrl: given.parsedNeeded('broker', 'mqtt://host[:port] or mqtts://host[:port]', parseBrokerUrl),
    lifetimeS: mapLifetimeS(given) ?? defaultMapLifetimeS,
  };
}

function requireNoNetwork(folder: Folder): void {
  for (const name of [settingsFile, keyFile('root'), keyFile('map'), rootFile(1), membersFile, policyFile]) {
    if (folder.has(name)) fail('exists', `wanted a folder without a network, got ${folder.pathOf(name)}`);
  }
}

export async function init(call: Call): Promise<Answer> {
  const { folder, given, around } = call;
  const nowUnixS = around.nowUnixS();
  const chosen = chosenSettings(given, nowUnixS);
  const expiresUnixS = nowUnixS + (rootLifetimeS(given) ?? defaultRootLifetimeS);
  const factor = workFactor(given);
  requireNoNetwork(folder);
  const secret = await newPassphrase(call);
  const { root, envelope, sealed } = await newRoot(chosen, expiresUnixS, secret, factor);
  const settings = { ...chosen, rootDigest: digestOf(encodeRoot(root)), epoch: 0 };
  believed(verifyPinnedRoot(envelope, settings.rootDigest, settings.network), rootFile(1));
  checkedContent(settings, { members: [], rules: [], exits: [] });
  for (const [role, file] of sealed) folder.writeNew(keyFile(role), file, 0o600);
  folder.writeNew(rootFile(1), envelope);
  writeMembers(folder, []);
  writePolicy(folder, { rules: [], exits: [], tests: [] });
  writeSettings(folder, settings);
  return answerOf(folder, settings, root);
}

async function newRoot(chosen: Chosen, expiresUnixS: number, passphrase: string, factor: number) {
  const owner = newSigner();
  const maps = newSigner();
  const role = ({ key }: Signer) => ({ keys: [key], threshold: 1 });
  const root: Root = { network: chosen.network, version: 1, expiresUnixS, root: role(owner), map: role(maps) };
  const sealed = [
    ['root', await sealKey(owner, 'root', chosen.network, passphrase, factor)],
    ['map', await sealKey(maps, 'map', chosen.network, passphrase, factor)],
  ] as const;
  return { root, envelope: signedBy([owner], rootType, encodeRoot(root)), sealed };
}

function answerOf(folder: Folder, settings: Settings, root: Root): Answer {
  const { network, name, ranges, zone, brokerUrl } = settings;
  return {
    lines: [
      `made network ${name} (${network}) in ${folder.path}`,
      `ranges ${ranges.join(' ')}, zone ${zone}, broker ${brokerUrl}`,
      `the root holds until ${formatTime(root.expiresUnixS)}`,
      `no policy yet: members reach nobody until "policy set" allows it`,
      `next: broker-config, invite, approve or serve, policy set, sign, publish`,
    ],
    value: {
      folder: folder.path,
      network,
      name,
      ranges,
      zone,
      broker: { url: brokerUrl },
      rootExpires: root.expiresUnixS,
    },
  };
}
