// Where packets can end in a router. In: a router. Out: the kernel's own counters, by name, and which of them moved
// between two looks. Read from /proc/net (softnet_stat, snmp, netstat, stat/*), /sys/class/net and WireGuard.
import type { Router } from './router.ts';

export type Counters = ReadonlyMap<string, number>;

/** Counted though nothing is wrong. */
const ordinary =
  /(packets|bytes|compressed|multicast|Octets|Pkts|InEchos|OutEcho|InEchoReps|InType|OutType)|Msgs|Segs|Datagrams|Receives|Requests|Delivers|Reps|OutTransmits|softnet processed|TCP|Tcp|lookups|hits|entries|allocs|destroys|res_failed/;

const script = `for where in '' 'ip netns exec host'; do
echo "WHERE $where"
$where sh -c 'for f in /sys/class/net/*/statistics/*; do d=\${f#/sys/class/net/}; echo "link \${d%%/*} \${d##*/} $(cat $f)"; done
awk "{ print \\"softnet x dropped \\" \\$2; print \\"softnet x squeezed \\" \\$3 }" /proc/net/softnet_stat
for f in snmp netstat; do echo FILE $f; cat /proc/net/$f; done
for f in arp_cache ndisc_cache nf_conntrack rt_cache; do echo FILE stat/$f; cat /proc/net/stat/$f 2>/dev/null; done'
done`;

/** The pairs of lines `Ip: InReceives ...`, `Ip: 12 ...`. */
function pairsOf(names: readonly string[], values: readonly string[], radix: number): [string, number][] {
  return names.map((name, at) => [name, Number.parseInt(values[at] ?? '0', radix)]);
}

export async function countersOf(router: Router): Promise<Counters> {
  const counters = new Map<string, number>();
  let [where, names]: [string, readonly string[] | undefined] = [router.name, undefined];
  for (const line of (await router.guest.run(script)).split('\n')) {
    const words = line.trim().split(/\s+/);
    const [kind = '', one = '', two = '', value] = words;
    if (kind === 'WHERE') where = one === '' ? router.name : `host of ${router.name}`;
    else if (kind === 'FILE') names = undefined;
    else if (kind === 'link') counters.set(`${where}: ${one} ${two}`, Number(value));
    else if (kind === 'softnet') {
      const name = `${where}: softnet ${two}`;
      counters.set(name, Number.parseInt(value ?? '0', 16));
    } else if (names === undefined) names = words;
    else {
      const isPair = kind.endsWith(':');
      for (const [name, count] of pairsOf(names, words, isPair ? 10 : 16)) {
        if (!name.endsWith(':') && !Number.isNaN(count)) counters.set(`${where}: ${isPair ? kind : ''}${name}`, count);
      }
      names = undefined;
    }
  }
  return counters;
}

/** Counters of loss and trouble that moved, a line each. */
export function moved(before: Counters, after: Counters): readonly string[] {
  return [...after]
    .filter(([name, count]) => count !== (before.get(name) ?? 0) && !ordinary.test(name))
    .map(([name, count]) => `${name} +${count - (before.get(name) ?? 0)}`);
}
