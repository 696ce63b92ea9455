/**
 * The chains that ask the table's maps what is granted. In: the mark of what goes to the internet; elements that are being
 * replaced. Out: the chains; commands that put their rules anew.
 *
 * While an element is replaced, the kernel finds neither the old nor the new for an instant of the commit (a tenth of
 * these lost one of 160 packets a second, Linux 6.12). Rules change at once: meanwhile they judge by words of their own.
 */
import * as nft from './nft.ts';
import { dropped, equals, rule, type Chain, type Chains, type Rule } from './nft.ts';

type Ip = 'ip' | 'ip6';
/** By map, the elements that are being replaced: key to the chain that it shall have. */
export type Moving = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** One map, and what is asked of it. */
interface Asked {
  readonly map: string;
  /** What a packet must be, and is given, before. */
  readonly when: readonly Rule[];
  readonly key: { readonly text: string; readonly expr: object };
}
interface Asking {
  readonly before: readonly Rule[];
  readonly asks: readonly Asked[];
}

/** What is no internet: IANA's special-purpose registries, multicast; of IPv6 all but global unicast (RFC 4291). */
const notInternet4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.168.0.0/16', '224.0.0.0/3'],
];
const globalUnicast6 = '2000::/3';

function prefix(text: string): object {
  const [addr, length] = text.split('/');
  return { prefix: { addr, len: Number(length) } };
}

const original = (ip: Ip, side: 'saddr' | 'daddr'): object => ({ ct: { key: `${ip} ${side}`, dir: 'original' } });

/** A pair of addresses, to the chain of its protocols. */
function askedPair(ip: Ip): Asked {
  return {
    map: ip === 'ip' ? 'grants4' : 'grants6',
    when: [],
    key: {
      text: `ct original ${ip} saddr . ct original ${ip} daddr`,
      expr: { concat: [original(ip, 'saddr'), original(ip, 'daddr')] },
    },
  };
}

/** A source that sends to the internet, to the chain of its protocols. */
function askedExit(ip: Ip, map: 'uses' | 'carries', mark: number): Asked {
  const [text, match] =
    ip === 'ip'
      ? [`!= { ${notInternet4.join(', ')} }`, nft.differs(original(ip, 'daddr'), { set: notInternet4.map(prefix) })]
      : [globalUnicast6, equals(original(ip, 'daddr'), prefix(globalUnicast6))];
  return {
    map: `${map}${ip === 'ip' ? 4 : 6}`,
    when: [{ text: `ct original ${ip} daddr ${text}`, expr: [match] }, nft.setMark(mark)],
    key: { text: `ct original ${ip} saddr`, expr: original(ip, 'saddr') },
  };
}

/** The rules that ask, by the chains that they stand in. */
function askings(mark: number): ReadonlyMap<string, Asking> {
  const exit = (map: 'uses' | 'carries'): Asking => ({
    before: [],
    asks: [askedExit('ip', map, mark), askedExit('ip6', map, mark)],
  });
  return new Map([
    ['pairs', { before: [rule(nft.invalid, dropped)], asks: [askedPair('ip'), askedPair('ip6')] }],
    ['uses', exit('uses')],
    ['carries', exit('carries')],
  ]);
}

function chainOf({ before, asks }: Asking): Chain {
  const rules = asks.map(({ map, when, key }) =>
    rule(...when, { text: `${key.text} vmap @${map}`, expr: [{ vmap: { key: key.expr, data: `@${map}` } }] }),
  );
  return { rules: [...before, ...rules] };
}

/** `mark` is that of what goes to the internet or comes back from it. */
export function askingChains(mark: number): Chains {
  return new Map([...askings(mark)].map(([name, asking]) => [name, chainOf(asking)]));
}

/** A rule that judges by its own words, for as long as the map has none. */
function insteadOf({ when, key }: Asked, words: ReadonlyMap<string, string>): Rule {
  const verdicts = [...words].map(([word, chain]) => `${word} : goto ${chain}`).join(', ');
  return rule(...when, { text: `${key.text} vmap { ${verdicts} }`, expr: [] });
}

/** Commands before the elements of `moving` are replaced, and after: each anew the rules of the chains that ask for one. */
export function renderAround(table: string, mark: number, moving: Moving): readonly [string, string] {
  const concerned = [...askings(mark)].filter(([, { asks }]) => asks.some(({ map }) => moving.has(map)));
  const render = (isMeanwhile: boolean): string =>
    concerned
      .map(([name, asking]) => {
        const instead = asking.asks.flatMap((each) => {
          const words = isMeanwhile ? moving.get(each.map) : undefined;
          return words === undefined ? [] : [insteadOf(each, words)];
        });
        const before = [...asking.before, ...instead];
        return `flush chain ${table} ${name}\n${nft.renderRules(table, name, chainOf({ ...asking, before }).rules)}`;
      })
      .join('');
  return [render(true), render(false)];
}
