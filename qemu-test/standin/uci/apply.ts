/**
 * `apply`, `confirm` and `rollback` of rpcd's object `uci`. In: the changes of a session. Out: they are committed, and
 * undone when nobody confirms in time. As recorded in openwrt-25.12-rpcd-uci.md: while that is pending, everybody else
 * is refused, and what is undone stands among the session's changes again.
 */
import type { Result } from '../bus/client.ts';
import type { UciSection } from './file.ts';
import type { UciStore } from './store.ts';
import type { Change } from './change.ts';

interface Pending {
  readonly sid: string;
  readonly timer: NodeJS.Timeout;
  readonly undo: () => void;
}

export class Apply {
  readonly #announce: (config: string) => void;
  #pending: Pending | undefined;

  constructor(announce: (config: string) => void) {
    this.#announce = announce;
  }

  isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** `configs` are those that the session may write. */
  apply(sid: string, store: UciStore, configs: readonly string[], rollbackS: number | undefined): Result {
    if (this.#pending !== undefined) return 'PERMISSION_DENIED';
    const before: { config: string; sections: UciSection[]; changes: Change[] }[] = [];
    for (const config of configs) {
      const [sections, changes] = [store.committed(config), store.changes(config)];
      if (sections === undefined || changes.length === 0) continue;
      before.push({ config, sections, changes });
      store.commit(config);
      this.#announce(config);
    }
    if (rollbackS === undefined) return undefined;
    const undo = (): void => {
      for (const { config, sections, changes } of before) {
        store.replace(config, sections);
        store.change(config, changes);
        this.#announce(config);
      }
    };
    const timer = setTimeout(() => {
      this.#pending = undefined;
      undo();
    }, rollbackS * 1000);
    this.#pending = { sid, timer, undo };
    return undefined;
  }

  /** `undo` is the method `rollback`. */
  end(sid: string, undo: boolean): Result {
    if (this.#pending === undefined) return 'NO_DATA';
    if (this.#pending.sid !== sid) return 'PERMISSION_DENIED';
    clearTimeout(this.#pending.timer);
    if (undo) this.#pending.undo();
    this.#pending = undefined;
    return undefined;
  }
}
