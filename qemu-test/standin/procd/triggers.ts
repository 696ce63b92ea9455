/**
 * Triggers: what a service wants run when an event comes.
 * In: the trigger lists that rc scripts register, and events. Out: scripts run, each at most once for a burst of
 * events. Specified in procd's trigger.c; the lists are shaped as recorded (openwrt-25.12-rpcd-uci.md, `zsvc`):
 * [event, ["if", ["eq", name, value], ["run_script", path, arguments...]], delay in ms].
 */
import type { JsonTable, JsonValue } from '../../../agent/src/wire/blobmsg.ts';

type Command = readonly JsonValue[];

export type RunScript = (argv: readonly string[]) => void;

function asCommand(value: JsonValue | undefined): Command {
  return Array.isArray(value) ? (value as Command) : [];
}

/** `interface.*` matches `interface.update`. */
function eventMatches(pattern: string, event: string): boolean {
  return pattern.endsWith('*') ? event.startsWith(pattern.slice(0, -1)) : event === pattern;
}

function holds(condition: Command, data: JsonTable): boolean {
  const [operation, ...rest] = condition;
  if (operation === 'eq') return data[String(rest[0])] === rest[1];
  if (operation === 'or') return rest.some((part) => holds(asCommand(part), data));
  if (operation === 'and') return rest.every((part) => holds(asCommand(part), data));
  return operation === 'not' && !holds(asCommand(rest[0]), data);
}

/** The scripts that a command runs for an event with this data. */
export function scriptsOf(command: Command, data: JsonTable): string[][] {
  const [operation, ...rest] = command;
  if (Array.isArray(operation)) return command.flatMap((part) => scriptsOf(asCommand(part), data));
  if (operation === 'run_script') return [rest.map(String)];
  if (operation === 'case') return scriptsOf(asCommand(rest[1]), data);
  if (operation !== 'if') return [];
  const chosen = holds(asCommand(rest[0]), data) ? rest[1] : rest[2];
  return scriptsOf(asCommand(chosen), data);
}

export class Triggers {
  readonly #run: RunScript;
  readonly #lists = new Map<string, readonly JsonValue[]>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(run: RunScript) {
    this.#run = run;
  }

  /** A service's triggers, in place of those that it had. */
  set(service: string, triggers: readonly JsonValue[]): void {
    this.#lists.set(service, triggers);
  }

  remove(service: string): void {
    this.#lists.delete(service);
  }

  fire(event: string, data: JsonTable): void {
    for (const triggers of this.#lists.values()) {
      for (const trigger of triggers) {
        const [pattern, command, delayMs] = asCommand(trigger);
        if (!eventMatches(String(pattern), event)) continue;
        for (const argv of scriptsOf(asCommand(command), data)) this.#later(argv, Number(delayMs ?? 0));
      }
    }
  }

  #later(argv: readonly string[], delayMs: number): void {
    const key = JSON.stringify(argv);
    clearTimeout(this.#timers.get(key));
    const go = (): void => {
      this.#timers.delete(key);
      this.#run(argv);
    };
    this.#timers.set(key, setTimeout(go, delayMs));
  }
}
