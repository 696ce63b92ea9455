/**
 * The shapes of signed JSON. In: a strict JSON value and where it stands. Out: the typed value; an unknown or missing
 * key, a wrong type or a number out of bounds is `malformed`, with the path of the value.
 */
import type { JsonValue } from './json.ts';
import { refuse } from './refuse.ts';

/** Reads one value; `path` (`$.roles.map`) is for the message. */
export type Shape<Value> = (value: JsonValue, path: string) => Value;

export function wanted(what: string, path: string, value: JsonValue): never {
  const got = value instanceof Map ? 'an object' : Array.isArray(value) ? 'a list' : JSON.stringify(value).slice(0, 80);
  refuse('malformed', `wanted ${what} at ${path}, got ${got}`);
}

/** An object with exactly these keys. */
export function record<Shapes extends Record<string, Shape<unknown>>>(
  shapes: Shapes,
): Shape<{ readonly [Key in keyof Shapes]: ReturnType<Shapes[Key]> }> {
  return (value, path) => {
    if (!(value instanceof Map)) wanted('an object', path, value);
    for (const key of value.keys()) {
      if (!Object.hasOwn(shapes, key)) refuse('malformed', `wanted no key ${JSON.stringify(key)} in ${path}, got it`);
    }
    const entries = Object.entries(shapes).map(([key, shape]) => {
      const part: JsonValue | undefined = value.get(key);
      if (part === undefined) refuse('malformed', `wanted the key ${JSON.stringify(key)} in ${path}, got none`);
      return [key, shape(part, `${path}.${key}`)];
    });
    return Object.fromEntries(entries) as { [Key in keyof Shapes]: ReturnType<Shapes[Key]> };
  };
}

export function list<Value>(shape: Shape<Value>, min: number, max: number): Shape<readonly Value[]> {
  return (value, path) => {
    if (!Array.isArray(value)) wanted('a list', path, value);
    const values = value as readonly JsonValue[];
    if (values.length < min || values.length > max) {
      refuse('malformed', `wanted ${min} to ${max} entries at ${path}, got ${values.length}`);
    }
    return values.map((each, index) => shape(each, `${path}[${index}]`));
  };
}

/** A list without two equal entries. */
export function set<Value>(shape: Shape<Value>, min: number, max: number): Shape<readonly Value[]> {
  const entries = list(shape, min, max);
  return (value, path) => {
    const values = entries(value, path);
    if (new Set(values).size < values.length) refuse('malformed', `wanted different entries at ${path}, got one twice`);
    return values;
  };
}

export function integer(min: number, max: number): Shape<number> {
  return (value, path) => {
    if (typeof value !== 'number' || value < min || value > max) {
      wanted(`an integer from ${min} to ${max}`, path, value);
    }
    return value;
  };
}

/** A string that `parse` takes; `parse` gives `undefined` for what it does not. */
export function text<Value>(what: string, parse: (text: string) => Value | undefined): Shape<Value> {
  return (value, path) => {
    const parsed = typeof value === 'string' ? parse(value) : undefined;
    return parsed === undefined ? wanted(what, path, value) : parsed;
  };
}

export function oneOf<const Word extends string>(words: readonly Word[]): Shape<Word> {
  return text(`one of ${words.join(' ')}`, (word) => words.find((each) => each === word));
}
