/**
 * UCI configuration files.
 * In: the text of a file of /etc/config. Out: its sections in order, and the text that libuci would write for them.
 * Specified in libuci's file.c; names of unnamed sections (cfg, place, hash of the type) are libuci's too.
 */
export type UciValue = string | readonly string[];

export interface UciSection {
  name: string;
  readonly type: string;
  readonly anonymous: boolean;
  readonly options: Map<string, UciValue>;
}

export class UciSyntaxError extends Error {}

/** The name of an unnamed section: `place` counts from 1 over all sections of the package. */
export function anonymousName(place: number, type: string): string {
  let hash = 5381;
  for (const character of type) hash = (Math.imul(hash, 33) + (character.codePointAt(0) ?? 0)) >>> 0;
  const low = (hash & 0x7fffffff) % 0x10000;
  return `cfg${place.toString(16).padStart(2, '0')}${low.toString(16).padStart(4, '0')}`;
}

/** A section with its name, which libuci makes up for one that has none. */
export function newSection(sections: readonly UciSection[], type: string, name?: string): UciSection {
  const anonymous = name === undefined;
  return { name: name ?? anonymousName(sections.length + 1, type), type, anonymous, options: new Map() };
}

interface Line {
  readonly number: number;
  readonly words: readonly string[];
}

/** One word's quoted and unquoted pieces, from `at`; where the word ends. */
function readWord(text: string, at: number): { word: string; end: number } {
  let word = '';
  let quote = '';
  for (; at < text.length; at++) {
    const character = text[at] ?? '';
    if (quote === '' && /\s/.test(character)) break;
    if (quote === '' && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = '';
    else if (character === '\\' && quote !== "'") word += text[++at] ?? '';
    else word += character;
  }
  if (quote !== '') throw new UciSyntaxError(`wanted a closing ${quote}, got the end of the file`);
  return { word, end: at };
}

function readLines(text: string): Line[] {
  const lines: Line[] = [];
  let words: string[] = [];
  let number = 1;
  const finish = (): void => {
    if (words.length > 0) lines.push({ number, words });
    words = [];
  };
  for (let at = 0; at < text.length;) {
    const character = text[at] ?? '';
    if (character === '\n') {
      finish();
      number++;
      at++;
    } else if (/\s/.test(character)) {
      at++;
    } else if (character === '#') {
      while (at < text.length && text[at] !== '\n') at++;
    } else {
      const { word, end } = readWord(text, at);
      words.push(word);
      number += text.slice(at, end).split('\n').length - 1;
      at = end;
    }
  }
  finish();
  return lines;
}

function addValue(section: UciSection, keyword: string, name: string, value: string): void {
  const old = section.options.get(name);
  if (keyword === 'option') section.options.set(name, value);
  else section.options.set(name, [...(old === undefined ? [] : [old].flat()), value]);
}

/** The sections of a file. Throws `UciSyntaxError` with the line. */
export function parseUci(text: string): UciSection[] {
  const sections: UciSection[] = [];
  let current: UciSection | undefined;
  for (const { number, words } of readLines(text)) {
    const [keyword, first, second] = words;
    if (keyword === 'package') continue;
    if (keyword === 'config' && first !== undefined && words.length <= 3) {
      current = second === undefined ? undefined : sections.find((section) => section.name === second);
      if (current !== undefined) continue;
      current = newSection(sections, first, second);
      sections.push(current);
    } else if ((keyword === 'option' || keyword === 'list') && first !== undefined && words.length <= 3) {
      if (current === undefined) throw new UciSyntaxError(`line ${number}: wanted a section first, got ${keyword}`);
      addValue(current, keyword, first, second ?? '');
    } else {
      throw new UciSyntaxError(`line ${number}: wanted config, option or list, got ${words.join(' ').slice(0, 60)}`);
    }
  }
  return sections;
}

/** A value as libuci quotes it. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** The text of a file. */
export function formatUci(sections: readonly UciSection[]): string {
  const blocks = sections.map(({ name, type, anonymous, options }) => {
    const head = anonymous ? `config ${type}\n` : `config ${type} ${quoted(name)}\n`;
    const body = [...options].map(([option, value]) =>
      typeof value === 'string'
        ? `\toption ${option} ${quoted(value)}\n`
        : value.map((item) => `\tlist ${option} ${quoted(item)}\n`).join(''),
    );
    return `\n${head}${body.join('')}`;
  });
  return `${blocks.join('')}\n`;
}
