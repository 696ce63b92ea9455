/**
 * The maps that say what is granted, and the chains that ask them. In: the mark of what goes to the internet; elements that
 * are being replaced. Out: the maps and chains; commands that put the rules of the chains anew.
 *
 * While an element is replaced, the kernel finds neither the old nor the new for an instant of the commit (a tenth of
 * these lost one of 160 packets a second, Linux 6.12). Rules change at once: meanwhile they judge by words of their own.
 */
import * as nft from './nft.ts';
import { dropped, equals, rule, type Chain, type Chains, type Rule } from './nft.ts';

type Ip = 'ip' | 'ip6';
export interface Moving {
  /** The elements that are being replaced: key to the chain that it shall have. */
  readonly words: ReadonlyMap<string, string>;
  /** The whole map goes and comes anew: its words are all of it, and nobody asks it meanwhile. */
  readonly isWhole: boolean;
}
/** By the name of the map. */
export type Movings = ReadonlyMap<string, Moving>;

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

function asking({ map, when, key }: Asked): Rule {
  return rule(...when, { text: `${key.text} vmap @${map}`, expr: [{ vmap: { key: key.expr, data: `@${map}` } }] });
}

/** `mark` is that of what goes to the internet or comes back from it. */
export function askingChains(mark: number): Chains {
  const chainOf = ({ before, asks }: Asking): Chain => ({ rules: [...before, ...asks.map(asking)] });
  return new Map([...askings(mark)].map(([name, each]) => [name, chainOf(each)]));
}

/** Commands that add the maps, empty; all of them, or the one of this name. */
export function renderMaps(table: string, mark: number, name?: string): string {
  return [...askings(mark).values()]
    .flatMap(({ asks }) => asks)
    .filter(({ map }) => name === undefined || map === name)
    .map(({ map, key }) => `add map ${table} ${map} { typeof ${key.text} : verdict; flags interval; }\n`)
    .join('');
}

/** A rule that judges by its own words, for as long as the map has none. */
function insteadOf({ when, key }: Asked, { words }: Moving): readonly Rule[] {
  const verdicts = [...words].map(([word, chain]) => `${word} : goto ${chain}`).join(', ');
  return words.size === 0 ? [] : [rule(...when, { text: `${key.text} vmap { ${verdicts} }`, expr: [] })];
}

/** Commands before the elements of `movings` are replaced, and after: each anew the rules of the chains that ask for one. */
export function renderAround(table: string, mark: number, movings: Movings): readonly [string, string] {
  const concerned = [...askings(mark)].filter(([, { asks }]) => asks.some(({ map }) => movings.has(map)));
  const render = (rulesOf: (asked: Asked) => readonly Rule[]): string =>
    concerned
      .map(([name, { before, asks }]) => {
        const rules = [...before, ...asks.flatMap(rulesOf)];
        return `flush chain ${table} ${name}\n${nft.renderRules(table, name, rules)}`;
      })
      .join('');
  const meanwhile = (asked: Asked): readonly Rule[] => {
    const moving = movings.get(asked.map);
    if (moving === undefined) return [asking(asked)];
    return [...insteadOf(asked, moving), ...(moving.isWhole ? [] : [asking(asked)])];
  };
  return [render(meanwhile), render((asked) => [asking(asked)])];
}
