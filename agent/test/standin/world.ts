/**
 * The stand-in services in the test's own process, with folders of their own.
 * In: configuration files. Out: a socket that speaks ubus, clients of it, and what the services ran instead of ip and
 * nft: no kernel is touched here.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BusClient } from '../../../qemu-test/standin/bus/client.ts';
import { socketLink } from '../../../qemu-test/standin/bus/link.ts';
import { type Places, startServices } from '../../../qemu-test/standin/services.ts';

export interface World {
  readonly folder: string;
  readonly places: Places;
  /** A client over the socket, past its HELLO. */
  connect(): Promise<BusClient>;
  close(): Promise<void>;
}

export async function openWorld(configs: Readonly<Record<string, string>> = {}, httpPort?: number): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'standin-'));
  const places: Places = {
    socket: join(folder, 'ubus.sock'),
    configFolder: join(folder, 'config'),
    changeFolder: join(folder, 'changes'),
    handlerFolder: join(folder, 'proto'),
    runFolder: folder,
    doorFolder: join(folder, 'door'),
    resolvPath: join(folder, 'resolv.conf.auto'),
    rcCommon: join(folder, 'rc.common'),
    hotplugCall: join(folder, 'hotplug-call'),
    aclFolder: join(folder, 'acl.d'),
    shadowPath: join(folder, 'shadow'),
    wwwFolder: join(folder, 'www'),
    httpPort,
  };
  mkdirSync(places.configFolder);
  writeFileSync(places.hotplugCall, '');
  // In place of rc.common: notes what it was asked to run.
  writeFileSync(places.rcCommon, `echo "$@" >>${join(folder, 'rc.log')}\n`);
  for (const [name, text] of Object.entries(configs)) writeFileSync(join(places.configFolder, name), text);
  const started = await startServices(places, () => Promise.resolve({ status: 0, stdout: '', stderr: '' }));
  const clients: BusClient[] = [];
  return {
    folder,
    places,
    async connect() {
      const client = new BusClient(socketLink(places.socket));
      clients.push(client);
      await client.ready;
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      await started.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until a look at the world says yes. */
export async function until(what: string, look: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!(await look())) {
    if (Date.now() > endMs) throw new Error(`wanted ${what} within ${timeoutMs} ms, got none`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
