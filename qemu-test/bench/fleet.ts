// Many routers at one broker, on this machine and without the lab: Debian's mosquitto with TLS, the ACL and the passwords
// of the operator's tool, and simulated routers that share this machine's processors with it. In: nothing. Out: how long a
// map takes from its publication to the routers, and what a router receives for it, one member changed.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BrokerSession } from '../../agent/src/operator/broker-session.ts';
import { makeCertificates, startMosquitto } from '../../agent/test/system/mosquitto.ts';
import type { Series } from '../evidence/budgets.ts';
import { percentile } from '../evidence/capture.ts';
import { FleetNetwork, type Publication } from './fleet-network.ts';
import type { Crew } from './fleet-process.ts';
import { nowUs, type Adoption, type Login } from './fleet-router.ts';

const routers = 2000;
const processes = 2;
const sizes = [100, 1000, 10_000];
const changes = 7;
const maxWaitMs = 15 * 60_000;
/** For what a process has open besides its routers. */
const spareFiles = 100;

/** Raised to the hard limit by Node, and inherited by the broker and the fleet. */
function requireOpenFiles(count: number): void {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const files = Number(/^Max open files +(\d+)/m.exec(limits)?.[1]);
  if (!(files >= count)) throw new Error(`fleet: wanted ${count} open files (ulimit -Hn), got ${files}`);
}

class Fleet {
  readonly #children: readonly ChildProcess[];
  readonly #count: number;
  readonly #adopted = new Map<number, Adoption[]>();
  #failed: Error | undefined;

