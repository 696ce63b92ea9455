/**
 * The command `uci`.
 * In: its arguments, or lines of `batch`. Out: what uci prints. Its changes go to /tmp/.uci, its commit tells nobody
 * (recorded: only rpcd's does). Specified in uci's cli.c.
 */
import type { Change } from '../uci/change.ts';
import { formatUci, quoted, type UciSection, UciSyntaxError, type UciValue } from '../uci/file.ts';
import { findSection, type UciStore } from '../uci/store.ts';
import type { Tool } from './tool.ts';

interface Target {
  readonly config: string;
  readonly section: string | undefined;
  readonly option: string | undefined;
  readonly value: string | undefined;
}

class UciFailure extends Error {}
const notFound = 'Entry not found';
const invalid = 'Invalid argument';

function parseTarget(text: string | undefined): Target {
  const pattern = /^([\w-]+)(?:\.([\w-]+|@[\w-]+\[-?\d+\]))?(?:\.([\w-]+))?(?:=([\s\S]*))?$/;
  const match = pattern.exec(text ?? '');
  if (match === null) throw new UciFailure(invalid);
  const [, config = '', section, option, value] = match;
  return { config, section, option, value };
}

function needSection(store: UciStore, { config, section }: Target): UciSection {
  const sections = store.load(config);
  const found = sections === undefined || section === undefined ? undefined : findSection(sections, section);
  if (found === undefined) throw new UciFailure(notFound);
  return found;
}

function shown(value: UciValue): string {
  return [value].flat().map(quoted).join(' ');
}

/** The lines of `uci show` for a section; an unnamed one goes by its type and place. */
function sectionLines(config: string, sections: readonly UciSection[], section: UciSection): string[] {
  const place = sections.filter(({ type }) => type === section.type).indexOf(section);
  const name = section.anonymous ? `@${section.type}[${place}]` : section.name;
  const options = [...section.options].map(([option, value]) => `${config}.${name}.${option}=${shown(value)}\n`);
  return [`${config}.${name}=${section.type}\n`, ...options];
}

function show(store: UciStore, text: string | undefined): string {
  const configs = text === undefined ? store.configs() : [text];
  return configs
    .flatMap((one) => {
      const target = parseTarget(one);
      const sections = store.load(target.config);
      if (sections === undefined) throw new UciFailure(notFound);
      if (target.section === undefined) {
        return sections.flatMap((section) => sectionLines(target.config, sections, section));
      }
      const section = findSection(sections, target.section);
      if (section === undefined) throw new UciFailure(notFound);
      if (target.option === undefined) return sectionLines(target.config, sections, section);
      const value = section.options.get(target.option);
      if (value === undefined) throw new UciFailure(notFound);
      return [`${target.config}.${target.section}.${target.option}=${shown(value)}\n`];
    })
    .join('');
}

function get(store: UciStore, target: Target): string {
  const section = needSection(store, target);
  if (target.option === undefined) return `${section.type}\n`;
  const value = section.options.get(target.option);
  if (value === undefined) throw new UciFailure(notFound);
  return `${[value].flat().join(' ')}\n`;
}

function set(store: UciStore, { config, section, option, value }: Target): void {
  const sections = store.load(config);
  if (sections === undefined) throw new UciFailure(notFound);
  if (section === undefined || value === undefined) throw new UciFailure(invalid);
  const found = findSection(sections, section);
  if (option === undefined) {
    if (found === undefined && section.startsWith('@')) throw new UciFailure(invalid);
    store.change(config, [{ operation: 'set', section: found?.name ?? section, value }]);
  } else {
    if (found === undefined) throw new UciFailure(invalid);
    store.change(config, [{ operation: 'set', section: found.name, option, value }]);
  }
}

