/**
 * Rules that are broken on purpose. In: the rules of packets.ts as they are rendered. Out: a list of replacements in them,
 * each of a text that is there exactly once, and which sentences notice it.
 */
import { scenarios, wantedOf, type Outcome, type Rules } from './packets.ts';

export type ScenarioName = keyof typeof scenarios;
/** `shuts`: the sentence whose packet must not pass any more; without it, one passes that must not, or as another. */
export type Mutation = [name: string, scenario: ScenarioName, from: RegExp, to: string, shuts?: string];

export const mutations: readonly Mutation[] = [
  ['the drop behind the pairs is gone: input', 'pairs', /add rule inet rustynet input iifname "rn0" drop\n/, ''],
  ['the drop behind the pairs is gone: into the LAN', 'pairs', /add rule .* forward iifname "rn0" drop\n/, ''],
  ['the drop behind the pairs is gone: out of the LAN', 'pairs', /add rule .* forward oifname "rn0" drop\n/, ''],
  ['the drop behind the pairs is gone: output', 'pairs', /add rule .* output oifname "rn0" drop\n/, ''],
  ['the guard forgets forwarding', 'pairs', /(chain inet rustynet forward \{ )type.*; /, '$1'],
  ['the guard forgets what the router sends', 'pairs', /(chain inet rustynet output \{ )type.*; /, '$1'],
  ['IPv6 is not judged', 'pairs', /ct original ip6 .* vmap @grants6/, 'meta nfproto ipv6 accept'],
  ['IPv6 is not granted', 'pairs', /add rule .* vmap @grants6\n/, '', 'so it is in IPv6'],
  ['a source is all of the mesh', 'pairs', /10\.77\.0\.3 \. 10\.77\.0\.4/, '10.77.0.0/16 . 10.77.0.4'],
  ['a LAN is granted with its neighbours', 'pairs', /10\.77\.0\.3 \. 192\.168\.4\.0-\S+/, '10.77.0.3 . 192.168.0.0/16'],
  ['every port passes', 'pairs', /original udp dport \{ 53 \}/, 'original meta l4proto udp'],
  ['what looks like an answer passes', 'pairs', /ct direction reply udp sport/, 'udp sport'],
  [
    'a granted pair passes whatever it sends',
    'pairs',
    /drop(\nadd chain inet rustynet p_\w+ [^]*chain inet rustynet p_)/,
    'accept$1',
  ],
  ['invalid packets pass', 'invalid', /ct state invalid drop/, 'ct state invalid accept'],
  ['the lease has no timeout', 'no lease', / timeout 1s/, ''],
  ['the lease is not asked: input', 'no lease', /add rule .* input .* != @lease drop\n/, ''],
  [
    'the lease is not asked: into the LAN',
    'no lease',
    /add rule .* iifname "rn0" iifname != @lease drop\n(?=.*oifname)/,
    '',
  ],
  ['the lease is not asked: out of the LAN', 'no lease', /add rule .* forward oifname .* @lease drop\n/, ''],
  ['the lease is not asked: output', 'no lease', /add rule .* output .* != @lease drop\n/, ''],
  ['the exit carries to its own LAN', 'exit', / oifname @uplinks/, ''],
  ['the exit carries everyone', 'exit', /ct original ip saddr vmap @carries4/, 'accept'],
  ['the exit carries everyone in IPv6', 'exit', /ct original ip6 saddr vmap @carries6/, 'accept'],
  ['a private address counts as internet', 'exit', /(carries ct original .*), 192\.168\.0\.0\/16/, '$1'],
  ['every IPv6 address counts as internet', 'exit', /(carries) ct original ip6 daddr 2000::\/3/, '$1'],
  ['the exit does not hide whom it carries', 'exit', /add rule .* nat iifname .* masquerade\n/, ''],
  ['the internet reaches in through the exit', 'exit', /ct direction reply jump carries(?=\n.*iifname)/, 'accept'],
  ['strangers are not hidden from the exit', 'client', /add rule .* != @own4 masquerade\n/, ''],
  ['nor in IPv6', 'client', /add rule .* != @own6 masquerade\n/, ''],
  ['members are hidden from the exit', 'client', / ip saddr != @own4/, ''],
  ['the exit reaches in', 'client', /ct direction reply jump uses(?=\n.*@uplinks)/, 'accept'],
  ['the exit reaches the router', 'client', /(input iifname "rn0") ct direction reply jump uses/, '$1 accept'],
  ['members count as internet', 'client', /(uses ct original .*)10\.0\.0\.0\/8, /, '$1'],
  ['anybody sends in the name of a LAN', 'strangers', /add rule .* forward oifname .* fib .* drop\n/, ''],
  ['any route to the source will do', 'strangers', /fib saddr \. iif/, 'fib saddr'],
  ['answers are held to it in the place of requests', 'strangers', /original (fib saddr)/, 'reply $1'],
  ['protection forgets forwarding', 'protection', /(chain \S+ \S+ forward \{ )type.*; /, '$1'],
  ['protection forgets what the router sends', 'protection', /(chain \S+ rustynet_guard output \{ )type.*; /, '$1'],
  ['protection forgets IPv6', 'protection', /forward drop/, 'forward meta nfproto ipv4 drop'],
  ['plain DNS passes', 'protection', /(@resolvers4) udp sport 53853/, '$1'],
  ['a lifeline is open on every port', 'protection', /ip daddr \. .* @lifelines4/, 'ip daddr 198.51.100.9'],
  ['the mark of the tunnel opens everything', 'protection', /meta l4proto udp (meta mark)/, '$1'],
  ['DHCP is shut', 'protection', /add rule .* sport 68 udp dport 67 accept\n/, '', 'DHCP passes'],
  ['the tunnel is shut', 'protection', /add rule .* forward oifname "rn0" accept\n/, '', 'the tunnel is open'],
  ['no route holds back when the tunnel is gone', 'routing', /route replace unreachable 0.*8507.*\n/, ''],
  ['nor in IPv6', 'routing', /route replace unreachable ::.*8507.*\n/, ''],
  ['lifelines serve the LAN', 'routing', /(to 198\.51\.100\.9) iif lo (ipproto tcp)/, '$1 $2'],
  ['resolvers are asked from any port', 'routing', /(to 198\.51\.100\.9 .*) sport 53853/, '$1'],
  ['the LAN is not excepted', 'routing', /route replace throw 192\.168\.4\.0.*\n/, '', 'the LAN is reached'],
];

export interface Mutated {
  readonly rules: Rules;
  /** The text that was there, and what stands in its place. */
  readonly replaced: string;
  readonly by: string;
}

export function mutate([name, scenario, from, to]: Mutation): Mutated {
  const rules: Rules = scenarios[scenario].rules;
  const found = (Object.keys(rules) as (keyof Rules)[]).flatMap((key) =>
    [...rules[key].matchAll(new RegExp(from, 'g'))].map((match) => ({ key, match })),
  );
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`${name}: wanted ${String(from)} once, got it ${found.length} times`);
  }
  const [text, { index, 0: replaced }] = [rules[first.key], first.match];
  const bent = text.replace(from, to);
  const by = bent.slice(index, index + replaced.length + bent.length - text.length);
  return { rules: { ...rules, [first.key]: bent }, replaced, by };
}

/** Sentences that notice it: a packet that is lost by chance is none. */
export function noticedBy([, scenario, , , shuts]: Mutation, outcome: Outcome): readonly string[] {
  return Object.entries(wantedOf(scenarios[scenario])).flatMap(([sentence, wanted]) => {
    const source = outcome[sentence] ?? 'none';
    const isNoticed =
      shuts === undefined ? source !== wanted && source !== 'none' : source === 'none' && sentence === shuts;
    return isNoticed ? [sentence] : [];
  });
}