  constructor(crews: readonly Crew[]) {
    this.#count = crews.reduce((sum, { logins }) => sum + logins.length, 0);
    this.#children = crews.map((crew) => {
      const child = fork(join(import.meta.dirname, 'fleet-process.ts'), { serialization: 'advanced' });
      child.on('message', (message) => this.#take(message as Adoption));
      child.on('exit', (status, signal) => {
        this.#failed ??= new Error(`fleet: wanted a process that lasts, got its end: ${status ?? signal}`);
      });
      child.send(crew);
      return child;
    });
  }

  #take(adoption: Adoption): void {
    const known = this.#adopted.get(adoption.epoch);
    if (known === undefined) this.#adopted.set(adoption.epoch, [adoption]);
    else known.push(adoption);
  }

  async adopted(epoch: number): Promise<readonly Adoption[]> {
    const got = (): readonly Adoption[] => this.#adopted.get(epoch) ?? [];
    for (const endMs = performance.now() + maxWaitMs; performance.now() < endMs; await pause(20)) {
      if (this.#failed !== undefined) throw this.#failed;
      if (got().length === this.#count) return got();
    }
    throw new Error(`fleet: wanted ${this.#count} routers at epoch ${epoch}, got ${got().length}`);
  }

  stop(): void {
    for (const child of this.#children) child.removeAllListeners('exit').kill();
  }
}

interface Place {
  readonly url: string;
  readonly ca: string;
}

/** Gives the moment before the map itself is sent: what it names is at the broker by then. */
async function publish({ url, ca, password }: Broker, { messages }: Publication): Promise<number> {
  const session = await BrokerSession.open({ url, ca, user: 'operator', password });
  try {
    let atUs = NaN;
    for (const [topic, bytes] of messages) {
      atUs = nowUs();
      await session.publish(topic, bytes);
    }
    return atUs;
  } finally {
    await session.close();
  }
}

/** Every `processes`-th login for each. */
function crewsOf(network: FleetNetwork, { map, messages }: Publication, logins: readonly Login[]): readonly Crew[] {
  const { network: id, rootDigest } = network.settings;
  const [root, ...rest] = messages.map(([, bytes]) => bytes);
  const [envelope, parts] = [rest.at(-1), rest.slice(0, -1)];
  if (root === undefined || envelope === undefined || parts.length !== map.parts.length)
    throw new Error(`fleet: wanted a root, ${map.parts.length} parts and a map, got ${messages.length} messages`);
  const dealt = Array.from({ length: processes }, (_, own) => logins.filter((_login, at) => at % processes === own));
  const crew = { network: id, rootDigest, root, map: envelope, parts };
  return dealt.filter((own) => own.length > 0).map((own) => ({ ...crew, logins: own }));
}

interface Broker extends Place {
  /** Of the operator. */
  readonly password: string;
  readonly logins: readonly Login[];
  stop(): Promise<void>;
}

/** Mosquitto with a login for the operator and one for each of the first `count` members. */
async function startBroker(folder: string, { settings, members }: FleetNetwork, count: number): Promise<Broker> {
  const secret = (): string => randomBytes(16).toString('hex');
  const certificates = makeCertificates(folder);
  const tls = { caFile: join(folder, 'ca.pem'), ...certificates.issue('broker', 'IP:127.0.0.1') };
  const users = members.slice(0, count).map(({ id }) => ({ name: id, password: secret(), role: 'router' as const }));
  const operator = { name: 'operator', password: secret(), role: 'operator' as const };
  const broker = await startMosquitto(folder, { network: settings.network, tls, users: [operator, ...users] });
  const place = { url: `mqtts://127.0.0.1:${broker.port}`, ca: certificates.ca };
  const logins = users.map(({ name: id, password }) => ({ ...place, id, password }));
  return { ...place, password: operator.password, logins, stop: broker.stop };
}

interface Change {
  readonly publishedUs: number;
  readonly adoptions: readonly Adoption[];
}

/** The first is no change, but the map that the routers know when they connect. */
async function changesAt(broker: Broker, network: FleetNetwork): Promise<readonly Change[]> {
  const first = await network.sign();
  const publishedUs = await publish(broker, first);
  const fleet = new Fleet(crewsOf(network, first, broker.logins));
  try {
    const made: Change[] = [{ publishedUs, adoptions: await fleet.adopted(first.map.epoch) }];
    while (made.length <= changes) {
      network.changeOne();
      const next = await network.sign();
      const atUs = await publish(broker, next);
      made.push({ publishedUs: atUs, adoptions: await fleet.adopted(next.map.epoch) });
    }
    return made;
  } finally {
    fleet.stop();
  }
}

async function changesOf(members: number, count: number): Promise<readonly Change[]> {
  requireOpenFiles(count + spareFiles);
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  try {
    const network = await FleetNetwork.make(join(folder, 'network'), members);
    const broker = await startBroker(folder, network, count);
    return await changesAt(broker, network).finally(() => broker.stop());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function timesOf(made: readonly Change[]): readonly Series[] {
  const at = (percent: number, of: (adoption: Adoption, publishedUs: number) => number): number[] =>
    made.map(({ adoptions, publishedUs }) =>
      percentile(
        adoptions.map((adoption) => of(adoption, publishedUs)),
        percent,
      ),
    );
  const arrived = ({ arrivedUs }: Adoption, publishedUs: number): number => arrivedUs - publishedUs;
  const adopted = ({ adoptedUs }: Adoption, publishedUs: number): number => adoptedUs - publishedUs;
  const of = (name: string, values: readonly number[]): Series => ({
    ...{ name: `${routers} routers at one broker: ${name}`, unit: 'us' },
    values,
  });
  return [
    of('a map arrived at the median one', at(50, arrived)),
    of('a map arrived at the last one', at(100, arrived)),
    of('a map adopted by the median one, all checking on one machine', at(50, adopted)),
    of('a map adopted by the last one, all checking on one machine', at(100, adopted)),
    of(
      "of it, one router's own work, median",
      at(50, ({ workUs }) => workUs),
    ),
  ];
}

async function bytesOf(members: number): Promise<Series> {
  const received = (await changesOf(members, 1)).flatMap(({ adoptions }) =>
    adoptions.map(({ receivedBytes }) => receivedBytes),
  );
  const values = received.slice(1).map((bytes, at) => bytes - (received[at] ?? NaN));
  return { name: `${members} members: bytes of MQTT to a router for a map`, unit: 'count', values };
}

export async function fleet(): Promise<readonly Series[]> {
  const [, ...made] = await changesOf(routers, routers);
  const all = [...timesOf(made)];
  for (const members of sizes) all.push(await bytesOf(members));
  return all;
}
