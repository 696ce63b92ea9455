/**
 * Where JSON stands in a file, for people. In: the text, and what a refusal of it says. Out: the line that it is about, or
 * none. The strict reader knows paths (`$.rules[1].from[0]`) and characters; people look for lines.
 */

/** Of text that the strict reader took. */
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

interface Open {
  readonly list: boolean;
  index: number;
  /** In a record, the key whose value comes next; `undefined` before it. */
  key: string | undefined;
}

function lineAt(text: string, character: number): number {
  return text.slice(0, character).split('\n').length;
}

/** The line on which the value at this path begins; `$` is the whole. */
export function lineOfPath(text: string, path: string): number | undefined {
  const open: Open[] = [];
  for (const { 0: word, index } of text.matchAll(token)) {
    const inner = open.at(-1);
    if (word === ':') continue;
    if (word === '}' || word === ']') open.pop();
    else if (word === ',' && inner !== undefined) [inner.index, inner.key] = [inner.index + 1, undefined];
    else if (inner !== undefined && !inner.list && inner.key === undefined) inner.key = JSON.parse(word) as string;
    else {
      const here = open.map((each) => (each.list ? `[${each.index}]` : `.${each.key}`)).join('');
      if (`$${here}` === path) return lineAt(text, index);
      if (word === '{' || word === '[') open.push({ list: word === '[', index: 0, key: undefined });
    }
  }
  return undefined;
}

/** The line that a refusal's detail is about: the part of the map is `policy`, the file around it `$`. */
export function lineOfDetail(text: string, detail: string): number | undefined {
  const [, character] = / at character ([0-9]+)/.exec(detail) ?? [];
  if (character !== undefined) return lineAt(text, Number(character));
  const [, path] = / (?:at|in) (?:policy|\$)((?:\.\w+|\[[0-9]+\])*)/.exec(detail) ?? [];
  if (path === undefined) return undefined;
  // What is there and must not be has a line of its own; what is missing has that of the record.
  const [, key] = /^wanted no key ("(?:[^"\\]|\\.)*") in /.exec(detail) ?? [];
  return lineOfPath(text, key === undefined ? `$${path}` : `$${path}.${JSON.parse(key) as string}`);
}
