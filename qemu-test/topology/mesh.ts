// A whole network in emulation: an operator's folder, a broker on the WAN, routers that join. In: names of routers.
// Out: machines that run, and the operator's tool to act on them; nothing here is anything but what a user would do.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkId } from '../../agent/src/trust/types.ts';
import { buildOperator, buildRouter, version } from '../../bundle/build.ts';
import { routerContent } from '../../bundle/content.ts';
import { buildIpk } from '../../bundle/ipk.ts';
import { guestSubjects } from '../evidence/subjects.ts';
import { recordSubjects } from '../evidence/recorder.ts';
import type { Guest } from '../harness/guest.ts';
import { createHub, type Hub } from '../harness/hub.ts';
import { freePort } from '../harness/socket.ts';
import { buildLabImage, type LabImage } from '../image/build.ts';
import { buildRouterImage } from '../image/openwrt.ts';
import { brokerAddress, brokerPort, startBroker, users, type LabBroker, type User } from './broker.ts';
import { makeCertificates } from './certificates.ts';
import { bundledOperator, operatorInProcess, type Operator } from './operator.ts';
import { packageFiles, startRouter, wanAddress, type Router } from './router.ts';

export interface MemberOptions {
  /** Whether the map gives the router's WAN address as an endpoint. */
  readonly endpoint: boolean;
}

export interface PolicyRule {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly protocols: readonly string[];
}

export interface ExitRule {
  readonly from: readonly string[];
  readonly via: readonly string[];
  readonly protocols: readonly string[];
}

/** What a mesh has in its folder besides its guests. */
export const ownFolders = ['network', 'certificates'];

export class Mesh {
  readonly folder: string;
  readonly hub: Hub;
  readonly network: NetworkId;
  #broker: LabBroker | undefined;
  readonly #operator: Operator;
  readonly routers = new Map<string, Router>();

  constructor(folder: string, hub: Hub, operator: Operator) {
    this.folder = folder;
    this.hub = hub;
    this.#operator = operator;
    const about = readFileSync(join(folder, 'network/network.json'), 'utf8');
    this.network = (JSON.parse(about) as { network: NetworkId }).network;
  }

  get caFile(): string {
    return join(this.folder, 'certificates/ca.pem');
  }

