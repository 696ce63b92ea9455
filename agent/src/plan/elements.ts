/**
 * The elements of the table's sets and maps: what is granted, to whom. In: what is desired, the observed table. Out: the
 * transactions between them: a flow that is granted before and after them meets no packet in between.
 */
import { formatRange, rangeOf } from '../trust/ip.ts';
import type { Desired, ExitGrant, Grant } from '../policy/desired.ts';
import type { Cidr, Ip } from '../trust/types.ts';
import type { Elements, NftTable } from '../wire/nft-json.ts';
import {
  chainOf,
  expectedProtocolChains,
  grantedOf,
  marksOf,
  renderProtocolChains,
  renderTable,
  table,
} from './guard.ts';
import { renderAround, renderMaps, type Moving } from './maps.ts';
import type { Observed } from './observed.ts';

export type Sets = ReadonlyMap<string, Elements>;

type Around = Pick<Observed, 'uplinkDevices'>;

/** nft writes a range that is a prefix as one. */
function asRanges(key: string): string {
  const isRange = (part: string): boolean => /^[0-9a-f.:]+\/\d+$/.test(part);
  const range = (part: string): string => (isRange(part) ? formatRange(rangeOf(part as Cidr)) : part);
  return key.includes('/') ? key.split(' . ').map(range).join(' . ') : key;
}

const ranged = new WeakMap<Elements, Elements>();

function hasPrefix(elements: Elements): boolean {
  let found = false;
  elements.forEach((_, key) => (found ||= key.includes('/')));
  return found;
}

const none: Elements = new Map();

/** As the kernel has them; of one look, made once. */
export function observedElements({ sets }: NftTable, name: string): Elements {
  const seen = sets.get(name) ?? none;
  if (!hasPrefix(seen)) return seen;
  const elements = ranged.get(seen) ?? new Map([...seen].map(([key, chain]) => [asRanges(key), chain]));
  ranged.set(seen, elements);
  return elements;
}

/** Those of `left` that `right` has not, or with another chain. */
function differing(left: Elements, right: Elements): readonly (readonly [key: string, chain: string])[] {
  const found: [string, string][] = [];
  left.forEach((chain, key) => {
    if (right.get(key) !== chain) found.push([key, chain]);
  });
  return found;
}

function pairs(grants: readonly Grant[], family: 4 | 6): Elements {
  return new Map(ofFamily(grants, family).map((each) => [`${each.from} . ${each.to}`, chainOf(each)]));
}

function keysOf(words: readonly string[]): Elements {
  return new Map(words.map((word) => [word, '']));
}

/** Every set and map but the lease, with what must be in it. */
function desiredSets(desired: Desired, { uplinkDevices }: Around): Sets {
  const { grants, uses, carries, own } = desired;
  const sources = (exits: readonly ExitGrant[], family: 4 | 6): Elements =>
    new Map(ofFamily(exits, family).map((each) => [each.from, chainOf(each)]));
  const ranges = (family: 4 | 6): Elements =>
    keysOf(
      own
        .map((each: Cidr | Ip) => rangeOf(each))
        .filter((each) => each.family === family)
        .map(formatRange),
    );
  return new Map([
    ['uplinks', keysOf(uplinkDevices)],
    ...([4, 6] as const).flatMap((family): [string, Elements][] => [
      [`grants${family}`, pairs(grants, family)],
      [`uses${family}`, sources(uses, family)],
      [`carries${family}`, sources(carries, family)],
      [`own${family}`, ranges(family)],
    ]),
  ]);
}

function ofFamily<Item extends Grant | ExitGrant>(items: readonly Item[], family: 4 | 6): readonly Item[] {
  return items.filter((each) => each.family === family);
}

/** A device's name may read like a number or a word of nft's. */
const deviceSets = ['local', 'uplinks'];

