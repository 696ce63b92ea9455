/**
 * A dnsmasq of this machine, as OpenWrt's init script leaves it: a generated file in a folder, a conf-dir, a hosts folder.
 * In: lines for the file. Out: the process, its places, and a ubus that is procd for it.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject, Ubus } from '../../src/control/ports.ts';
import type { DnsmasqPlaces } from '../../src/drivers/dnsmasq.ts';

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** What an init script does, without procd: `restart` is a new process. */
const initScript = (folder: string): string => `#!/bin/sh
cd ${folder} || exit 1
if [ -e pid ]; then
    kill "$(cat pid)"
    while [ -e pid ]; do sleep 0.05; done
fi
[ "$1" = stop ] || /usr/sbin/dnsmasq -C etc/dnsmasq.conf.cfg01411c -x ${folder}/pid
`;

export class RealDnsmasq {
  readonly folder = mkdtempSync(join(tmpdir(), 'rustynet-dnsmasq-'));
  readonly port: number;
  readonly places: DnsmasqPlaces;

  private constructor(port: number) {
    this.port = port;
    // dnsmasq reads as a user of its own.
    chmodSync(this.folder, 0o755);
    this.places = {
      generatedFolder: join(this.folder, 'etc'),
      hostsFolder: join(this.folder, 'hosts'),
      loadedPath: join(this.folder, 'loaded'),
      initScript: join(this.folder, 'init'),
    };
  }

  get confFolder(): string {
    return join(this.folder, 'dnsmasq.cfg01411c.d');
  }

  /** `undefined` while none runs. */
  get pid(): number | undefined {
    return existsSync(`${this.folder}/pid`) ? Number(readFileSync(`${this.folder}/pid`, 'utf8')) : undefined;
  }

  static async start(...lines: readonly string[]): Promise<RealDnsmasq> {
    const real = new RealDnsmasq(await freeUdpPort());
    const { generatedFolder, hostsFolder } = real.places;
    for (const folder of [generatedFolder, hostsFolder, real.confFolder]) mkdirSync(folder);
    const own = [`port=${real.port}`, 'listen-address=127.0.0.1', 'bind-interfaces', 'no-hosts', 'stop-dns-rebind'];
    const dirs = [`addn-hosts=${hostsFolder}`, `conf-dir=${real.confFolder}`, 'user=root', 'no-resolv'];
    const text = [...own, ...dirs, `log-facility=${real.folder}/log`, ...lines, ''].join('\n');
    writeFileSync(join(generatedFolder, 'dnsmasq.conf.cfg01411c'), text);
    writeFileSync(real.places.initScript, initScript(real.folder), { mode: 0o755 });
    real.init('restart');
    return real;
  }

  init(verb: 'restart' | 'stop'): void {
    execFileSync(this.places.initScript, [verb]);
  }

  /** procd's `service`, of this process. */
  readonly ubus: Ubus = {
    call: (_, method): Promise<JsonObject> => {
      const { pid } = this;
      if (method === 'signal' && pid !== undefined) process.kill(pid, 'SIGHUP');
      const instances = { cfg01411c: { running: pid !== undefined } };
      return Promise.resolve(method === 'list' ? { dnsmasq: { instances } } : {});
    },
    publish: () => undefined,
    subscribe: () => undefined,
    close: () => undefined,
  };

  end(): void {
    this.init('stop');
    rmSync(this.folder, { recursive: true });
  }
}