  get broker(): LabBroker {
    if (this.#broker === undefined) throw new Error('mesh: wanted a broker, got none');
    return this.#broker;
  }

  get guests(): readonly Guest[] {
    return [...this.routers.values(), ...(this.#broker === undefined ? [] : [this.#broker])].map(({ guest }) => guest);
  }

  take(broker: LabBroker, routers: readonly Router[]): void {
    this.#broker = broker;
    for (const router of routers) this.routers.set(router.name, router);
  }

  router(name: string): Router {
    const router = this.routers.get(name);
    if (router === undefined) throw new Error(`mesh: wanted a router ${name}, got ${[...this.routers.keys()].join()}`);
    return router;
  }

  operator(...argv: readonly string[]): Promise<string> {
    return this.#operator(join(this.folder, 'network'), argv);
  }

  #passwordFile(user: User): string {
    const file = join(this.folder, `${user}.password`);
    writeFileSync(file, users[user].password, { mode: 0o600 });
    return file;
  }

  #login(user: User): readonly string[] {
    return ['--user', users[user].name, '--password-file', this.#passwordFile(user), '--ca', this.caFile];
  }

  /** With which verbs of the operator's tool reach the broker. */
  get operatorLogin(): readonly string[] {
    return ['--broker', this.broker.hostUrl, ...this.#login('operator')];
  }

  /** Of the operator's tool; with `--name` and `--ttl` it lets one router in. */
  async invite(...more: readonly string[]): Promise<string> {
    return (await this.operator('invite', ...this.#login('router'), ...more)).trim();
  }

  /** The broker's files written anew without these users, and given to it as it runs. */
  async setLoginsWithout(...ended: readonly User[]): Promise<void> {
    const out = join(this.folder, 'broker-files');
    const left = Object.values(users).filter(({ name }) => !ended.includes(name));
    const logins = left.flatMap(({ name, role }) => [`--${role}`, `${name}=${this.#passwordFile(name)}`]);
    await this.operator('broker-config', 'mosquitto', '--out', out, '--plain', ...logins);
    const files = ['acl', 'passwords'].map((name) => [name, readFileSync(join(out, name))] as const);
    await this.broker.reload(Object.fromEntries(files));
  }

  /** One with the router's own login, that lets nobody in by itself. */
  async ownInvite(name: string): Promise<string> {
    return (await this.operator('invite', ...this.#login(name as User))).trim();
  }

  /** `rustynet join` on the router, with an invite from the operator's tool; gives the member's keys. */
  async join(name: string, given?: string): Promise<{ identity: string; wireGuard: string }> {
    const input = given ?? (await this.ownInvite(name));
    await this.router(name).until(() => true, 'a daemon');
    const reply = await this.router(name).guest.run('rustynet join - --json', { input });
    const { identity_key: identity = '', wireguard_key: wireGuard = '' } = JSON.parse(reply) as Record<string, string>;
    return { identity, wireGuard };
  }

  async addMember(
    name: string,
    keys: { identity: string; wireGuard: string },
    { endpoint }: MemberOptions,
  ): Promise<void> {
    const { index } = this.router(name);
    const at = endpoint ? ['--endpoint', `${wanAddress(index)}:51820`] : [];
    const own = ['--identity', keys.identity, '--wireguard', keys.wireGuard, '--subnet', `192.168.${index}.0/24`];
    await this.operator('member', 'add', name, ...own, ...at);
  }

  async setPolicy(rules: readonly PolicyRule[], exits: readonly ExitRule[] = []): Promise<void> {
    const file = join(this.folder, 'rules.json');
    writeFileSync(file, JSON.stringify({ rules, exits }));
    await this.operator('policy', 'set', file);
  }

  /** Signs and publishes; gives the epoch. */
  async release(): Promise<number> {
    await this.operator('sign', '--yes');
    await this.publish();
    return this.signedEpoch();
  }

  async publish(): Promise<void> {
    await this.operator('publish', ...this.operatorLogin);
  }

  /** The signed map as it lies in the operator's folder. */
  signedMap(): Buffer {
    return readFileSync(join(this.folder, 'network/signed/map.json'));
  }

  signedEpoch(): number {
    const { payload } = JSON.parse(this.signedMap().toString()) as { payload: string };
    return (JSON.parse(Buffer.from(payload, 'base64').toString()) as { epoch: number }).epoch;
  }

  /** Writes all of it to a folder, of one moment: no guest runs on while another stands still. */
  async save(into: string): Promise<void> {
    // A power cut after a later load must not take what a guest that ran on would have written by then.
    await Promise.all(this.guests.map((guest) => guest.run('sync')));
    await Promise.all(this.guests.map((guest) => guest.pause()));
    await Promise.all(this.guests.map((guest) => guest.save(into)));
    for (const name of ownFolders) cpSync(join(this.folder, name), join(into, name), { recursive: true });
  }

  async stop(): Promise<void> {
    await Promise.all(this.guests.map((guest) => guest.stop()));
    await this.hub.close();
  }
}

/** Everybody may reach everybody, LANs included. */
export const openRules = (routers: Iterable<Router>): PolicyRule[] => [
  { from: ['any'], to: ['any', ...[...routers].map(({ index }) => `192.168.${index}.0/24`)], protocols: ['any'] },
];

export interface MeshOptions {
  readonly routers: readonly string[];
  /** Lines of UCI that each router has from its first boot: `rustynet.main.lease_s=30`. */
  readonly settings?: readonly string[];
  /** The operator's tool: in this process if not said, because each start of Node takes what the guests need. */
  readonly operator?: Operator;
}
type Say = (line: string) => void;

export interface Lab {
  readonly image: LabImage;
  readonly routerImage: LabImage;
  readonly digest: string;
}
/** Builds what is to be built. */
export async function buildLab(): Promise<Lab> {
  const [image, routerImage] = await Promise.all([buildLabImage(), buildRouterImage()]);
  const [files, ...bundles] = await Promise.all([packageFiles(routerImage.tier), buildRouter(), buildOperator()]);
  const hash = createHash('sha256').update(JSON.stringify(bundles.map(({ digest }) => digest)));
  // The package without the program, whose bytes say when it was built.
  hash.update(buildIpk(await routerContent(new Uint8Array()), version, 0).bytes);
  for (const [path, { data, mode }] of Object.entries(files))
    hash.update(`${path} ${mode} ${data.length}\n`).update(data);
  for (const file of [image, routerImage].flatMap((each) => [each.kernel, each.initrd, each.squashfs]))
    hash.update(readFileSync(file));
  recordSubjects(guestSubjects(image, routerImage));
  return { image, routerImage, digest: hash.digest('hex') };
}

/** Builds, and boots everything; nobody has joined yet. */
export async function bootMesh(
  { routers, settings, operator = operatorInProcess }: MeshOptions,
  say: Say = () => undefined,
): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-'));
  say('building the bundles and the lab image');
  const { image, routerImage } = await buildLab();
  say('making a network: keys, a root, an empty policy');
  const url = `mqtts://${brokerAddress}:${brokerPort}`;
  const init = ['init', '--name', 'lab', '--broker', url, '--work-factor', '15'];
  await bundledOperator(join(folder, 'network'), init);
  const certificates = makeCertificates(join(folder, 'certificates'), [brokerAddress, '127.0.0.1']);
  const mesh = new Mesh(folder, createHub(folder), operator);
  say(`booting a broker and ${routers.length} routers`);
  const hostPort = await freePort();
  const place = (name: string, from: LabImage) => ({ image: from, folder, hub: mesh.hub.port(name) });
  const [broker, ...started] = await Promise.all([
    startBroker({ ...place('broker', image), hostPort }, certificates, mesh.network),
    ...routers.map((name, at) => startRouter(name, at + 1, place(name, routerImage), settings)),
  ]);
  mesh.take(broker, started);
  return mesh;
}

/** All join, one map for all of them, and everyone enforces it. */
export async function admitAll(mesh: Mesh, say: Say = () => undefined): Promise<void> {
  say('joining');
  const routers = [...mesh.routers.keys()];
  const keys = await Promise.all(routers.map(async (name) => [name, await mesh.join(name)] as const));
  for (const [name, own] of keys) await mesh.addMember(name, own, { endpoint: true });
  await mesh.setPolicy(openRules(mesh.routers.values()));
  say('signing and publishing a map');
  await mesh.release();
  await isFormed(mesh);
  say('everyone reaches everyone');
}

/** Everyone enforces the map, and reaches everyone. */
export async function isFormed(mesh: Mesh): Promise<void> {
  const routers = [...mesh.routers.values()];
  await Promise.all(routers.map((router) => router.reaches('enforced', mesh.signedEpoch())));
  await firstContact(routers);
}

/** A handshake that met a router not yet ready is tried again after 5 s (WireGuard's REKEY_TIMEOUT). */
async function firstContact(routers: readonly Router[]): Promise<void> {
  const pairs = routers.flatMap((from) => routers.map((to) => [from, to] as const));
  const others = pairs.filter(([from, to]) => from !== to);
  await Promise.all(others.map(([from, to]) => from.contacts(to.hostAddress)));
}
