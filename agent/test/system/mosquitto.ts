/**
 * A real mosquitto under a configuration of ours, in a temporary folder with certificates made for it.
 * Fails with a clear message where mosquitto or openssl is missing: bundle/prepare.sh installs them.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { mosquittoConfig, type MosquittoSettings } from '../../src/operator/broker-config.ts';

export const mosquittoPath = '/usr/sbin/mosquitto';

export function run(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`wanted ${command} ${args.join(' ')} to succeed, got ${String(error)}`, { cause: error });
  }
}

export interface Certificates {
  readonly folder: string;
  readonly ca: string;
  /** Makes a certificate and its key, and gives their paths. */
  issue(name: string, altNames: string): { certFile: string; keyFile: string };
  text(file: string): string;
}

function selfSigned(folder: string, name: string): void {
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)];
  run('openssl', ['req', '-x509', '-days', '2', '-subj', `/CN=${name}`, ...newKey, ...files]);
}
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeCertificates(folder: string): Certificates {
  selfSigned(folder, 'ca');
  const text = (file: string): string => readFileSync(file, 'utf8');
  return {
    folder,
    ca: text(join(folder, 'ca.pem')),
    text,
    issue: (name, altNames) => {
      const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
      const signedBy = ['-CA', join(folder, 'ca.pem'), '-CAkey', join(folder, 'ca.key')];
      const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${altNames}`];
      const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
      run('openssl', [
        ...['req', '-x509', '-days', '2', ...subject, ...leaf, ...newKey, ...signedBy],
        ...['-keyout', keyFile, '-out', certFile],
      ]);
      return { certFile, keyFile };
    },
  };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'rustynet-mosquitto-'));
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

export interface Mosquitto {
  readonly port: number;
  readonly log: () => string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Writes the configuration into `folder` and starts mosquitto with it. */
export async function startMosquitto(
  folder: string,
  settings: Omit<MosquittoSettings, 'folder' | 'listenPort'>,
): Promise<Mosquitto> {
  if (!existsSync(mosquittoPath)) {
    throw new Error(`wanted Debian's mosquitto at ${mosquittoPath}, got none: run sh bundle/prepare.sh`);
  }
  const port = await freePort();
  if (settings.persistenceFolder !== undefined) mkdirSync(settings.persistenceFolder, { recursive: true });
  const files = mosquittoConfig({ ...settings, folder, listenPort: port });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  // Started by root it would become a user who cannot read this folder.
  writeFileSync(join(folder, 'mosquitto.conf'), `${files['mosquitto.conf']}user ${userInfo().username}\n`);
  let child: ChildProcess | undefined;
  let log = '';
  const start = async (): Promise<void> => {
    const started = spawn(mosquittoPath, ['-c', join(folder, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    started.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    child = started;
    for (let tries = 0; !(await accepts(port)); tries += 1) {
      if (started.exitCode !== null || tries > 500) throw new Error(`wanted mosquitto on port ${port}, got: ${log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      if (child === undefined || child.exitCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
    });
  await start();
  return { port, log: () => log, start, stop };
}

/** A wire between client and broker that can be cut. */
export async function startWire(toPort: number): Promise<{ port: number; cut(): void; stop(): Promise<void> }> {
  const ends = new Set<Socket>();
  const keep = (end: Socket): void => {
    ends.add(end);
    end.on('error', () => undefined);
    end.on('close', () => ends.delete(end));
  };
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    keep(near);
    keep(far);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => ends.forEach((end) => end.destroy());
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      cut();
    });
  return { port: (server.address() as AddressInfo).port, cut, stop };
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