/** Commands between two contents of a set. */
export function renderChange(owner: string, name: string, wanted: Elements, got: Elements): string {
  const word = (key: string): string => (deviceSets.includes(name) ? `"${key}"` : key);
  const command = (verb: string, words: readonly string[]): string =>
    words.length === 0 ? '' : `${verb} element ${owner} ${name} { ${words.join(', ')} }\n`;
  const remove = differing(got, wanted).map(([key]) => word(key));
  const add = differing(wanted, got).map(([key, chain]) => (chain === '' ? word(key) : `${key} : goto ${chain}`));
  return command('delete', remove) + command('add', add);
}

/** What differs, a line each. */
export function elementFindings(sets: Sets, found: NftTable): readonly string[] {
  return [...sets].flatMap(([name, wanted]) => {
    const got = observedElements(found, name);
    const keys = new Set([...differing(wanted, got), ...differing(got, wanted)].map(([key]) => key));
    const word = (elements: Elements, key: string): string => (elements.has(key) ? elements.get(key) || 'it' : 'none');
    return [...keys].map((key) => `${name} ${key}: wanted ${word(wanted, key)}, got ${word(got, key)}`);
  });
}

/** The whole table with what is granted, in place of what was there. */
export function renderWhole(desired: Desired, around: Around & Pick<Observed, 'canOffload'>): string {
  const sets = [...desiredSets(desired, around)];
  return (
    renderTable(desired, around.canOffload) +
    sets.map(([name, all]) => renderChange(table, name, all, new Map())).join('')
  );
}

interface Change {
  readonly name: string;
  readonly want: Elements;
  readonly got: Elements;
}

/**
 * Elements that go from a map of pairs before the whole map anew takes less: the kernel looks for each from the first on
 * (nft_pipapo_remove), in emulation 50 ms among 4,000, of which it adds ten in a millisecond.
 */
const manyGoing = 16;

/** What is judged by rules meanwhile: the map that is made anew, or what has another chain than before. */
function movingOf({ name, want, got }: Change): Moving | undefined {
  const isPairs = name.startsWith('grants');
  if (isPairs && differing(got, want).length > manyGoing) return { words: want, isWhole: true };
  const words = new Map(differing(want, got).filter(([key]) => got.has(key)));
  return words.size === 0 ? undefined : { words, isWhole: false };
}

/**
 * From the table that the kernel has; none when it has what is wanted. One transaction; or three where elements are
 * replaced, which the first and the last put rules around (maps.ts).
 */
export function renderGrants(desired: Desired, around: Around, guard: NftTable): readonly string[] {
  const present = guard.chains;
  const missing = grantedOf(desired).filter((each) => !present.has(chainOf(each)));
  const wanted = expectedProtocolChains(desired);
  const spare = [...present.keys()].filter((name) => name.startsWith('p_') && !wanted.has(name));
  const changes = [...desiredSets(desired, around)].map(([name, want]): Change => ({
    name,
    want,
    got: observedElements(guard, name),
  }));
  const movings = new Map(
    changes.flatMap((each) => {
      const moving = movingOf(each);
      return moving === undefined ? [] : [[each.name, moving] as const];
    }),
  );
  const { exit } = marksOf(desired);
  const rendered = ({ name, want, got }: Change): string => {
    if (movings.get(name)?.isWhole !== true) return renderChange(table, name, want, got);
    const anew = `delete map ${table} ${name}\n${renderMaps(table, exit, name)}`;
    return anew + renderChange(table, name, want, new Map());
  };
  const chains = renderProtocolChains(missing);
  const elements = changes.map(rendered).join('');
  const removed = spare.map((name) => `flush chain ${table} ${name}\ndelete chain ${table} ${name}\n`).join('');
  if (movings.size === 0) return chains + elements + removed === '' ? [] : [chains + elements + removed];
  const [before, after] = renderAround(table, exit, movings);
  return [chains + before, elements, after + removed];
}

export function grantFindings(desired: Desired, around: Around, guard: NftTable): readonly string[] {
  return elementFindings(desiredSets(desired, around), guard);
}

export const setNames: readonly string[] = [
  'lease',
  'uplinks',
  ...['4', '6'].flatMap((family) => ['grants', 'uses', 'carries', 'own'].map((name) => `${name}${family}`)),
];
