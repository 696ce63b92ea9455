/**
 * `nft -j list table`. In: its text. Out: chains with their rules, sets and maps with their elements, each as a value
 * that can be compared; handles and counters, which say nothing about what a packet meets, are left out.
 * Specified in libnftables-json(5).
 */
import { WireError } from './error.ts';

export interface NftChain {
  /** `undefined` for a chain that no hook enters. */
  readonly hook?: { readonly type: string; readonly hook: string; readonly priority: number; readonly policy: string };
  /** The expressions of each rule, as canonical JSON. */
  readonly rules: readonly string[];
}
/**
 * Of a set or a map. Keys as nft's own text has them: `rn0`, `10.0.0.0/8`, `10.0.0.1 . 10.0.0.2-10.0.0.5`. To the chain
 * that a map goes to; `unknown` for any other verdict, empty in a set.
 */
export type Elements = ReadonlyMap<string, string>;

export interface NftTable {
  readonly chains: ReadonlyMap<string, NftChain>;
  /** Sets and maps. */
  readonly sets: ReadonlyMap<string, Elements>;
  /** Seconds that elements with a timeout have left, by set and key: `lease rn0`. */
  readonly expiresS: ReadonlyMap<string, number>;
  /** With the devices whose packets they take. */
  readonly flowtables: ReadonlyMap<string, readonly string[]>;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * One text for each meaning: sorted keys, a set of one entry as that entry, other sets sorted; a number that stands as
 * text, as the index of no device does in nft 1.0, as that number.
 */
export function canonical(value: unknown): string {
  return write(value as Json);
}

function write(value: Json): string {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(write).join(',')}]`;
  if (!isObject(value)) return typeof value === 'string' && /^\d{1,9}$/.test(value) ? value : JSON.stringify(value);
  const { set } = value;
  if (Array.isArray(set) && Object.keys(value).length === 1) {
    const entries = (set as readonly Json[]).map(write).sort();
    return entries.length === 1 ? (entries[0] ?? '') : `{"set":[${entries.join(',')}]}`;
  }
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${write(value[key] ?? null)}`).join(',')}}`;
}

function textOf(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string') throw new WireError('malformed', `wanted text as ${key} in nft's JSON, got none`);
  return value;
}

function chainOf(object: JsonObject): NftChain {
  if (typeof object['hook'] !== 'string') return { rules: [] };
  const { prio } = object;
  if (typeof prio !== 'number') throw new WireError('malformed', "wanted a priority in nft's JSON, got none");
  const hook = { type: textOf(object, 'type'), hook: textOf(object, 'hook'), priority: prio };
  return { hook: { ...hook, policy: textOf(object, 'policy') }, rules: [] };
}

/** What is none of the keys that a table of ours has stays JSON, and equals none of them. */
function keyText(key: Json): string {
  if (!isObject(key)) return String(key);
  const { concat, range, prefix } = key;
  if (Array.isArray(concat)) return (concat as readonly Json[]).map(keyText).join(' . ');
  if (Array.isArray(range)) return range.join('-');
  return isObject(prefix) ? `${String(prefix['addr'])}/${String(prefix['len'])}` : write(key);
}

function chainNamed(verdict: Json): string {
  const goto = isObject(verdict) ? verdict['goto'] : undefined;
  const target = isObject(goto) ? goto['target'] : undefined;
  return typeof target === 'string' ? target : 'unknown';
}

/** `elem` wraps a key that has a timeout; a map's element is a pair. */
function elementOf(entry: Json): { readonly key: string; readonly chain: string; readonly leftS: Json | undefined } {
  const [key = null, verdict] = Array.isArray(entry) ? (entry as readonly Json[]) : [entry, undefined];
  const wrapped = isObject(key) && isObject(key['elem']) ? key['elem'] : undefined;
  const chain = verdict === undefined ? '' : chainNamed(verdict);
  return { key: keyText(wrapped?.['val'] ?? key), chain, leftS: wrapped?.['expires'] };
}

function elementsOf({ elem = [] }: JsonObject, expires: (key: string, leftS: number) => void): Elements {
  const elements = new Map<string, string>();
  for (const entry of Array.isArray(elem) ? (elem as readonly Json[]) : []) {
    const { key, chain, leftS } = elementOf(entry);
    elements.set(key, chain);
    if (typeof leftS === 'number') expires(key, leftS);
  }
  return elements;
}

/** One device is not written as a list. */
function devicesOf({ dev = [] }: JsonObject): readonly string[] {
  return (Array.isArray(dev) ? (dev as readonly Json[]) : [dev]).map(String).sort();
}

/** Throws WireError `malformed` for text that is not nft's JSON of a table. */
export function parseNftTable(text: string): NftTable {
  const chains = new Map<string, NftChain>();
  const sets = new Map<string, Elements>();
  const expiresS = new Map<string, number>();
  const flowtables = new Map<string, readonly string[]>();
  for (const item of itemsOf(text)) {
    const { chain, rule, flowtable, set = item['map'] } = item;
    if (isObject(chain)) chains.set(textOf(chain, 'name'), chainOf(chain));
    if (isObject(flowtable)) flowtables.set(textOf(flowtable, 'name'), devicesOf(flowtable));
    if (isObject(set)) {
      const name = textOf(set, 'name');
      sets.set(
        name,
        elementsOf(set, (key, leftS) => expiresS.set(`${name} ${key}`, leftS)),
      );
    }
    if (!isObject(rule)) continue;
    const name = textOf(rule, 'chain');
    const known = chains.get(name) ?? { rules: [] };
    chains.set(name, { ...known, rules: [...known.rules, write(rule['expr'] ?? null)] });
  }
  return { chains, sets, expiresS, flowtables };
}

function itemsOf(text: string): readonly JsonObject[] {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (error) {
    throw new WireError('malformed', `wanted nft's JSON, got ${text.slice(0, 80)} (${String(error)})`);
  }
  const items = isObject(parsed) ? parsed['nftables'] : undefined;
  if (!Array.isArray(items)) throw new WireError('malformed', "wanted a list nftables in nft's JSON, got none");
  return (items as readonly Json[]).filter(isObject);
}
