/**
 * V8, for a process that works for a second and rests for a minute. A flag that it does not know it passes over, where on
 * Node's command line the daemon would not start.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Bytes of bytecode that a function runs before it is compiled for speed: 132 KB of V8's own are over long before the time
 * that compiling took has come back, and what was compiled stays. A quarter of a start with 1,000 members, 2 MB of 20.
 */
const interruptBudget = '--interrupt-budget=1000000';

export function spareCompiler(): void {
  setFlagsFromString(interruptBudget);
}

/** It keeps the pages that a map took; with --expose-gc they can be given back. Collects and compacts: some 10 ms on a router, ten times that in emulation. */
export function giveBackMemory(): void {
  setFlagsFromString('--compact-on-every-full-gc');
  globalThis.gc?.();
  setFlagsFromString('--no-compact-on-every-full-gc');
}
