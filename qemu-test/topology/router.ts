// An emulated router: the stand-ins, the package as it is shipped, a WAN card, and a LAN with one host in it.
// In: a number. Out: a guest with its own addresses: WAN 198.51.100.<10+n>, LAN 192.168.<n>.1, host 192.168.<n>.2,
// the same over IPv6, and a default route to the internet of the lab.
import { readFileSync } from 'node:fs';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import { builtUnixS, routerBundle, version } from '../../bundle/build.ts';
import { bundlePath, feedFiles, routerContent, settingsPath, type PackageFile } from '../../bundle/content.ts';
import { buildIpk } from '../../bundle/ipk.ts';
import { record } from '../evidence/recorder.ts';
import { quotedForShell } from '../harness/machine.ts';
import { loadGuest, startGuest, type Guest, type GuestOptions } from '../harness/guest.ts';
import { internet, lanAddress6, wanAddress6 } from './internet.ts';
import type { Tier } from '../image/build.ts';
import { standinFiles, type GuestFiles } from '../standin/files.ts';

/** Where a guest's pings of another are collected. */
export interface PingSummary {
  readonly sent: number;
  readonly received: number;
}

const networkConfig = (index: number): string => `
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	option ipaddr '127.0.0.1'
	option netmask '255.0.0.0'

config device
	option name 'br-lan'
	option type 'bridge'
	option bridge_empty '1'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.${index}.1'
	option netmask '255.255.255.0'
	option ip6addr '${lanAddress6(index, 1)}/64'

config interface 'wan'
	option device 'eth0'
	option proto 'static'
	option ipaddr '${wanAddress(index)}'
	option netmask '255.255.255.0'
	option gateway '${internet.gateway}'
	option dns '${internet.gateway}'
	option ip6addr '${wanAddress6(index)}/64'
	option ip6gw '${internet.gateway6}'
`;

export function wanAddress(index: number): string {
  return `198.51.100.${10 + index}`;
}

/** The host behind the router is made anew at each start: namespaces do not survive one. */
const lanHost = (index: number): string => `
until [ -d /sys/class/net/br-lan ]; do sleep 0.2; done
ip netns add host
ip link add lan0 type veth peer name eth0 netns host
ip link set lan0 master br-lan up
ip netns exec host sh -c 'ip link set lo up; ip link set eth0 up; ip addr add 192.168.${index}.2/24 dev eth0; ip route add default via 192.168.${index}.1
ip addr add ${lanAddress6(index, 2)}/64 dev eth0 nodad; ip route add default via ${lanAddress6(index, 1)}'
`;

export class Router {
  readonly name: string;
  readonly index: number;
  readonly guest: Guest;

  constructor(name: string, index: number, guest: Guest) {
    this.name = name;
    this.index = index;
    this.guest = guest;
  }

  /** As evidence names it. */
  get hostName(): string {
    return `host of ${this.name}`;
  }

  get hostAddress(): string {
    return `192.168.${this.index}.2`;
  }

  async status(): Promise<JsonObject> {
    return JSON.parse(await this.guest.run('ubus call rustynet status')) as JsonObject;
  }

  /** Waits until the daemon says this state (and this epoch, if one is given). */
  async reaches(state: string, epoch?: number, timeoutMs = 60_000): Promise<JsonObject> {
    return this.until(
      (status) => status['state'] === state && (epoch === undefined || epochOf(status) === epoch),
      `state ${state}${epoch === undefined ? '' : ` of epoch ${epoch}`}`,
      timeoutMs,
    );
  }

