/**
 * LuCI's `uci`. In: configurations by name. Out: their sections as rpcd has them, changes kept here until they are saved
 * and applied, with a confirmation as LuCI gives it.
 */
import type { Rpc } from './rpc.ts';

type Value = string | readonly string[] | null;
type Section = Record<string, unknown>;

const rollbackS = 30;

export class Uci {
  readonly #rpc: Rpc;
  readonly #loaded = new Map<string, Record<string, Section>>();
  readonly #changed = new Map<string, Map<string, Value>>();

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  async load(config: string): Promise<void> {
    const call = this.#rpc.declare({
      object: 'uci',
      method: 'get',
      params: ['config'],
      expect: { values: {} },
      reject: true,
    });
    this.#loaded.set(config, (await call(config)) as Record<string, Section>);
  }

  unload(config: string): void {
    this.#loaded.delete(config);
    for (const key of this.#changed.keys()) if (key.startsWith(`${config}.`)) this.#changed.delete(key);
  }

  get(config: string, section: string, option: string): unknown {
    const changed = this.#changed.get(`${config}.${section}`);
    if (changed?.has(option)) return changed.get(option);
    return this.#loaded.get(config)?.[section]?.[option];
  }

  set(config: string, section: string, option: string, value: Value): void {
    const key = `${config}.${section}`;
    this.#changed.set(key, (this.#changed.get(key) ?? new Map<string, Value>()).set(option, value));
  }

  unset(config: string, section: string, option: string): void {
    this.set(config, section, option, null);
  }

  async save(): Promise<void> {
    const params = ['config', 'section', 'values'];
    const set = this.#rpc.declare({ object: 'uci', method: 'set', params, reject: true });
    const remove = this.#rpc.declare({
      object: 'uci',
      method: 'delete',
      params: ['config', 'section', 'options'],
      reject: true,
    });
    for (const [key, values] of this.#changed) {
      const [config = '', section = ''] = key.split('.');
      const kept = [...values].filter(([, value]) => value !== null);
      const gone = [...values].filter(([, value]) => value === null).map(([option]) => option);
      if (kept.length > 0) await set(config, section, Object.fromEntries(kept));
      if (gone.length > 0) await remove(config, section, gone);
    }
    this.#changed.clear();
  }

  async apply(): Promise<void> {
    const apply = this.#rpc.declare({ object: 'uci', method: 'apply', params: ['timeout', 'rollback'], reject: true });
    const confirm = this.#rpc.declare({ object: 'uci', method: 'confirm', reject: true });
    await apply(rollbackS, true);
    await confirm();
  }
}
