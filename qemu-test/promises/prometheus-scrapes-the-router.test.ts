// What prometheus-node-exporter-lua tells by our collector is what the daemon says, as Prometheus itself understands it; an
// agent that does not answer is a failed scrape and no zero.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../agent/src/control/ports.ts';
import type { Mesh } from '../topology/mesh.ts';
import { installCollector, startPrometheus, type Prometheus } from '../topology/prometheus.ts';
import { formMesh } from '../topology/saved.ts';

let mesh: Mesh;
let prometheus: Prometheus;
beforeAll(async () => {
  mesh = await formMesh({ routers: ['r1', 'r2'] });
  await installCollector(mesh.router('r1'));
  prometheus = await startPrometheus(mesh.router('r1'));
});
afterAll(async () => {
  await prometheus.stop();
  await mesh.stop();
});

const one = async (query: string): Promise<number> =>
  (await prometheus.until(query, (samples) => samples.length === 1))[0]?.value ?? NaN;

test('state, map, broker and lease are those of the daemon', async () => {
  const { map, node, version } = (await mesh.router('r1').status()) as Record<string, JsonObject>;
  const [state] = await prometheus.until('rustynet_state == 1', (samples) => samples.length === 1);
  expect(state?.labels['state']).toBe('enforced');
  expect(await one('count(rustynet_state)')).toBe(7);
  expect(await one('rustynet_map_epoch')).toBe(map?.['epoch']);
  expect(await one('rustynet_map_expires_timestamp_seconds')).toBe(map?.['expires']);
  expect(await one('rustynet_broker_connected')).toBe(1);
  expect(await one('rustynet_lease_seconds')).toBeGreaterThan(0);
  const [info] = await prometheus.until('rustynet_info', (samples) => samples.length === 1);
  expect(info?.labels).toMatchObject({ node, version });
  expect(await one('node_scrape_collector_success{collector="rustynet"}')).toBe(1);
});

test('traffic to a peer is counted by its name, beside its handshake and its link', async () => {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  const received = 'rustynet_peer_received_bytes_total{peer="r2"}';
  const before = await one(received);
  expect(await r1.hostPings(r2.hostAddress, 10)).toEqual({ sent: 10, received: 10 });
  // An answer of 84 bytes is 128 in WireGuard's counter at least.
  await prometheus.until(received, ([sample]) => (sample?.value ?? 0) >= before + 10 * 128);
  const { peers } = JSON.parse(await r1.guest.run('ubus call rustynet peers')) as { peers: JsonObject[] };
  // A mesh that was kept from earlier has a handshake of then, and its link may be quiet.
  const shaken = Number(peers[0]?.['latest_handshake']);
  expect(shaken).toBeGreaterThan(0);
  expect(await one('rustynet_peer_latest_handshake_timestamp_seconds{peer="r2"}')).toBeGreaterThanOrEqual(shaken);
  expect(await one('count(rustynet_peers)')).toBe(4);
  expect(await one('sum(rustynet_peers{link=~"up|quiet"})')).toBe(1);
});

test('of what README has for an alarm, nothing is raised, and Prometheus takes each', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, alarms = ''] = /To be alarmed by:\n\n((?: {4}.*\n)+)/.exec(readme) ?? [];
  const rules = alarms.trim().split(/\n */);
  expect(rules.length).toBeGreaterThan(4);
  // A query that it does not take has no result, which is no empty one.
  for (const rule of rules) await prometheus.until(rule, (samples) => samples.length === 0);
  // Nor is one of a metric that there is none of.
  for (const [name] of alarms.matchAll(/(?:rustynet|node)_\w+/g))
    expect(await one(`count(${name})`)).toBeGreaterThan(0);
});

test('an agent that is stopped is a failed scrape, and has neither state nor peers', async () => {
  await mesh.router('r1').guest.run('/etc/init.d/rustynet stop');
  await prometheus.until('node_scrape_collector_success{collector="rustynet"}', ([sample]) => sample?.value === 0);
  for (const gone of ['rustynet_state', 'rustynet_lease_seconds', 'rustynet_peers'])
    await prometheus.until(gone, (samples) => samples.length === 0);
});