  async until(wanted: (status: JsonObject) => boolean, what: string, timeoutMs = 60_000): Promise<JsonObject> {
    const end = Date.now() + timeoutMs;
    let last: unknown = 'no answer';
    for (let waitMs = 150; Date.now() < end; waitMs = Math.min(600, waitMs * 1.4)) {
      const reply = await this.guest.exec('ubus call rustynet status');
      last = reply.status === 0 ? JSON.parse(reply.stdout) : reply.stderr;
      if (reply.status === 0 && wanted(last as JsonObject)) return last as JsonObject;
      // Each question takes a fifth of a second of the processor that it waits for.
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    const log = await this.guest.run('tail -n 30 /var/log/standin.log; logread 2>/dev/null | tail -n 30; true');
    throw new Error(
      `${this.name}: wanted ${what} within ${timeoutMs} ms, got ${JSON.stringify(last, undefined, 1)}\n${log}`,
    );
  }

  /**
   * Waits for the daemon's own line in the log, within a twentieth of a second: asking the daemon takes time from it, and
   * tail(1) looks once a second.
   */
  async logs(line: string, timeoutMs = 60_000): Promise<void> {
    const log = '/var/log/standin.log';
    await this.guest.run(
      `want=${quotedForShell(line)} part=
exec 5<${log}
cat <&5 >/dev/null
tail -n 9 ${log} | grep -qF "$want" && exit
while [ -e ${log} ]; do
  if IFS= read -r line <&5; then
    case "$part$line" in *"$want"*) exit 0 ;; esac
    part=
  else
    part=$part$line
    usleep 50000
  fi
done
exit 1`,
      { timeoutMs },
    );
  }

  /** Pings from the LAN host; `count` at `perSecond`. */
  async hostPings(address: string, count = 3, perSecond = 5): Promise<PingSummary> {
    return this.pings(`ip netns exec host`, address, count, perSecond);
  }

  /** Waits for the first answer. */
  async contacts(address: string, timeoutMs = 20_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (Date.now() < end) if ((await this.#ping('ip netns exec host', address, 1, 1)).received > 0) return;
    throw new Error(`${this.name}: wanted an answer from ${address} within ${timeoutMs} ms, got none`);
  }

  async pings(prefix: string, address: string, count: number, perSecond: number): Promise<PingSummary> {
    const summary = await this.#ping(prefix, address, count, perSecond);
    record({ kind: 'pings', from: prefix === '' ? this.name : this.hostName, to: address, ...summary });
    return summary;
  }

  async #ping(prefix: string, address: string, count: number, perSecond: number): Promise<PingSummary> {
    const command = `${prefix} ping -q -c ${count} -i ${1 / perSecond} -W 1 ${address}`;
    const { stdout, stderr } = await this.guest.exec(command, { timeoutMs: (count / perSecond) * 3000 + 30_000 });
    const [, sent, received] = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(stdout) ?? [];
    if (sent === undefined || received === undefined) throw new Error(`${this.name}: ${command}: ${stdout}${stderr}`);
    return { sent: Number(sent), received: Number(received) };
  }

  /** The process of the daemon; the image has no pgrep. */
  async daemonPid(): Promise<string> {
    const found = await this.guest.run("grep -la 'rustynet[.]js' /proc/[0-9]*/cmdline | cut -d/ -f3");
    if (!/^\d+\n$/.test(found)) throw new Error(`${this.name}: wanted one daemon, got processes ${found}`);
    return found.trim();
  }

  /** What the daemon costs, in KB: /proc/PID/smaps_rollup. */
  async daemonMemory(): Promise<string> {
    const pid = await this.daemonPid();
    const text = await this.guest.run(`grep -E '^(Rss|Pss|Private_Dirty):' /proc/${pid}/smaps_rollup`);
    return text.replaceAll(/\s+/g, ' ').trim();
  }

  /** Public key to latest handshake, Unix seconds. */
  async handshakes(): Promise<ReadonlyMap<string, number>> {
    const text = await this.guest.run('wg show rn0 latest-handshakes');
    return new Map(
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => {
          const [key = '', time = '0'] = line.split('\t');
          return [key, Number(time)];
        }),
    );
  }
}

export function epochOf(status: JsonObject): number {
  const map = status['map'] as { epoch?: number } | null | undefined;
  return map?.epoch ?? 0;
}

type Place = Pick<GuestOptions, 'image' | 'folder'> & { readonly hub: string };

/** What every router has, whatever its number. On OpenWrt itself its own services answer, and nothing stands in for them. */
export async function packageFiles(tier: Tier): Promise<GuestFiles> {
  return tier === 'lab' ? await standinFiles() : await feedFiles();
}

/** In the lab the shipped package is installed; on OpenWrt its files are put in place, whichever package manager it has. */
async function packageOrProgram(tier: Tier): Promise<GuestFiles> {
  const bundle = readFileSync(routerBundle);
  if (tier !== 'lab') return { [bundlePath]: { data: bundle, mode: 0o644 } };
  const { bytes } = buildIpk(await routerContent(bundle), version, builtUnixS);
  return { '/lab/rustynet.ipk': { data: bytes, mode: 0o644 } };
}

/** `settings` are lines of UCI (`rustynet.main.lease_s=30`), set at the first boot as a vendor's defaults are. */
async function routerFiles(tier: Tier, index: number, settings: readonly string[]): Promise<GuestOptions['files']> {
  const files = await packageFiles(tier);
  const text = (file: PackageFile | undefined): string => Buffer.from(file?.data ?? []).toString();
  const own = text((await feedFiles())[settingsPath]).trimEnd();
  const boot = text(files['/lab/boot']).replace(/\nexit 0\n*$/, '\n');
  const defaults = settings.map((setting) => `uci set '${setting}'\n`).join('');
  return {
    ...files,
    ...(await packageOrProgram(tier)),
    '/etc/config/network': { data: networkConfig(index), mode: 0o644 },
    [settingsPath]: { data: `${own}\n\tlist announce '192.168.${index}.0/24'\n\n`, mode: 0o600 },
    '/etc/uci-defaults/99-lab': { data: defaults, mode: 0o755 },
    '/lab/boot': { data: `${boot}${lanHost(index)}`, mode: 0o755 },
  };
}

const seat = (name: string, { image, folder, hub }: Place): Omit<GuestOptions, 'files'> => ({
  ...{ name, memoryMiB: 512, image, folder },
  nics: [{ hub }],
});

export async function startRouter(
  name: string,
  index: number,
  place: Place,
  settings: readonly string[] = [],
): Promise<Router> {
  const files = await routerFiles(place.image.tier, index, settings);
  return new Router(name, index, await startGuest({ ...seat(name, place), files }));
}

/** Paused, as it was saved. */
export async function loadRouter(name: string, index: number, place: Place, savedIn: string): Promise<Router> {
  return new Router(name, index, await loadGuest(seat(name, place), savedIn));
}
