/**
 * Uncommitted changes of UCI: what /tmp/.uci holds and what `uci changes` shows.
 * In: the text of a delta file. Out: changes; a package with them applied; the text for them.
 * Specified in libuci's delta.c; the lines and the tuples are those recorded in openwrt-25.12-rpcd-uci.md.
 */
import { newSection, quoted, type UciSection } from './file.ts';

export type Operation = 'set' | 'add' | 'list-add' | 'list-del' | 'remove' | 'rename' | 'order';

/** `option` is missing where the section itself is meant; `value` where the operation takes none. */
export interface Change {
  readonly operation: Operation;
  readonly section: string;
  readonly option?: string;
  readonly value?: string;
}

const marks: Readonly<Record<Operation, string>> = {
  set: '',
  add: '+',
  'list-add': '|',
  'list-del': '~',
  remove: '-',
  rename: '@',
  order: '^',
};

/** One line of a delta file. */
export function formatChange(config: string, { operation, section, option, value }: Change): string {
  const target = [config, section, ...(option === undefined ? [] : [option])].join('.');
  return `${marks[operation]}${target}${value === undefined ? '' : `=${quoted(value)}`}\n`;
}

/** The changes in a delta file. */
export function parseChanges(text: string): Change[] {
  const pattern = /^([+|~\-@^]?)[^.=\s]+\.([^.=\s]+)(?:\.([^.=\s]+))?(?:='((?:[^']|'\\'')*)')?$/gm;
  return [...text.matchAll(pattern)].map(([, mark = '', section = '', option, value]) => {
    const operation = (Object.keys(marks) as Operation[]).find((name) => marks[name] === mark) ?? 'set';
    return {
      operation,
      section,
      ...(option === undefined ? {} : { option }),
      ...(value === undefined ? {} : { value: value.replaceAll("'\\''", "'") }),
    };
  });
}

/** The tuple that rpcd's `changes` shows. */
export function changeTuple({ operation, section, option, value }: Change): (string | number)[] {
  const rest = operation === 'order' ? Number(value) : value;
  return [operation, section, ...(option === undefined ? [] : [option]), ...(rest === undefined ? [] : [rest])];
}

function changeSection(sections: UciSection[], change: Change): void {
  const { operation, section: name, value = '' } = change;
  const at = sections.findIndex((section) => section.name === name);
  if ((operation === 'set' || operation === 'add') && at < 0) {
    const section = newSection(sections, value, name);
    sections.push(operation === 'add' ? { ...section, anonymous: true } : section);
  }
  const section = sections[at];
  if (section === undefined) return;
  if (operation === 'set') sections[at] = { ...section, type: value };
  else if (operation === 'remove') sections.splice(at, 1);
  else if (operation === 'rename') sections[at] = { ...section, name: value, anonymous: false };
  else if (operation === 'order') sections.splice(Number(value), 0, ...sections.splice(at, 1));
}

function changeOption(section: UciSection, option: string, { operation, value = '' }: Change): void {
  const old = section.options.get(option);
  const list = old === undefined ? [] : [old].flat();
  if (operation === 'set') {
    section.options.set(option, value);
  } else if (operation === 'list-add') {
    section.options.set(option, [...list, value]);
  } else if (operation === 'list-del') {
    const rest = list.filter((item) => item !== value);
    if (rest.length > 0) section.options.set(option, rest);
    else section.options.delete(option);
  } else if (operation === 'remove') {
    section.options.delete(option);
  } else if (operation === 'rename' && old !== undefined) {
    section.options.delete(option);
    section.options.set(value, old);
  }
}

/** Applies a change in place; what it means to change and is not there is passed over, as libuci does. */
export function applyChange(sections: UciSection[], change: Change): void {
  if (change.option === undefined) {
    changeSection(sections, change);
    return;
  }
  const section = sections.find(({ name }) => name === change.section);
  if (section !== undefined) changeOption(section, change.option, change);
}
