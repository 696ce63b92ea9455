// A later package of the same program, to upgrade to, and what a package leaves. In: the router's bundle. Out: the bytes of
// the package; only the number differs, in the program too, so that the one that runs can be told.
import { readFileSync } from 'node:fs';
import { builtUnixS, routerBundle, version } from '../../bundle/build.ts';
import { routerContent } from '../../bundle/content.ts';
import { buildIpk } from '../../bundle/ipk.ts';

export const newerVersion = '99.0.0';

export async function newerIpk(): Promise<Uint8Array> {
  const next = readFileSync(routerBundle, 'utf8').replaceAll(JSON.stringify(version), JSON.stringify(newerVersion));
  const { bytes } = buildIpk(await routerContent(Buffer.from(next)), newerVersion, builtUnixS);
  return bytes;
}

/** By name and by number, wherever the package or the agent could have left it; fw4 keeps its empty chains for a while. */
export const traces = `
find / -xdev -name '*rustynet*' ! -path '/lab/*'; find /tmp -name '*rustynet*'
uci show network | grep rustynet; uci show firewall | grep rustynet; uci -q show rustynet
nft list ruleset | grep -i rustynet | grep -v 'chain .* {$'; ls /sys/class/net | grep rn0; ip rule | grep -E '^85[0-9]:'; ip -6 rule | grep -E '^85[0-9]:'
ip route show table 8507; ip -6 route show table 8507; ip route show type unreachable; ip -6 route show type unreachable
ls /etc/rc.d | grep rustynet; ubus list | grep rustynet; grep -la 'rustynet[.]js' /proc/[0-9]*/cmdline
true`;
