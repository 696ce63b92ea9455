// Prometheus itself, on this machine, that scrapes a router of the lab. In: a router with the collector's package. Out: what
// it answers to PromQL. The exporter in the guest is a stand-in (standin/prometheus), run anew for each scrape.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { builtUnixS, version } from '../../bundle/build.ts';
import { collectorContent } from '../../bundle/content.ts';
import { buildIpk } from '../../bundle/ipk.ts';
import type { Router } from './router.ts';

const standin = join(import.meta.dirname, '../standin/prometheus');
const exporter = '/usr/bin/prometheus-node-exporter-lua';
const scrapeS = 3;
const patienceMs = 30_000;

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface Prometheus {
  /** Asks until the answer is as wanted; throws with the last one. */
  until(query: string, isWanted: (samples: readonly Sample[]) => boolean): Promise<readonly Sample[]>;
  stop(): Promise<void>;
}

/** The collector as it is shipped, with stand-ins for the exporter and for OpenWrt's Lua. */
export async function installCollector({ guest }: Router): Promise<void> {
  await guest.writeFile(exporter, readFileSync(join(standin, 'exporter.lua')));
  await guest.run('mkdir -p /usr/lib/lua');
  await guest.writeFile('/usr/lib/lua/ubus.lua', readFileSync(join(standin, 'ubus.lua')));
  await guest.writeFile('/tmp/collector.ipk', buildIpk(await collectorContent(), version, builtUnixS).bytes);
  await guest.run('opkg install /tmp/collector.ipk');
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function exporterOf({ guest }: Router): Server {
  return createServer((_, response) => {
    guest.exec(`lua5.1 ${exporter}`).then(
      ({ stdout }) => response.setHeader('content-type', 'text/plain; version=0.0.4').end(stdout),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
}

/** Nobody else listens there a moment later, most likely; if somebody does, Prometheus says so and ends. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function ask(port: number, query: string): Promise<readonly Sample[]> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as {
    data: { result: readonly { metric: Record<string, string>; value: readonly [number, string] }[] };
  };
  return data.result.map(({ metric: labels, value }) => ({ labels, value: Number(value[1]) }));
}

async function until(
  port: number,
  query: string,
  isWanted: (samples: readonly Sample[]) => boolean,
  endedBy: () => string | undefined,
): Promise<readonly Sample[]> {
  let last = 'nothing';
  for (const endMs = performance.now() + patienceMs; performance.now() < endMs; await pause(500)) {
    const end = endedBy();
    if (end !== undefined) throw new Error(`prometheus: wanted it to run on, got ${end}`);
    try {
      const samples = await ask(port, query);
      if (isWanted(samples)) return samples;
      last = JSON.stringify(samples);
    } catch (error) {
      // It does not answer before it has begun.
      last = String(error);
    }
  }
  throw new Error(`${query}: wanted another answer of Prometheus, got ${last}`);
}

export async function startPrometheus(router: Router): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'rustynet-prometheus-'));
  const server = exporterOf(router);
  const [target, port] = [await listening(server), await freePort()];
  const settings = {
    global: { scrape_interval: `${scrapeS}s`, scrape_timeout: `${scrapeS}s` },
    scrape_configs: [{ job_name: 'router', static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  // YAML is a superset of JSON.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(settings));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  let endedBy: string | undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      endedBy ??= how;
      resolve();
    };
    child.once('close', (code, signal) => end(signal ?? `status ${String(code)}`));
    child.once('error', (error) => end(`${error.message} (sh bundle/prepare.sh installs it)`));
  });
  return {
    until: (query, isWanted) => until(port, query, isWanted, () => endedBy),
    stop: async () => {
      child.kill();
      await ended;
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
