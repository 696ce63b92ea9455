/**
 * LuCI's `form`, of which our pages use a part: one named section with values, flags, lists and notes. In: a configuration
 * of UCI. Out: fields with labels, their validation, and what they hold saved as UCI's options.
 */
import { dom, E } from './elements.ts';
import { makeClass } from './loader.ts';
import { _ } from './text.ts';
import type { Uci } from './uci.ts';
import { isOf } from './validation.ts';

type Kind = 'Value' | 'Flag' | 'ListValue' | 'DynamicList' | 'DummyValue';
export interface Form {
  save(): Promise<void>;
  render(): Promise<Node>;
}

class Option {
  readonly kind: Kind;
  readonly option: string;
  readonly title: string;
  readonly description: string | undefined;
  datatype: string | undefined;
  placeholder: string | undefined;
  default: string | undefined;
  rmempty = true;
  optional = true;
  password = false;
  validate: ((section: string, value: string) => true | string) | undefined;
  cfgvalue: ((section: string) => unknown) | undefined;
  readonly choices: [string, string][] = [];
  field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement | undefined;
  note: HTMLElement | undefined;

  constructor(kind: Kind, option: string, title: string, description?: string) {
    this.kind = kind;
    this.option = option;
    this.title = title;
    this.description = description;
  }

  value(key: string, text = key): void {
    this.choices.push([key, text]);
  }

  /** One item for most kinds, a line each for lists. */
  items(): string[] {
    const field = this.field;
    if (field === undefined) return [];
    if (this.kind === 'Flag') return [(field as HTMLInputElement).checked ? '1' : '0'];
    return field.value
      .split('\n')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  problem(section: string): string | undefined {
    const items = this.items();
    if (items.length === 0 && !this.optional) return _('This field must not be empty.');
    for (const item of items) {
      if (this.datatype !== undefined && !isOf(this.datatype, item))
        return _('Wanted %s.').replace('%s', this.datatype);
      const said = this.validate?.(section, item);
      if (said !== undefined && said !== true) return said;
    }
    return undefined;
  }
}

function fieldOf(option: Option, id: string, now: string): Option['field'] {
  const more = {
    id,
    class: `cbi-input-${option.kind === 'Flag' ? 'checkbox' : 'text'}`,
    'aria-describedby': `${id}-note`,
  };
  if (option.kind === 'ListValue') {
    const choices = option.choices.map(([key, text]) =>
      E('option', { value: key, selected: key === now ? '' : null }, [text]),
    );
    return E('select', { ...more, class: 'cbi-input-select' }, choices) as HTMLSelectElement;
  }
  if (option.kind === 'DynamicList') return E('textarea', { ...more, rows: '3' }, [now]) as HTMLTextAreaElement;
  if (option.kind === 'Flag') {
    return E('input', { ...more, type: 'checkbox', checked: now === '1' ? '' : null }) as HTMLInputElement;
  }
  return E('input', {
    ...more,
    type: option.password ? 'password' : 'text',
    value: now,
    placeholder: option.placeholder,
  }) as HTMLInputElement;
}

class Section {
  readonly name: string;
  readonly options: Option[] = [];

  constructor(name: string) {
    this.name = name;
  }

  option(kind: Kind, option: string, title: string, description?: string): Option {
    const made = new Option(kind, option, title, description);
    this.options.push(made);
    return made;
  }
}

function rowOf(option: Option, map: FormMap, section: string): Node {
  const id = `cbid.${map.config}.${section}.${option.option}`;
  const stored = option.cfgvalue?.(section) ?? map.uci.get(map.config, section, option.option) ?? option.default ?? '';
  const now = Array.isArray(stored) ? stored.join('\n') : String(stored);
  const field = option.kind === 'DummyValue' ? undefined : fieldOf(option, id, now);
  const note = E('div', { id: `${id}-note`, class: 'cbi-value-description' }, [
    option.description ?? '',
  ]) as HTMLElement;
  Object.assign(option, { field, note });
  const label = E('label', { class: 'cbi-value-title', for: id }, [option.title]);
  return E('div', { class: 'cbi-value' }, [
    field === undefined ? E('span', { class: 'cbi-value-title' }, [option.title]) : label,
    E('div', { class: 'cbi-value-field' }, [field ?? E('span', {}, [now]), note]),
  ]);
}

class FormMap {
  readonly config: string;
  readonly title: string;
  readonly description: string;
  readonly sections: Section[] = [];
  readonly uci: Uci;
  #node: Node | undefined;

  constructor(uci: Uci, config: string, title = '', description = '') {
    this.uci = uci;
    this.config = config;
    this.title = title;
    this.description = description;
  }

  section(_kind: unknown, name: string): Section {
    const section = new Section(name);
    this.sections.push(section);
    return section;
  }

  async render(): Promise<Node> {
    await this.uci.load(this.config);
    const rows = this.sections.map((section) =>
      E(
        'div',
        { class: 'cbi-section' },
        section.options.map((option) => rowOf(option, this, section.name)),
      ),
    );
    const head = [E('h2', {}, [this.title]), E('div', { class: 'cbi-map-descr' }, [this.description])];
    const node = this.#node ?? E('div', { class: 'cbi-map' }, []);
    dom.content(node, [...head, ...rows]);
    dom.bindClassInstance(node, this);
    this.#node = node;
    return node;
  }

  async save(): Promise<void> {
    let isGood = true;
    for (const { name, options } of this.sections)
      for (const option of options) isGood = this.#check(name, option) && isGood;
    if (!isGood) throw new Error(_('Some fields are invalid, cannot save values!'));
    for (const { name, options } of this.sections) for (const option of options) this.#take(name, option);
    await this.uci.save();
  }

  async reset(): Promise<void> {
    this.uci.unload(this.config);
    await this.render();
  }

  #check(section: string, option: Option): boolean {
    const problem = option.problem(section);
    option.field?.classList.toggle('cbi-input-invalid', problem !== undefined);
    option.field?.setAttribute('aria-invalid', String(problem !== undefined));
    if (problem !== undefined && option.note !== undefined) option.note.textContent = problem;
    return problem === undefined;
  }

  /** What is as it is without the option is not written, unless `rmempty` is off. */
  #take(section: string, option: Option): void {
    if (option.field === undefined) return;
    const items = option.items();
    const value = option.kind === 'DynamicList' ? items : (items[0] ?? '');
    const isDefault =
      option.rmempty && (value.length === 0 || value === (option.default ?? (option.kind === 'Flag' ? '0' : '')));
    const stored = this.uci.get(this.config, section, option.option);
    if (isDefault && stored === undefined) return;
    if (isDefault) this.uci.unset(this.config, section, option.option);
    else if (String(stored) !== String(value)) this.uci.set(this.config, section, option.option, value);
  }
}

/** Kinds are told by their name, which is all that our pages do with them. */
export function formOf(uci: Uci): Readonly<Record<string, unknown>> {
  const kinds: Record<string, unknown> = { NamedSection: 'NamedSection' };
  for (const kind of ['Value', 'Flag', 'ListValue', 'DynamicList', 'DummyValue']) kinds[kind] = kind;
  const map = function (...args: [string, string, string]): FormMap {
    return new FormMap(uci, ...args);
  };
  return { ...kinds, Map: map, AbstractValue: makeClass({}) };
}
