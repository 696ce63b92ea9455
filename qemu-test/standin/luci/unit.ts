/**
 * The stand-in without a browser, for QuickJS. In: class files by path, answers of ubus by method. Out: pages as HTML, and
 * `tick`, which is the next poll. The document has what `E` needs: a text is escaped, and what was given as markup is not.
 */
import { makeLuci } from './luci.ts';
import { translate } from './text.ts';

type Part = Element_ | { readonly nodeType: 3; readonly text: string } | { readonly markup: string };

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

class Element_ {
  readonly nodeType = 1;
  readonly tag: string;
  readonly attributes: Record<string, string> = {};
  readonly listeners: Record<string, (event: unknown) => unknown> = {};
  readonly parts: Part[] = [];
  disabled = false;

  constructor(tag: string) {
    this.tag = tag;
  }

  get firstChild(): Part | undefined {
    return this.parts[0];
  }

  get value(): string {
    const [first] = this.tag === 'select' ? this.parts : [];
    return (first instanceof Element_ ? first : this).attributes['value'] ?? '';
  }

  set value(value: string) {
    this.attributes['value'] = value;
  }

  appendChild(part: Part): Part {
    // A fragment gives what is in it.
    if (part instanceof Element_ && part.tag === '') this.parts.push(...part.parts);
    else this.parts.push(part);
    return part;
  }

  removeChild(part: Part): void {
    this.parts.splice(this.parts.indexOf(part), 1);
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }

  addEventListener(name: string, listener: (event: unknown) => unknown): void {
    this.listeners[name] = listener;
  }

  set innerHTML(markup: string) {
    this.parts.push({ markup });
  }

  get html(): string {
    const attributes = Object.entries(this.attributes).map(([name, value]) => ` ${name}="${escaped(value)}"`);
    const inner = this.parts.map((part) => {
      if (part instanceof Element_) return part.html;
      return 'markup' in part ? part.markup : escaped(part.text);
    });
    return `<${this.tag}${attributes.join('')}${this.disabled ? ' disabled' : ''}>${inner.join('')}</${this.tag}>`;
  }
}

const document = {
  createElement: (tag: string) => new Element_(tag),
  createElementNS: (_: string, tag: string) => new Element_(tag),
  createDocumentFragment: () => new Element_(''),
  createTextNode: (text: string): Part => ({ nodeType: 3, text }),
  getElementById: () => null,
  querySelectorAll: () => [],
};

export interface Asked {
  readonly files: Readonly<Record<string, string>>;
  /** By method of the object `rustynet`: what uhttpd would answer. */
  readonly answers: Readonly<Record<string, unknown>>;
  readonly translations?: Readonly<Record<string, string>>;
}

/** Puts `start` where the test can call it; what it gives is read after all promises have had their turn. */
function start({ files, answers, translations = {} }: Asked): void {
  const polls: (() => void)[] = [];
  const calls: unknown[] = [];
  const current = { answers };
  translate(translations);
  const loader = makeLuci({
    read: (path) => {
      const source = files[path];
      return source === undefined ? Promise.reject(new Error(`${path}: HTTP error 404`)) : Promise.resolve(source);
    },
    post: (body) => {
      const { params } = body as { params: [string, string, string, unknown] };
      calls.push(params.slice(1));
      return Promise.resolve(
        (current.answers[params[2]] ?? { error: { code: -32000, message: 'Object not found' } }) as never,
      );
    },
    session: () => 'session',
    mayWrite: () => true,
    every: (run) => polls.push(run),
  });
  const place = new Element_('main');
  const luci = {
    calls,
    failure: '',
    html: () => place.html,
    /** Shows a view, which is `luci.instance`; `html` is what it became. */
    show: (name: string) => {
      void loader
        .require(name)
        .then((instance) => Object.assign(luci, { instance }).instance as { show(node: unknown): Promise<void> })
        .then((view) => view.show(place))
        .catch((error: unknown) => (luci.failure = String(error)));
    },
    /** The instance of a class file as `luci.instance`. */
    take: (name: string) => {
      void loader.require(name).then(
        (instance) => Object.assign(luci, { instance }),
        (error: unknown) => (luci.failure = String(error)),
      );
    },
    tick: (next: Asked['answers']) => {
      current.answers = next;
      for (const run of polls) run();
    },
  };
  Object.assign(globalThis, { luci });
}

Object.assign(globalThis, { document, start });
