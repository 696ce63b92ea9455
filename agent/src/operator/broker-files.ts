/**
 * `broker-config mosquitto`: files for a broker that serves this network. In: users with files of their passwords, TLS
 * files as the broker will see them. Out: mosquitto.conf, acl and passwords in a folder.
 */
import { resolve } from 'node:path';
import type { Given, Options } from './args.ts';
import { mosquittoConfig, parsePath, pathWords } from './broker-config.ts';
import type { BrokerUser, MosquittoFiles, MosquittoSettings, MosquittoTls } from './broker-config.ts';
import { replaceContent } from './folder.ts';
import { readPassword } from './login.ts';
import { fail, misuse } from './refused.ts';
import { readSettings } from './settings.ts';
import type { Answer, Call } from './surroundings.ts';

export const brokerConfigOptions = {
  out: { value: 'DIR', required: true, help: 'where the files are written' },
  folder: { value: 'DIR', help: 'where the broker will find them (default: what --out says)' },
  port: { value: 'PORT', help: 'where it listens (default: 8883, with --plain 1883)' },
  router: { value: 'USER=FILE', many: true, required: true, help: 'a user for routers, and the file of its password' },
  operator: { value: 'USER=FILE', many: true, required: true, help: 'a user that may publish, and its password' },
  'tls-ca': { value: 'FILE', help: "path, at the broker, of the CA's certificate" },
  'tls-cert': { value: 'FILE', help: "path, at the broker, of the broker's certificate" },
  'tls-key': { value: 'FILE', help: "path, at the broker, of the broker's key" },
  plain: { help: 'no TLS: passwords and messages in the clear' },
  persistence: { value: 'DIR', help: 'where, at the broker, retained messages outlive it' },
} satisfies Options;

const maxPort = 65_535;

function users({ given }: Call, role: BrokerUser['role']): readonly BrokerUser[] {
  const pairs = given.parsedAll(role, 'USER=FILE', (text) => {
    const [, name, file] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    return name === undefined || file === undefined ? undefined : { name, file };
  });
  return pairs.map(({ name, file }) => ({ name, role, password: readPassword(file) }));
}

function pathAt(given: Given, name: string): string | undefined {
  return given.parsed(name, `${pathWords}, as the broker sees it,`, parsePath);
}

function tlsOf({ given }: Call): MosquittoTls | undefined {
  const [caFile, certFile, keyFile] = ['tls-ca', 'tls-cert', 'tls-key'].map((name) => pathAt(given, name));
  const some = (caFile ?? certFile ?? keyFile) !== undefined;
  if (given.flag('plain') && some) misuse('wanted TLS files or --plain, got both');
  if (given.flag('plain')) return undefined;
  if (caFile === undefined || certFile === undefined || keyFile === undefined) {
    misuse(`wanted --tls-ca, --tls-cert and --tls-key, or --plain, got ${some ? 'some of them' : 'none'}`);
  }
  return { caFile, certFile, keyFile };
}

function parsePort(text: string): number | undefined {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= maxPort ? Number(text) : undefined;
}

function filesOf(settings: MosquittoSettings): MosquittoFiles {
  try {
    return mosquittoConfig(settings);
  } catch (error) {
    if (error instanceof RangeError) fail('bad-value', error.message);
    throw error;
  }
}

/** Hashes of passwords are nobody's business but the broker's. Gives whether root alone can read them now. */
function write(out: string, files: MosquittoFiles): boolean {
  replaceContent(resolve(out, 'mosquitto.conf'), files['mosquitto.conf'], 0o644);
  replaceContent(resolve(out, 'acl'), files.acl, 0o644);
  return !replaceContent(resolve(out, 'passwords'), files.passwords, 0o600) && process.getuid?.() === 0;
}

export async function brokerConfig(call: Call): Promise<Answer> {
  const { folder, given } = call;
  const { network } = readSettings(folder);
  const tls = tlsOf(call);
  const out = resolve(given.text('out') ?? '.');
  const atBroker = pathAt(given, 'folder') ?? out;
  const persistenceFolder = pathAt(given, 'persistence');
  const files = filesOf({
    listenPort: given.parsed('port', `a port of 1 to ${maxPort}`, parsePort) ?? (tls === undefined ? 1883 : 8883),
    folder: atBroker,
    network,
    tls,
    users: [...users(call, 'router'), ...users(call, 'operator')],
    ...(persistenceFolder === undefined ? {} : { persistenceFolder }),
  });
  const isOfRoot = write(out, files);
  const written = Object.keys(files).map((name) => resolve(out, name));
  const toRead = `the broker's user must be able to read the passwords: chown mosquitto: ${atBroker}/passwords`;
  const warnings = [
    ...(tls === undefined ? ['without TLS, passwords and messages cross the network in the clear'] : []),
    ...(persistenceFolder === undefined
      ? ['without --persistence, the broker forgets all that is published when it stops, until it is published again']
      : []),
    ...(isOfRoot ? [toRead] : []),
  ];
  return { lines: written.map((path) => `wrote ${path}`), warnings, value: { files: written } };
}
