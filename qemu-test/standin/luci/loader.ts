/**
 * LuCI's classes and `L.require`. In: the name of a class file. Out: an instance of the class that the file returns,
 * made with those that its `'require NAME as ALIAS'` lines name. Seen in LuCI's luci.js.
 */
type Members = Readonly<Record<string, unknown>>;
export type LuciClass = { new (...args: unknown[]): Record<string, unknown>; extend(members: Members): LuciClass };

export function makeClass(members: Members, base?: LuciClass): LuciClass {
  const constructor = function (this: Record<string, unknown>, ...args: unknown[]): void {
    const { __init__: init } = this;
    if (typeof init === 'function') init.apply(this, args);
  } as unknown as LuciClass;
  constructor.prototype = Object.assign(Object.create((base?.prototype as object | undefined) ?? {}), members);
  constructor.extend = (more) => makeClass(more, constructor);
  return constructor;
}

export const baseclass = makeClass({});

export interface LoaderPorts {
  /** The text of `/luci-static/resources/PATH`. */
  readonly read: (path: string) => Promise<string>;
  readonly globals: () => Readonly<Record<string, unknown>>;
}

const requires = /^require[ \t]+(\S+)(?:[ \t]+as[ \t]+(\S+))?$/;

/** The strings at the head of a file, before anything but comments. */
function directives(source: string): string[] {
  const found: string[] = [];
  const next = /\s*(?:\/\*[\s\S]*?\*\/|\/\/[^\n]*|(?:'([^'\n]*)'|"([^"\n]*)")\s*;?)/y;
  for (let match = next.exec(source); match !== null; match = next.exec(source)) {
    const text = match[1] ?? match[2];
    if (text !== undefined) found.push(text);
  }
  return found;
}

export class Loader {
  readonly #classes = new Map<string, Promise<unknown>>();
  readonly #ports: LoaderPorts;

  constructor(ports: LoaderPorts, ready: Readonly<Record<string, unknown>>) {
    this.#ports = ports;
    for (const [name, instance] of Object.entries(ready)) this.#classes.set(name, Promise.resolve(instance));
  }

  require(name: string): Promise<unknown> {
    const known = this.#classes.get(name) ?? this.#load(name);
    this.#classes.set(name, known);
    return known;
  }

  async #load(name: string): Promise<unknown> {
    const source = await this.#ports.read(`${name.replaceAll('.', '/')}.js`);
    const names: string[] = [];
    const wanted: Promise<unknown>[] = [];
    for (const text of directives(source)) {
      const [, dependency, alias] = requires.exec(text) ?? [];
      if (dependency === undefined) continue;
      names.push(alias ?? dependency.replaceAll(/\W/g, '_'));
      wanted.push(this.require(dependency));
    }
    const globals = this.#ports.globals();
    const factory = new Function(...Object.keys(globals), ...names, source) as (...args: unknown[]) => LuciClass;
    const made = factory(...Object.values(globals), ...(await Promise.all(wanted)));
    if (typeof made !== 'function') throw new Error(`${name}: wanted a class, got ${typeof made}`);
    return new made();
  }
}
