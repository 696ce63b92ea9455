// All of a router that joining or installing could change, to compare before and after. In: a router. Out: text by view.
import type { Router } from './router.ts';

/** What a person or a program can see of the configuration, and what the kernel does with packets. */
export const views: Readonly<Record<string, string>> = {
  uci: 'cat /etc/config/*; uci changes',
  nft: "nft list ruleset | sed -E 's/ counter packets [0-9]+ bytes [0-9]+//; s/ expires [0-9a-z]+//'",
  rules: 'ip rule; ip -6 rule',
  routes: 'ip route show table all | sort; ip -6 route show table all | sort',
  links: "ip -o link | sed -E 's/^[0-9]+: //' | sort",
  // What a packet changes by itself is no setting; and WireGuard turns off conf.all.send_redirects for good (wg_open).
  sysctl:
    "sysctl -a 2>/dev/null | grep '^net\\.' | grep -vE 'conf.all.send_redirects|conntrack_count|nf_log|inet_peer|random|drop_entry' | sort",
  names:
    'find /tmp -path "*dnsmasq*" -type f ! -name "*.pid" -exec cat {} + ; ls /tmp/hosts; cat /tmp/resolv.conf* 2>/dev/null',
};

/** A reload of fw4 flushes its table: the chains of a zone that is gone stay in it, empty, until a restart. */
const withoutEmptyChains = (text: string): string =>
  text.replaceAll(/\tchain \w+ \{\n\t\}\n/g, '').replaceAll(/\n\n+/g, '\n');

async function look({ guest }: Router): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const [name, command] of Object.entries(views)) seen[name] = await guest.run(`${command}; true`);
  return { ...seen, nft: withoutEmptyChains(seen['nft'] ?? '') };
}

/** Until it stays the same: fw4 and netifd follow a commit a second later. */
export async function settled(router: Router): Promise<Record<string, string>> {
  let [last, next] = [await look(router), await look(router)];
  const moving = (): string[] => Object.keys(views).filter((name) => last[name] !== next[name]);
  for (let tries = 0; tries < 20; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    [last, next] = [next, await look(router)];
    if (moving().length === 0) return next;
  }
  const [name = ''] = moving();
  throw new Error(
    `${router.name}: wanted ${name} to stay as it is, got ${String(last[name])} and ${String(next[name])}`,
  );
}
