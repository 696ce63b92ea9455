/**
 * The router's one program: `rustynet daemon` is rustynetd, anything else the command line. In: arguments. Out: an exit
 * status. The only file, with cli.ts, that builds drivers.
 */
import { Agent } from './control/agent.ts';
import { Fault, type Ubus, type World } from './control/ports.ts';
import { openAsker } from './drivers/ask.ts';
import { openAudit } from './drivers/audit.ts';
import { openBootGuard } from './drivers/boot-guard.ts';
import { connectDnsmasq } from './drivers/dnsmasq.ts';
import { connectFirewall } from './drivers/nft.ts';
import { monitorTables } from './drivers/nft-monitor.ts';
import { openFlash } from './drivers/flash.ts';
import { giveBackMemory } from './drivers/heap.ts';
import { openKeys } from './drivers/keys.ts';
import { connectBroker } from './drivers/mqtt.ts';
import { connectLifelines } from './drivers/lifelines.ts';
import { connectNetifd } from './drivers/netifd.ts';
import { connectResolver } from './drivers/resolver.ts';
import { connectRouting } from './drivers/routing.ts';
import { connectSurroundings } from './drivers/surroundings.ts';
import { connectUbus } from './drivers/ubus.ts';
import { connectConfiguration, connectSettings } from './drivers/uci.ts';
import { openVault } from './drivers/vault.ts';
import { connectWireGuard } from './drivers/wireguard.ts';
import { askPort } from './plan/observed.ts';
import { runCli, ubusSocket } from './cli.ts';

/** Replaced by bundle/build.ts. */
const version = process.env['RUSTYNET_VERSION'] ?? 'development';
const builtUnixS = Number(process.env['RUSTYNET_BUILT_UNIX_S'] ?? 0);

const folder = '/etc/rustynet';

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const monotonicMs = (): number => performance.now();

function connectWorld(ubus: Ubus, wireGuardPath: string, trigger: () => void): World {
  return {
    firewall: connectFirewall(),
    wireGuard: connectWireGuard(wireGuardPath),
    network: connectNetifd(ubus),
    routing: connectRouting(),
    bootGuard: openBootGuard(`${folder}/guard`),
    resolver: connectResolver(monotonicMs, trigger),
    surroundings: connectSurroundings(ubus),
    lifelines: connectLifelines(ubus, openAsker(askPort), monotonicMs, trigger),
    names: connectDnsmasq(ubus, openAsker(0)),
  };
}

function daemon(): void {
  const keys = openKeys(folder);
  const ubus = connectUbus({ path: ubusSocket, onFault: (fault) => log(fault.message) });
  const agent: Agent = new Agent({
    version,
    builtUnixS,
    identity: keys,
    world: connectWorld(ubus, keys.wireGuardPath, () => agent.trigger()),
    settings: connectSettings(ubus),
    configuration: connectConfiguration(ubus),
    store: openFlash(`${folder}/state`),
    audit: openAudit(`${folder}/audit`),
    vault: openVault(folder),
    ubus,
    connectBroker: (settings, onMessage, onState) => connectBroker({ settings, onMessage, onState }),
    clockUnixS: () => Date.now() / 1000,
    monotonicS: () => monotonicMs() / 1000,
    rest: giveBackMemory,
    log,
  });
  const monitor = monitorTables(() => agent.tablesChanged(), log);
  const stop = (): void => {
    monitor.close();
    void agent.stop().finally(() => {
      ubus.close();
      process.exit(0);
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  agent.start();
  log(`rustynetd ${version}, node ${keys.id}`);
}

async function main(argv: readonly string[]): Promise<number | undefined> {
  if (argv[0] !== 'daemon') return runCli(argv, version);
  daemon();
  return undefined;
}

main(process.argv.slice(2)).then(
  (status) => {
    if (status !== undefined) process.exitCode = status;
  },
  (error: unknown) => {
    log(`rustynet: ${error instanceof Fault ? `${error.code}: ${error.message}` : String(error)}`);
    process.exitCode = 1;
  },
);
