/**
 * What keeps the tunnel alive while the router is protected: the broker, endpoints, NTP. In: the broker's URL, endpoints,
 * DNS and NTP servers of the uplinks; `system.ntp`. Out: addresses that may be reached in the clear, and names with their
 * addresses. Asked by drivers/ask.ts, past dnsmasq, whose own questions are closed by then.
 */
import type { Json, Lifelines, ToldClock, Ubus } from '../control/ports.ts';
import type { Lifeline } from '../plan/observed.ts';
import { parseIp } from '../trust/ip.ts';
import type { Endpoint, Ip } from '../trust/types.ts';
import { parseHostname } from '../trust/words.ts';
import type { Asker } from './ask.ts';

const goodForS = { least: 300, most: 3_600 };
const retryAfterMs = 30_000;
const patienceMs = 3_000;
const maxServers = 3;
const maxNames = 64;
const ntpPort = 123;
const dnsPort = 53;
const brokerPorts: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

interface Known {
  /** What was answered last, and before that: a connection to an address that turned away is not cut at once. */
  readonly addresses: readonly Ip[];
  readonly earlier: readonly Ip[];
  readonly problem: string;
  readonly untilMs: number;
}
interface Target {
  readonly host: string;
  readonly port: number;
}

function brokerOf(url: string | undefined): readonly Target[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { hostname, port, protocol } = new URL(url);
  const known = port === '' ? brokerPorts[protocol] : Number(port);
  return known === undefined ? [] : [{ host: hostname.toLowerCase().replace(/^\[|\]$/g, ''), port: known }];
}

function endpointOf(endpoint: Endpoint): Target {
  const at = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(at + 1)) };
}

function listOf(value: Json = []): readonly string[] {
  return (Array.isArray(value) ? (value as readonly Json[]) : [value]).map(String);
}

/** Those that /etc/init.d/sysntpd gives to ntpd, but for what DHCP says on a LAN. */
async function ntpServers(ubus: Ubus, told: readonly ToldClock[]): Promise<readonly Target[]> {
  const { values = {} } = await ubus
    .call('uci', 'get', { config: 'system', section: 'ntp' })
    .catch(() => ({}) as never);
  const { server, enabled, use_dhcp: usesDhcp, dhcp_interface: only } = values as Record<string, Json>;
  if (enabled === '0') return [];
  const among = listOf(only).join(' ').split(' ');
  const heard = told.filter(({ network }) => usesDhcp !== '0' && (only === undefined || among.includes(network)));
  const hosts = new Set([...listOf(server), ...heard.map(({ address }) => address)]);
  return [...hosts].map((host) => ({ host: host.toLowerCase(), port: ntpPort }));
}

class AskedLifelines implements Lifelines {
  readonly #ubus: Ubus;
  readonly #asker: Asker;
  readonly #monotonicMs: () => number;
  readonly #onChange: () => void;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(ubus: Ubus, asker: Asker, monotonicMs: () => number, onChange: () => void) {
    this.#ubus = ubus;
    this.#asker = asker;
    this.#monotonicMs = monotonicMs;
    this.#onChange = onChange;
  }

  problems(): readonly string[] {
    return [...this.#known.values()].map(({ problem }) => problem).filter((problem) => problem !== '');
  }

  async look(
    broker: string | undefined,
    endpoints: readonly Endpoint[],
    resolvers: readonly Ip[],
    told: readonly ToldClock[],
  ): ReturnType<Lifelines['look']> {
    const [brokers, clocks] = [brokerOf(broker), await ntpServers(this.#ubus, told)];
    const peers = endpoints.map(endpointOf);
    const hosts = new Set([...brokers, ...clocks, ...peers].map(({ host }) => host));
    // Each name is at most one line and one question: what is no name of RFC 1123 is not asked, nor written to a file.
    const names = [...hosts].filter((host) => parseIp(host) === undefined && parseHostname(host)).slice(0, maxNames);
    for (const name of [...this.#known.keys()]) if (!names.includes(name)) this.#known.delete(name);
    await this.#refresh(names, resolvers);
    const reach = (protocol: Lifeline['protocol'], targets: readonly Target[]): Lifeline[] =>
      targets.flatMap(({ host, port }) => this.#addressesOf(host).map((address) => ({ protocol, address, port })));
    return {
      lifelines: [...reach('tcp', brokers), ...reach('udp', clocks)],
      lifelineHosts: names
        .map((name) => ({ name, addresses: this.#addressesOf(name) }))
        .filter(({ addresses }) => addresses.length > 0)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      resolved: new Map(
        endpoints.flatMap((endpoint) => {
          const { host, port } = endpointOf(endpoint);
          const address = this.#known.get(host)?.addresses[0] ?? parseIp(host);
          if (address === undefined) return [];
          return [[endpoint, address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`] as const];
        }),
      ),
    };
  }

  #addressesOf(host: string): readonly Ip[] {
    const numeric = parseIp(host);
    if (numeric !== undefined) return [numeric];
    const { addresses = [], earlier = [] } = this.#known.get(host) ?? {};
    return [...new Set([...addresses, ...earlier])].sort();
  }

  async #refresh(names: readonly string[], resolvers: readonly Ip[]): Promise<void> {
    const due = names.filter((name) => (this.#known.get(name)?.untilMs ?? 0) <= this.#monotonicMs());
    if (due.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, patienceMs)));
    await Promise.race([Promise.all(due.map((name) => this.#askOnce(name, resolvers))), patience]);
    clearTimeout(timer);
  }

  #askOnce(name: string, resolvers: readonly Ip[]): Promise<void> {
    const running = this.#asking.get(name);
    if (running !== undefined) return running;
    const started = this.#monotonicMs();
    const asked = this.#ask(name, resolvers).then((known) => {
      this.#asking.delete(name);
      this.#known.set(name, known);
      if (this.#monotonicMs() - started > patienceMs) this.#onChange();
    });
    this.#asking.set(name, asked);
    return asked;
  }

  /** The first server that knows an address; when none does, the last good answer stays. */
  async #ask(name: string, resolvers: readonly Ip[]): Promise<Known> {
    const before = this.#known.get(name);
    for (const address of resolvers.slice(0, maxServers)) {
      const server = { address, port: dnsPort };
      const both = await Promise.all([this.#asker.ask(server, name, 'A'), this.#asker.ask(server, name, 'AAAA')]);
      const answers = both.filter((answer) => answer !== undefined).filter((answer) => answer.addresses.length > 0);
      const addresses = answers.flatMap((answer) => answer.addresses);
      if (addresses.length === 0) continue;
      const ttlS = Math.min(goodForS.most, ...answers.map((answer) => answer.ttlS));
      const untilMs = this.#monotonicMs() + Math.max(goodForS.least, ttlS) * 1000;
      const isSame = [...addresses].sort().join() === [...(before?.addresses ?? [])].sort().join();
      return { addresses, earlier: (isSame ? before?.earlier : before?.addresses) ?? [], problem: '', untilMs };
    }
    const asked = resolvers.length === 0 ? 'no DNS server of an uplink' : `none from ${resolvers.join(' ')}`;
    return {
      addresses: before?.addresses ?? [],
      earlier: before?.earlier ?? [],
      problem: `wanted an address of ${name}, got ${asked}`,
      untilMs: resolvers.length === 0 ? 0 : this.#monotonicMs() + retryAfterMs,
    };
  }
}

export function connectLifelines(ubus: Ubus, asker: Asker, monotonicMs: () => number, onChange: () => void): Lifelines {
  return new AskedLifelines(ubus, asker, monotonicMs, onChange);
}
