/** What a verb may ask of the world around the process, and what it answers. main.ts and the tests provide it. */
import type { Given } from './args.ts';
import { Folder } from './folder.ts';

export interface Surroundings {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowUnixS: () => number;
  /** Throws `Refused` where there is nobody to ask. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Asks without echo. */
  readonly askSecret: (question: string) => Promise<string>;
  /** For what runs on: from this call on the process ends no more at once when it is asked to, but tells of it. */
  readonly stop?: () => AbortSignal;
}

export interface Call {
  readonly folder: Folder;
  readonly given: Given;
  readonly around: Surroundings;
}

export interface Answer {
  /** For people, on stdout. */
  readonly lines: readonly string[];
  /** For people, on stderr; with --json inside the value. */
  readonly warnings?: readonly string[];
  /** With --json, the only thing on stdout. */
  readonly value: Readonly<Record<string, unknown>>;
}
