// What a packet pays for many grants: TCP from host to host, which one rule of the first and one of the last place lets pass,
// among 10, 1,000 and 10,000. In: a mesh. Out: bits a second, in turn.
import type { Series } from '../evidence/budgets.ts';
import type { Mesh, PolicyRule } from '../topology/mesh.ts';
import { openRules } from '../topology/mesh.ts';
import { bitsPerSecond, serveIperf } from './iperf.ts';

const counts = [10, 1000, 10_000];
const rounds = 3;
/** A rule has at most so many protocols. */
const portsOfRule = 30;

/** Ports that the flow does not use, each a grant of its own, before the rule that lets it pass. */
function rulesOf(count: number, open: readonly PolicyRule[]): readonly PolicyRule[] {
  const ports = Array.from({ length: count }, (_, at) => `udp:${10_000 + 2 * at}`);
  const rules: PolicyRule[] = [];
  for (let at = 0; at < ports.length; at += portsOfRule) {
    rules.push({ from: ['any'], to: ['192.168.2.2/32'], protocols: ports.slice(at, at + portsOfRule) });
  }
  return [...rules, ...open];
}

export async function grants(mesh: Mesh): Promise<readonly Series[]> {
  const [r1, r2] = [mesh.router('r1'), mesh.router('r2')];
  await serveIperf(r2);
  const values = new Map<number, number[]>(counts.map((count) => [count, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const count of round % 2 === 0 ? counts : counts.toReversed()) {
      await mesh.setPolicy(rulesOf(count, openRules(mesh.routers.values())));
      const epoch = await mesh.release();
      await Promise.all([r1, r2].map((router) => router.reaches('enforced', epoch, 300_000)));
      const own = values.get(count) ?? [];
      for (let run = 0; run < 2; run += 1) own.push(await bitsPerSecond(r1, r1.hostAddress, r2.hostAddress));
    }
  }
  return [...values].map(([count, own]) => ({
    ...{ name: `${count} grants: TCP through rustynet`, unit: 'bit/s' },
    values: own,
  }));
}
