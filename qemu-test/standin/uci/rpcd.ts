/**
 * The ubus object `uci`, rpcd's.
 * In: calls of root without a session. Out: what rpcd answered in openwrt-25.12-rpcd-uci.md. There is no object
 * `session` here, so a call that names a session is refused, and `apply` and `confirm`, which need one, are too.
 */
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';
import type { Method, Methods, Result } from '../bus/client.ts';
import { type Change, changeTuple } from './change.ts';
import type { UciSection, UciValue } from './file.ts';
import type { UciStore } from './store.ts';

const session = { ubus_rpc_session: 'String' } as const;
const place = { config: 'String', section: 'String' } as const;
const getArgs = { ...place, option: 'String', type: 'String', match: 'Table', ...session } as const;

/** Tells procd that a package changed. */
export type Announce = (config: string) => void;

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** How rpcd stores a value: integers unsigned, booleans as 1 and 0; `undefined` is what it refuses. */
function stored(value: JsonValue): string | string[] | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value < 0 ? value >>> 0 : value) : undefined;
  if (!Array.isArray(value)) return undefined;
  const items = (value as readonly JsonValue[]).map(stored);
  return items.every((item) => typeof item === 'string') ? items : undefined;
}

function storedAll(values: JsonValue | undefined): Map<string, string | string[]> | undefined {
  const entries = Object.entries((values ?? {}) as JsonTable).map(([name, value]) => [name, stored(value)] as const);
  if (entries.some(([, value]) => value === undefined)) return undefined;
  return new Map(entries.map(([name, value]) => [name, value ?? '']));
}

function dump(section: UciSection, index?: number): JsonTable {
  return {
    '.anonymous': section.anonymous,
    '.type': section.type,
    '.name': section.name,
    ...(index === undefined ? {} : { '.index': index }),
    ...Object.fromEntries(section.options),
  };
}

function matching(sections: readonly UciSection[], args: JsonTable): UciSection[] {
  const wanted = storedAll(args['match']) ?? new Map<string, UciValue>();
  const isWanted = (section: UciSection): boolean =>
    [...wanted].every(([option, value]) => String(section.options.get(option)) === String(value));
  const type = text(args['type']);
  return sections.filter((section) => (type === undefined || section.type === type) && isWanted(section));
}

type Run = (store: UciStore, config: string, args: JsonTable) => Result;

const get: Run = (store, config, args) => {
  const sections = store.load(config);
  if (sections === undefined) return 'NOT_FOUND';
  const name = text(args['section']);
  if (name === undefined) {
    const found = matching(sections, args).map((section) => [section.name, dump(section, sections.indexOf(section))]);
    return { values: Object.fromEntries(found) as JsonTable };
  }
  const section = sections.find((candidate) => candidate.name === name);
  if (section === undefined) return undefined;
  const option = text(args['option']);
  if (option === undefined) return { values: dump(section) };
  const value = section.options.get(option);
  return value === undefined ? undefined : { value };
};

const add: Run = (store, config, args) => {
  const values = storedAll(args['values']);
  const type = text(args['type']);
  if (type === undefined || values === undefined) return 'INVALID_ARGUMENT';
  if (store.load(config) === undefined) return 'NOT_FOUND';
  const named = text(args['name']);
  if (named !== undefined) store.change(config, [{ operation: 'set', section: named, value: type }]);
  const name = named ?? store.addUnnamed(config, type);
  const section = store.load(config)?.find((candidate) => candidate.name === name);
  if (section === undefined) return 'UNKNOWN_ERROR';
  store.change(
    config,
    [...values].flatMap(([option, value]) => store.setting(section, option, value)),
  );
  return { section: name };
};

/** The sections that a call means: one by name, or all that match. */
function meant(store: UciStore, config: string, args: JsonTable): UciSection[] | undefined {
  const sections = store.load(config);
  const name = text(args['section']);
  if (sections === undefined) return undefined;
  if (name === undefined) return matching(sections, args);
  const section = sections.find((candidate) => candidate.name === name);
  return section === undefined ? undefined : [section];
}

const set: Run = (store, config, args) => {
  const values = storedAll(args['values']);
  if (values === undefined || args['values'] === undefined) return 'INVALID_ARGUMENT';
  if (args['section'] === undefined && args['type'] === undefined && args['match'] === undefined) {
    return 'INVALID_ARGUMENT';
  }
  const sections = meant(store, config, args);
  if (sections === undefined) return 'NOT_FOUND';
  store.change(
    config,
    sections.flatMap((section) => [...values].flatMap(([option, value]) => store.setting(section, option, value))),
  );
  return undefined;
};

