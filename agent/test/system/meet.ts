/**
 * Packets on their way. In: a router's world, a scenario of packets.ts, its rules or others. Out: what became of each
 * packet, once these rules alone are in the kernel.
 */
import { connectFirewall } from '../../src/drivers/nft.ts';
import { connectRouting } from '../../src/drivers/routing.ts';
import { behind, type Expectation, type Outcome, type Scenario } from './packets.ts';
import type { Probe } from './prober.ts';
import type { Place, RouterWorld } from './router-world.ts';

function probeOf([sentence, , text, wanted]: Expectation): Probe {
  const [protocol, from = '', ...rest] = text.split(' ');
  const [to = '', port] = rest.slice(rest.indexOf('>') + 1);
  const sport = rest[0] === '>' ? {} : { sport: Number(rest[0]) };
  return {
    protocol: protocol === 'tcp' ? 'tcp' : 'udp',
    from,
    ...sport,
    to,
    port: Number(port),
    token: sentence,
    wanted,
  };
}

/** Nothing of ours is left. */
export async function clear({ spaces }: RouterWorld): Promise<void> {
  spaces.router.run(
    `nft flush ruleset; for family in 4 6; do for priority in 852 853; do
      while ip -$family rule del priority $priority 2>/dev/null; do :; done; done
      ip -$family route flush table 8507 2>/dev/null
      ip -$family route flush type unreachable table main metric 2147483647 2>/dev/null; done; true`,
  );
}

function bend({ spaces }: RouterWorld, statement: string): void {
  const [bent] = statement.split(' tcp flags');
  spaces.mesh.run(
    `nft 'flush ruleset; add table inet bend; add chain inet bend out { type filter hook postrouting priority 0; };
      add rule inet bend out ${statement}'`,
  );
  spaces.router.run(
    `nft 'add table inet witness; add chain inet witness in { type filter hook input priority 10; };
      add rule inet witness in ${bent ?? ''} counter'`,
  );
}
function passed({ spaces }: RouterWorld): boolean {
  spaces.mesh.run('nft flush ruleset');
  return !spaces.router.run('nft list table inet witness').includes('counter packets 0');
}

async function ask({ probers }: RouterWorld, expectations: readonly Expectation[]): Promise<Outcome> {
  const places = ['router', 'mesh', 'lan', 'wan'] as const;
  const of = (place: Place): readonly Expectation[] => expectations.filter(([, from]) => from === place);
  const first = await Promise.all(places.map((place) => probers[place].ask(of(place).map(probeOf))));
  const then = await Promise.all(places.map((place) => probers[place].ask([])));
  const heard = Object.assign({}, ...[...first, ...then].map((each) => each.heard)) as Record<string, string>;
  return Object.fromEntries(
    places.flatMap((place, index) =>
      of(place).map(([sentence], at) => {
        const seen = first[index]?.seen[at] ?? 'none';
        return [sentence, seen === 'none' && sentence in heard ? `heard ${heard[sentence] ?? ''}` : seen];
      }),
    ),
  );
}

export async function meet(world: RouterWorld, scenario: Scenario, rules = scenario.rules): Promise<Outcome> {
  await clear(world);
  if (scenario.bent !== undefined) bend(world, scenario.bent);
  await world.spaces.router.enter(async () => {
    if (rules.nft !== '') await connectFirewall().run(rules.nft);
    await connectRouting().run({ 4: rules.ip4, 6: rules.ip6 });
  });
  await new Promise((resolve) => setTimeout(resolve, scenario.waitMs ?? 0));
  const seen = await ask(world, scenario.expectations);
  return scenario.bent === undefined ? seen : { ...seen, [behind]: passed(world) ? 'passed' : 'none' };
}
