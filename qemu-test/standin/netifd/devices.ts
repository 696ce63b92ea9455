/**
 * Network devices as netifd treats them: claimed by interfaces, and bridges made from UCI sections `device`.
 * In: claims and releases, the sections. Out: links that are up or down, with nobody else's addresses on them.
 * Recorded: a claim flushes what was on the link (openwrt-25.12-netifd.md, A); the last release sets it down (H).
 */
import type { UciSection } from '../uci/file.ts';
import { Serial } from '../serial.ts';
import { ipBatch, type Kernel, linkExists } from './kernel.ts';

export class Devices {
  readonly #run: Kernel;
  readonly #serial = new Serial();
  readonly #claims = new Map<string, number>();
  /** What the sections gave each bridge: a port that somebody else put in, as the lab does with veth, stays. */
  readonly #ports = new Map<string, readonly string[]>();
  #sections: readonly UciSection[] = [];

  constructor(run: Kernel) {
    this.#run = run;
  }

  /** Takes new sections; bridges that are in use follow at once. */
  configure(sections: readonly UciSection[]): Promise<void> {
    return this.#serial.run(() => this.#configure(sections));
  }

  /** False when there is no such link and no section makes one. */
  claim(device: string): Promise<boolean> {
    return this.#serial.run(() => this.#claim(device));
  }

  release(device: string): Promise<void> {
    return this.#serial.run(() => this.#release(device));
  }

  async #configure(sections: readonly UciSection[]): Promise<void> {
    this.#sections = sections.filter(({ type }) => type === 'device');
    for (const section of this.#sections) {
      if (this.#claims.has(String(section.options.get('name')))) await this.#prepare(section);
    }
  }

  async #claim(device: string): Promise<boolean> {
    const held = this.#claims.get(device) ?? 0;
    const section = this.#sections.find(({ options }) => options.get('name') === device);
    if (held === 0 && section !== undefined) await this.#prepare(section);
    if (!(await linkExists(this.#run, device))) return false;
    this.#claims.set(device, held + 1);
    if (held > 0) return true;
    if (device !== 'lo') {
      await ipBatch(this.#run, [`address flush dev ${device} scope global`]);
      // Link-local IPv6 stays: the kernel makes it again only when the link comes up.
      await this.#run('ip', ['-4', 'route', 'flush', 'dev', device]);
      for (const origin of ['static', 'boot']) {
        await this.#run('ip', ['-6', 'route', 'flush', 'dev', device, 'proto', origin]);
      }
    }
    await ipBatch(this.#run, [`link set dev ${device} up`]);
    return true;
  }

  async #release(device: string): Promise<void> {
    const held = (this.#claims.get(device) ?? 0) - 1;
    if (held > 0) {
      this.#claims.set(device, held);
      return;
    }
    this.#claims.delete(device);
    // netifd deletes the bridge; here it keeps what the lab put into it, and gives back what was its own.
    const freed = (this.#ports.get(device) ?? []).map((port) => `link set dev ${port} nomaster`);
    this.#ports.delete(device);
    if (await linkExists(this.#run, device)) await ipBatch(this.#run, [...freed, `link set dev ${device} down`]);
  }

  async #prepare({ options }: UciSection): Promise<void> {
    const name = String(options.get('name'));
    const lines: string[] = [];
    if (options.get('type') === 'bridge') {
      const ports = [options.get('ports') ?? []].flat();
      if (!(await linkExists(this.#run, name))) lines.push(`link add name ${name} type bridge`);
      const gone = (this.#ports.get(name) ?? []).filter((port) => !ports.includes(port));
      for (const port of gone) lines.push(`link set dev ${port} nomaster`);
      this.#ports.set(name, ports);
      for (const port of ports) lines.push(`link set dev ${port} master ${name}`, `link set dev ${port} up`);
    }
    const mtu = options.get('mtu');
    const macAddress = options.get('macaddr');
    if (mtu !== undefined) lines.push(`link set dev ${name} mtu ${String(mtu)}`);
    if (macAddress !== undefined) lines.push(`link set dev ${name} address ${String(macAddress)}`);
    await ipBatch(this.#run, lines);
  }
}