function edit(store: UciStore, verb: string, target: Target): void {
  const { name } = needSection(store, target);
  const { config, option, value } = target;
  const onOption = option === undefined ? {} : { option };
  const operations: Readonly<Record<string, Change['operation']>> = {
    add_list: 'list-add',
    del_list: 'list-del',
    rename: 'rename',
    reorder: 'order',
    delete: 'remove',
  };
  const operation = operations[verb] ?? 'remove';
  if (operation !== 'remove' && value === undefined) throw new UciFailure(invalid);
  const gone = operation === 'remove' && option !== undefined && !needSection(store, target).options.has(option);
  if (gone) throw new UciFailure(notFound);
  store.change(config, [{ operation, section: name, ...onOption, ...(value === undefined ? {} : { value }) }]);
}

function add(store: UciStore, config: string, type: string | undefined): string {
  if (type === undefined) throw new UciFailure(invalid);
  if (store.load(config) === undefined) throw new UciFailure(notFound);
  return `${store.addUnnamed(config, type)}\n`;
}

function changeLines(store: UciStore, config: string): string[] {
  const marks: Readonly<Partial<Record<Change['operation'], string>>> = { remove: '-', 'list-del': '-' };
  return store.changes(config).map(({ operation, section, option, value }) => {
    const name = `${marks[operation] ?? ''}${[config, section, ...(option === undefined ? [] : [option])].join('.')}`;
    if (value === undefined) return `${name}\n`;
    const sign = operation === 'list-add' ? '+=' : operation === 'list-del' ? '-=' : '=';
    return `${name}${sign}${quoted(value)}\n`;
  });
}

function exported(store: UciStore, config: string): string {
  const sections = store.load(config);
  if (sections === undefined) throw new UciFailure(notFound);
  return `package ${config}\n${formatUci(sections)}`;
}

function each(store: UciStore, config: string | undefined, run: (config: string) => void): string {
  for (const name of config === undefined ? store.configs() : [parseTarget(config).config]) run(name);
  return '';
}

function runVerb(store: UciStore, verb: string, args: readonly string[]): string {
  const [first, second] = args;
  switch (verb) {
    case 'show':
      return show(store, first);
    case 'get':
      return get(store, parseTarget(first));
    case 'export':
      return exported(store, first ?? '');
    case 'changes':
      return (first === undefined ? store.configs() : [first]).flatMap((config) => changeLines(store, config)).join('');
    case 'add':
      return add(store, first ?? '', second);
    case 'commit':
      return each(store, first, (config) => store.commit(config));
    case 'revert':
      return each(store, first, (config) => store.revert(config));
    case 'set':
      set(store, parseTarget(first));
      return '';
    case 'delete':
    case 'add_list':
    case 'del_list':
    case 'rename':
    case 'reorder':
      edit(store, verb, parseTarget(first));
      return '';
    default:
      throw new UciFailure(invalid);
  }
}

/** A line of `batch`, split as a shell would. */
function splitLine(line: string): string[] {
  const words = line.match(/(?:[^\s'"]+|'[^']*'|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return words.map((word) =>
    word.replaceAll(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"/g,
      (_whole, single?: string, double?: string) => single ?? (double ?? '').replaceAll(/\\(.)/g, '$1'),
    ),
  );
}

/** Runs `uci`. */
export function uci(tool: Tool, store: UciStore): number {
  const quiet = tool.argv.includes('-q');
  const [verb = '', ...args] = tool.argv.filter((argument) => !/^-[qnNXx]$/.test(argument));
  const lines = verb === 'batch' ? tool.input.split('\n').map(splitLine) : [[verb, ...args]];
  let status = 0;
  for (const [name, ...rest] of lines) {
    if (name === undefined || name.startsWith('#')) continue;
    try {
      tool.out(runVerb(store, name, rest));
    } catch (error) {
      if (!(error instanceof UciFailure || error instanceof UciSyntaxError)) throw error;
      if (!quiet)
        tool.err(`uci: ${error instanceof UciSyntaxError ? `Parse error (${error.message})` : error.message}\n`);
      status = 1;
    }
  }
  return status;
}