const remove: Run = (store, config, args) => {
  if (args['section'] === undefined && args['type'] === undefined && args['match'] === undefined) {
    return 'INVALID_ARGUMENT';
  }
  const sections = meant(store, config, args);
  if (sections === undefined) return 'NOT_FOUND';
  const option = text(args['option']);
  const options = option === undefined ? args['options'] : [option];
  const changes = sections.flatMap((section): Change[] => {
    if (options === undefined) return [{ operation: 'remove', section: section.name }];
    const present = (options as readonly JsonValue[]).map(String).filter((name) => section.options.has(name));
    return present.map((name) => ({ operation: 'remove', section: section.name, option: name }));
  });
  store.change(config, changes);
  return undefined;
};

const rename: Run = (store, config, args) => {
  const [section, option, name] = [text(args['section']), text(args['option']), text(args['name'])];
  if (section === undefined || name === undefined) return 'INVALID_ARGUMENT';
  if (meant(store, config, args) === undefined) return 'NOT_FOUND';
  store.change(config, [{ operation: 'rename', section, ...(option === undefined ? {} : { option }), value: name }]);
  return undefined;
};

const order: Run = (store, config, args) => {
  const sections = store.load(config);
  if (sections === undefined) return 'NOT_FOUND';
  if (!Array.isArray(args['sections'])) return 'INVALID_ARGUMENT';
  const names = (args['sections'] as readonly JsonValue[]).map(String);
  store.change(
    config,
    names.map((section, index) => ({ operation: 'order', section, value: String(index) })),
  );
  return undefined;
};

const revert: Run = (store, config) => {
  store.revert(config);
  return undefined;
};

function changes(store: UciStore, config: string | undefined): Result {
  if (config !== undefined) return { changes: store.changes(config).map(changeTuple) };
  const all = store.configs().map((name) => [name, store.changes(name).map(changeTuple)] as const);
  return { changes: Object.fromEntries(all.filter(([, tuples]) => tuples.length > 0)) };
}

/** The methods of the object. */
export function uciMethods(store: UciStore, announce: Announce, reloadConfig: () => Promise<void>): Methods {
  const method = (args: Method['args'], run: (args: JsonTable) => Result | Promise<Result>): Method => ({
    args,
    // Nobody can make a session here, so none that is named exists.
    run: (given) => (given['ubus_rpc_session'] === undefined ? run(given) : 'PERMISSION_DENIED'),
  });
  const onConfig = (args: Method['args'], run: Run): Method =>
    method(args, (given) => {
      const config = text(given['config']);
      return config === undefined ? 'INVALID_ARGUMENT' : run(store, config, given);
    });
  const commit: Run = (_store, config) => {
    if (store.load(config) === undefined) return 'NOT_FOUND';
    store.commit(config);
    announce(config);
    return undefined;
  };
  const options = { option: 'String', options: 'Array' } as const;
  const target = { ...place, type: 'String', match: 'Table' } as const;
  return {
    configs: method({}, () => ({ configs: store.configs() })),
    get: onConfig(getArgs, get),
    state: onConfig(getArgs, get),
    add: onConfig({ config: 'String', type: 'String', name: 'String', values: 'Table', ...session }, add),
    set: onConfig({ ...target, values: 'Table', ...session }, set),
    delete: onConfig({ ...target, ...options, ...session }, remove),
    rename: onConfig({ ...place, option: 'String', name: 'String', ...session }, rename),
    order: onConfig({ config: 'String', sections: 'Array', ...session }, order),
    changes: method({ config: 'String', ...session }, (given) => changes(store, text(given['config']))),
    revert: onConfig({ config: 'String', ...session }, revert),
    commit: onConfig({ config: 'String', ...session }, commit),
    apply: method({ rollback: 'Boolean', timeout: 'Integer', ...session }, () => 'INVALID_ARGUMENT'),
    confirm: method(session, () => 'INVALID_ARGUMENT'),
    rollback: method(session, () => 'NO_DATA'),
    reload_config: method({}, async () => {
      await reloadConfig();
      return undefined;
    }),
  };
}
