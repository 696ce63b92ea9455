/**
 * The stand-ins for OpenWrt's services, one process in a lab guest.
 * In: the guest's file system and kernel. Out: a ubus socket, the objects of rpcd's uci, netifd and procd on it, and the
 * door for the command line tools. See README.md: nothing here is evidence about OpenWrt.
 */
import { execFile } from 'node:child_process';
import type { JsonTable } from '../../agent/src/wire/blobmsg.ts';
import { BusClient } from './bus/client.ts';
import { listen, localLink } from './bus/link.ts';
import { Ubusd } from './bus/ubusd.ts';
import { openDoor } from './cli/door.ts';
import type { RunTool, Tool } from './cli/tool.ts';
import { ubus } from './cli/ubus.ts';
import { uci } from './cli/uci.ts';
import { fw4, type Fw4Settings } from './fw4/command.ts';
import type { Network } from './fw4/zones.ts';
import { kernel, type Kernel } from './netifd/kernel.ts';
import { Netifd } from './netifd/netifd.ts';
import { networkOf } from './netifd/objects.ts';
import { serviceArguments } from './procd/script-records.ts';
import { Services } from './procd/services.ts';
import { Sessions } from './rpcd/sessions.ts';
import { changedConfigs } from './uci/reload-config.ts';
import { uciMethods } from './uci/rpcd.ts';
import { UciStore } from './uci/store.ts';
import { serveHttp } from './uhttpd/server.ts';

/** Where everything is; a test puts it elsewhere. */
export interface Places {
  readonly socket: string;
  readonly configFolder: string;
  readonly changeFolder: string;
  readonly handlerFolder: string;
  readonly runFolder: string;
  readonly doorFolder: string;
  readonly resolvPath: string;
  readonly rcCommon: string;
  readonly hotplugCall: string;
  readonly aclFolder: string;
  readonly shadowPath: string;
  readonly wwwFolder: string;
  /** Where uhttpd listens, if anywhere. */
  readonly httpPort: number | undefined;
}

export const guestPlaces: Places = {
  socket: '/var/run/ubus/ubus.sock',
  configFolder: '/etc/config',
  changeFolder: '/tmp/.uci',
  handlerFolder: '/lib/netifd/proto',
  runFolder: '/var/run',
  doorFolder: '/var/run/standin',
  resolvPath: '/tmp/resolv.conf.d/resolv.conf.auto',
  rcCommon: '/etc/rc.common',
  hotplugCall: '/sbin/hotplug-call',
  aclFolder: '/usr/share/rpcd/acl.d',
  shadowPath: '/etc/shadow',
  wwwFolder: '/www',
  httpPort: 80,
};

function runLogged(argv: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<void> {
  return new Promise((resolve) => {
    const child = execFile('sh', [...argv], { env: { ...process.env, ...variables } }, (error, stdout, stderr) => {
      const told = `${stdout}${stderr}${error === null ? '' : `${error.message}\n`}`.trimEnd();
      if (told !== '') console.log(`standin: ${argv.join(' ')}: ${told}`);
      resolve();
    });
    child.stdin?.on('error', () => undefined).end();
  });
}

interface Parts {
  readonly places: Places;
  readonly store: UciStore;
  readonly services: Services;
  readonly netifd: Netifd;
  readonly run: Kernel;
  readonly bus: BusClient;
}

/** The services while they run. */
export interface Started {
  /** Ends the processes of services and the socket; what the kernel was given stays. */
  close(): Promise<void>;
}

/** `standin`: what the shell libraries of the stand-in need and no tool of OpenWrt offers. */
async function own({ services, netifd, bus }: Parts, { argv, input, out }: Tool): Promise<number> {
  const [verb, name = '', script = ''] = argv;
  if (verb === 'service-set' || verb === 'service-add') {
    const { status } = await bus.call('service', verb.slice('service-'.length), serviceArguments(name, script, input));
    return status;
  }
  if (verb === 'service-status') {
    const { data } = await bus.call('service', 'list', { name });
    const instances = (data?.[name] as JsonTable | undefined)?.['instances'] as JsonTable | undefined;
    const states = Object.values(instances ?? {}).map((instance) => (instance as JsonTable)['running'] === true);
    const running = states.some(Boolean);
    const idle =
      data?.[name] === undefined ? 'inactive' : states.length === 0 ? 'active with no instances' : 'not running';
    out(`${running ? 'running' : idle}\n`);
    return running || idle.startsWith('active') ? 0 : idle === 'inactive' ? 3 : 5;
  }
  if (verb === 'netifd-stop') await netifd.stop();
  else if (verb === 'stop-all') await services.stopAll();
  else return 255;
  return 0;
}

function tools(parts: Parts, reloadConfig: () => Promise<void>): Record<string, RunTool> {
  const { places, store, run, netifd, bus } = parts;
  const settings: Fw4Settings = {
    store,
    run,
    networks: () =>
      new Map([...netifd.interfaces].map(([name, subject]): [string, Network] => [name, networkOf(subject)])),
    serviceData: async () => (await bus.call('service', 'get_data', { type: 'firewall' })).data ?? {},
    statePath: `${places.runFolder}/fw4.state`,
  };
  return {
    ubus: (tool) => ubus(tool, places.socket),
    uci: (tool) => Promise.resolve(uci(tool, store)),
    fw4: async (tool) => {
      const { status, out, err } = await fw4(settings, tool.argv);
      tool.out(out);
      tool.err(err);
      return status;
    },
    reload_config: async () => {
      await reloadConfig();
      return 0;
    },
    standin: (tool) => own(parts, tool),
  };
}

/** Starts everything but the interfaces, which the network's init script starts. */
export async function startServices(places: Places, run: Kernel = kernel()): Promise<Started> {
  const ubusd = new Ubusd();
  const server = await listen(ubusd, places.socket);
  const connect = async (): Promise<BusClient> => {
    const client = new BusClient(localLink(ubusd));
    await client.ready;
    return client;
  };
  const store = new UciStore(places.configFolder, places.changeFolder);
  const services = new Services((argv) => void runLogged([places.rcCommon, ...argv]));
  await services.start(await connect());
  const announce = (config: string): void => services.event('config.change', { package: config });
  const reloadConfig = (): Promise<void> => {
    for (const config of changedConfigs(store, `${places.runFolder}/config.md5`)) announce(config);
    return Promise.resolve();
  };
  const sessions = new Sessions(store, places);
  const access: Sessions['access'] = (...asked) => sessions.access(...asked);
  const forSessions = { access, changeFolder: `${places.runFolder}/rpcd` };
  await (await connect()).publish('session', sessions.methods());
  await (await connect()).publish('uci', uciMethods({ store, announce, reloadConfig, sessions: forSessions }));
  const { httpPort, wwwFolder } = places;
  const http = httpPort === undefined ? undefined : serveHttp(await connect(), wwwFolder, httpPort);
  const netifd = new Netifd({
    store,
    bus: await connect(),
    run,
    handlerFolder: places.handlerFolder,
    resolvPath: places.resolvPath,
    hotplug: async (variables) => {
      services.event(`interface.${variables['ACTION'] === 'ifdown' ? 'down' : 'update'}`, {
        interface: variables['INTERFACE'] ?? '',
      });
      await runLogged([places.hotplugCall, 'iface'], variables);
    },
  });
  await netifd.start();
  const parts = { places, store, services, netifd, run, bus: await connect() };
  const closeDoor = openDoor(places.doorFolder, tools(parts, reloadConfig));
  return {
    close: async () => {
      closeDoor();
      http?.close();
      await services.stopAll();
      server.close();
    },
  };
}
