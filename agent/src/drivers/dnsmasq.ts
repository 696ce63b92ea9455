/**
 * OpenWrt's dnsmasq, by two files on tmpfs. In: their contents. Out: what they hold, and what dnsmasq on the loopback
 * answers. The init script of 24.10 and 25.12 generates /var/etc/dnsmasq.conf.<section> for each instance: its `conf-dir`
 * (/tmp/dnsmasq.<section>.d) and /tmp/hosts are what its jail lets it read. A hosts file is read again at SIGHUP;
 * a conf file only at a start, so which one was started with is kept beside procd's own state.
 */
import { chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { JsonObject, NameServer, Ubus } from '../control/ports.ts';
import type { NamesStep } from '../plan/names.ts';
import type { Answer, Asker } from './ask.ts';
import { nodeFiles } from './files.ts';
import { run } from './run.ts';

export interface DnsmasqPlaces {
  /** Where the init script leaves `dnsmasq.conf.<section>`. */
  readonly generatedFolder: string;
  readonly hostsFolder: string;
  /** The text of the conf file that dnsmasq was last restarted with. */
  readonly loadedPath: string;
  readonly initScript: string;
}
export const openwrtPlaces: DnsmasqPlaces = {
  generatedFolder: '/var/etc',
  hostsFolder: '/tmp/hosts',
  loadedPath: '/var/run/rustynet.dnsmasq',
  initScript: '/etc/init.d/dnsmasq',
};

interface Instance {
  readonly confPath: string;
  readonly port: number;
}

const hangUp = 1;
const dnsPort = 53;
/** A restarted dnsmasq answers after a second or so, also on a slow router. */
const settleMs = { restart: 10_000, reload: 3_000 };
const pollMs = 100;

function textOf(path: string): string {
  return Buffer.from(nodeFiles.read(path) ?? []).toString();
}

/** Replaced in one step; dnsmasq passes over names that begin with a dot. Empty text removes. */
function put(path: string, text: string): void {
  if (text === '') return rmSync(path, { force: true });
  const fresh = join(dirname(path), '.rustynet.new');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(fresh, text, { mode: 0o644 });
  // dnsmasq reads it as a user of its own, whatever this process's umask is.
  chmodSync(fresh, 0o644);
  renameSync(fresh, path);
}

/** Instances that read our hosts folder and answer DNS at all; each line of the file is an option of dnsmasq(8). */
function instancesIn({ generatedFolder, hostsFolder }: DnsmasqPlaces): readonly Instance[] {
  const names = nodeFiles.list(generatedFolder).filter((name) => /^dnsmasq\.conf\.\w+$/.test(name));
  return [...names].sort().flatMap((name): readonly Instance[] => {
    const lines = textOf(join(generatedFolder, name)).split('\n');
    const valuesOf = (option: string): readonly string[] =>
      lines.filter((line) => line.startsWith(`${option}=`)).map((line) => line.slice(option.length + 1));
    const folder = valuesOf('conf-dir').at(-1)?.split(',')[0];
    const port = Number(valuesOf('port').at(-1) ?? dnsPort);
    const isOurs = folder !== undefined && port > 0 && valuesOf('addn-hosts').includes(hostsFolder);
    if (!isOurs || statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
    return [{ confPath: join(folder, 'rustynet.conf'), port }];
  });
}

async function isRunning(ubus: Ubus): Promise<boolean> {
  const { dnsmasq } = await ubus.call('service', 'list', { name: 'dnsmasq' });
  const { instances = {} } = (dnsmasq ?? {}) as { instances?: Record<string, JsonObject> };
  return Object.values(instances).some(({ running }) => running === true);
}

function isLocalIn(conf: string, name: string): boolean {
  const zones = conf.split('\n').flatMap((line) => /^local=\/(.*)\/$/.exec(line)?.[1] ?? []);
  return zones.some((zone) => name.endsWith(`.${zone}`));
}

/** 0 is an answer and 3 no such name; with any other code it knows nothing of the name, not even that there is none. */
function addressesOf({ code, addresses }: Answer): readonly string[] {
  return code === 0 || code === 3 ? addresses : [`code ${code}`];
}

class Dnsmasq implements NameServer {
  readonly #ubus: Ubus;
  readonly #asker: Asker;
  readonly #places: DnsmasqPlaces;

  constructor(ubus: Ubus, asker: Asker, places: DnsmasqPlaces) {
    this.#ubus = ubus;
    this.#asker = asker;
    this.#places = places;
  }

  get #hostsPath(): string {
    return join(this.#places.hostsFolder, 'rustynet');
  }

  async look(own: string | undefined): ReturnType<NameServer['look']> {
    const instances = instancesIn(this.#places);
    const [first] = instances;
    if (first === undefined) return undefined;
    // No word of procd now is no reason to close the mesh.
    const running = await isRunning(this.#ubus).catch(() => false);
    const [hosts, loaded] = [textOf(this.#hostsPath), textOf(this.#places.loadedPath)];
    const other = instances.map(({ confPath }) => textOf(confPath)).find((text) => text !== loaded);
    const files = { conf: other === undefined ? loaded : `# not what dnsmasq began with:\n${other}`, hosts };
    // Before the zone is local, the question would go on to a stranger.
    const asks = running && own !== undefined && other === undefined && isLocalIn(loaded, own);
    const answer = asks ? await this.#answer(first.port, own, 2) : undefined;
    return { isRunning: running, files, ...(answer && { answer }) };
  }

  async set({ files, restart, own }: NamesStep): Promise<void> {
    const { loadedPath, initScript } = this.#places;
    put(this.#hostsPath, files.hosts);
    if (restart) rmSync(loadedPath, { force: true });
    const instances = instancesIn(this.#places);
    for (const { confPath } of instances) put(confPath, files.conf);
    const running = await isRunning(this.#ubus);
    if (running) {
      if (restart) await run(initScript, ['restart']);
      else await this.#ubus.call('service', 'signal', { name: 'dnsmasq', signal: hangUp });
    }
    if (restart) put(loadedPath, files.conf);
    if (!running || own === undefined || instances[0] === undefined) return;
    const end = performance.now() + settleMs[restart ? 'restart' : 'reload'];
    const wanted = [...own.addresses].sort().join();
    while (performance.now() < end) {
      const answer = await this.#answer(instances[0].port, own.name, 1);
      if (answer !== undefined && [...answer].sort().join() === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async #answer(port: number, name: string, tries: number): Promise<readonly string[] | undefined> {
    const server = { address: '127.0.0.1', port };
    const [v4, v6] = await Promise.all([
      this.#asker.ask(server, name, 'A', tries, 500),
      this.#asker.ask(server, name, 'AAAA', tries, 500),
    ]);
    return v4 && v6 && [v4, v6].flatMap(addressesOf);
  }
}

export function connectDnsmasq(ubus: Ubus, asker: Asker, places: DnsmasqPlaces = openwrtPlaces): NameServer {
  return new Dnsmasq(ubus, asker, places);
}
