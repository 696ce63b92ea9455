// What happens in a lab while a promise runs, kept as it was seen. In: samples and commands, from the topology and the
// harness, and from a promise itself where only it knows (`mark`). Out: a record, once the promise is over. Outside of a
// promise (the demo, a test of the lab itself) nothing is kept; outside of a test no sample is, since none judges it.
import type { Digest } from '../../agent/src/trust/types.ts';
import { maxTextLength, type Command, type EvidenceTier, type Sample } from './statement.ts';
import { sha256Of } from './surroundings.ts';

export interface Attachment {
  /** `pcap` or `log`. */
  readonly ending: string;
  readonly bytes: Uint8Array;
}

/** What is under test. */
export interface Subjects {
  readonly tier: EvidenceTier;
  /** Empty where no guest is booted. */
  readonly guestKernel: string;
  /** By the names that a statement has for it; asked for when it is written. */
  readonly digests: () => Readonly<Record<string, Digest>>;
}

export interface Run {
  readonly promise: string;
  readonly startUnixS: number;
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  readonly commands: readonly Command[];
  readonly attachments: ReadonlyMap<Digest, Attachment>;
  readonly subjects: Subjects | undefined;
}

interface Open extends Run {
  readonly samples: Map<string, Sample[]>;
  readonly commands: Command[];
  readonly attachments: Map<Digest, Attachment>;
  subjects: Subjects | undefined;
}

let open: Open | undefined;
let current: Sample[] | undefined;

export function openRecord(promise: string): void {
  const startUnixS = Math.floor(Date.now() / 1000);
  const [samples, commands, attachments] = [new Map<string, Sample[]>(), [], new Map<Digest, Attachment>()];
  open = { promise, startUnixS, samples, commands, attachments, subjects: undefined };
}

export function closeRecord(): Run | undefined {
  const run = open;
  open = undefined;
  return run;
}

export function beginTest(test: string): void {
  current = [];
  open?.samples.set(test, current);
}

export function endTest(): void {
  current = undefined;
}

export function recordSubjects(subjects: Subjects): void {
  if (open !== undefined) open.subjects = subjects;
}

export function recordCommand(on: string, command: string, exitStatus: number, output: Uint8Array): void {
  open?.commands.push({ on, command: command.slice(0, maxTextLength), exitStatus, outputSha256: sha256Of(output) });
}

export function record(sample: Sample): void {
  if (open !== undefined) current?.push(sample);
}

/** Gives the digest by which a sample names it. */
export function attach(ending: string, bytes: Uint8Array): Digest {
  const digest = sha256Of(bytes);
  if (current !== undefined) open?.attachments.set(digest, { ending, bytes });
  return digest;
}

/** For what only the promise knows: the moment from which frames are counted, in milliseconds of `performance.now`. */
export function mark(name: string, atMs: number): void {
  record({ kind: 'mark', name, atUnixUs: unixUs(atMs) });
}

/** As a capture file says it. */
export function unixUs(atMs: number): number {
  return Math.floor((performance.timeOrigin + atMs) * 1000);
}
