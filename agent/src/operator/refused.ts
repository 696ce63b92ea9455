/**
 * How this tool says no: one error with a code for scripts, a line for people and the exit code of the process.
 * In: what was wanted and got, or a refusal of the trust room. Out: a throw that run.ts turns into output.
 */
import { isRefusal } from '../trust/refuse.ts';
import type { Refusal } from '../trust/types.ts';

export const exitRefused = 1;
export const exitUsage = 2;
/** As a shell says of a process that SIGINT ended. */
export const exitInterrupted = 130;

export class Refused extends Error {
  readonly code: string;
  readonly exitCode: number;
  constructor(code: string, message: string, exitCode: number = exitRefused) {
    super(message);
    this.name = 'Refused';
    this.code = code;
    this.exitCode = exitCode;
  }
}

export function fail(code: string, message: string): never {
  throw new Refused(code, message);
}

/** The command line itself is wrong: nothing was looked at yet. */
export function misuse(message: string): never {
  throw new Refused('usage', message, exitUsage);
}

/** `policy.json line 7`. */
export function placeOf(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file} line ${line}`;
}

/** The value, unless it is a refusal; `subject` tells which file or argument it is about. */
export function believed<Value>(value: Value | Refusal, subject: string): Value {
  if (isRefusal(value)) throw new Refused(value.refused, `${subject}: ${value.detail}`);
  return value;
}
