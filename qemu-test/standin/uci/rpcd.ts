/**
 * The ubus object `uci`, rpcd's.
 * In: calls of root without a session, or of a session. Out: what rpcd answered in openwrt-25.12-rpcd-uci.md.
 */
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';
import type { Method, Methods, Result } from '../bus/client.ts';
import { Apply } from './apply.ts';
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

function changes(store: UciStore, config: string | undefined, mayRead: (config: string) => boolean): Result {
  if (config !== undefined) return { changes: store.changes(config).map(changeTuple) };
  const configs = store.configs().filter(mayRead);
  const all = configs.map((name) => [name, store.changes(name).map(changeTuple)] as const);
  return { changes: Object.fromEntries(all.filter(([, tuples]) => tuples.length > 0)) };
}

/** Who has a session, and where its changes are. */
export interface ForSessions {
  access(sid: JsonValue | undefined, scope: 'uci', config: string, permission: 'read' | 'write'): boolean | undefined;
  /** Changes of a session are below this folder. */
  readonly changeFolder: string;
}

export interface UciObject {
  readonly store: UciStore;
  readonly announce: Announce;
  readonly reloadConfig: () => Promise<void>;
  readonly sessions: ForSessions;
}

const reading: readonly Run[] = [get];

/** Each call sees the changes of its own session only; without one it is root's, and sees those of the CLI. */
function onConfig({ store, sessions }: UciObject, args: Method['args'], run: Run): Method {
  return {
    args,
    run: (given) => {
      const [config, sid] = [text(given['config']), text(given['ubus_rpc_session'])];
      if (config === undefined) return 'INVALID_ARGUMENT';
      if (sid === undefined) return run(store, config, given);
      const permission = reading.includes(run) ? 'read' : 'write';
      if (sessions.access(sid, 'uci', config, permission) !== true) return 'PERMISSION_DENIED';
      return run(storeOf(store, sessions, sid), config, given);
    },
  };
}

function storeOf(store: UciStore, { changeFolder }: ForSessions, sid: string): UciStore {
  return store.ofSession(`${changeFolder}/uci-${sid}`);
}

/** `apply`, `confirm`, `rollback`: for sessions only. */
function applyMethods({ store, sessions }: UciObject, apply: Apply): Methods {
  const ends =
    (undo: boolean) =>
    ({ ubus_rpc_session: sid }: JsonTable): Result =>
      typeof sid === 'string' ? apply.end(sid, undo) : undo ? 'NO_DATA' : 'INVALID_ARGUMENT';
  const start = ({ ubus_rpc_session: sid, rollback, timeout }: JsonTable): Result => {
    if (typeof sid !== 'string') return 'INVALID_ARGUMENT';
    const mayWrite = (config: string): boolean => sessions.access(sid, 'uci', config, 'write') === true;
    const rollbackS = rollback !== true ? undefined : typeof timeout === 'number' ? timeout : 60;
    return apply.apply(sid, storeOf(store, sessions, sid), store.configs().filter(mayWrite), rollbackS);
  };
  return {
    apply: { args: { rollback: 'Boolean', timeout: 'Integer', ...session }, run: start },
    confirm: { args: session, run: ends(false) },
    rollback: { args: session, run: ends(true) },
  };
}

function changesMethod({ store, sessions }: UciObject): Method {
  const run = ({ ubus_rpc_session: sid, config }: JsonTable): Result => {
    const name = text(config);
    if (typeof sid !== 'string') return changes(store, name, () => true);
    const mayRead = (each: string): boolean => sessions.access(sid, 'uci', each, 'read') === true;
    if (name !== undefined && !mayRead(name)) return 'PERMISSION_DENIED';
    return changes(storeOf(store, sessions, sid), name, mayRead);
  };
  return { args: { config: 'String', ...session }, run };
}

/** The methods of the object. */
export function uciMethods(object: UciObject): Methods {
  const { store, announce, reloadConfig } = object;
  const apply = new Apply(announce);
  const unlessPending =
    (run: (from: UciStore, config: string) => void): Run =>
    (from, config) => {
      if (apply.isPending()) return 'PERMISSION_DENIED';
      if (from.load(config) === undefined) return 'NOT_FOUND';
      run(from, config);
      return undefined;
    };
  const commit = unlessPending((from, config) => {
    from.commit(config);
    announce(config);
  });
  const options = { option: 'String', options: 'Array' } as const;
  const target = { ...place, type: 'String', match: 'Table' } as const;
  const method = (args: Method['args'], run: Run): Method => onConfig(object, { ...args, ...session }, run);
  return {
    configs: { args: {}, run: () => ({ configs: store.configs() }) },
    get: method(getArgs, get),
    state: method(getArgs, get),
    add: method({ config: 'String', type: 'String', name: 'String', values: 'Table' }, add),
    set: method({ ...target, values: 'Table' }, set),
    delete: method({ ...target, ...options }, remove),
    rename: method({ ...place, option: 'String', name: 'String' }, rename),
    order: method({ config: 'String', sections: 'Array' }, order),
    changes: changesMethod(object),
    revert: method(
      { config: 'String' },
      unlessPending((from, config) => from.revert(config)),
    ),
    commit: method({ config: 'String' }, commit),
    ...applyMethods(object, apply),
    reload_config: {
      args: {},
      run: async () => {
        await reloadConfig();
        return undefined;
      },
    },
  };
}
