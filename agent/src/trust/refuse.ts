/**
 * How this room says no: `refuse` unwinds to the door, `refusing` turns it into the value that callers see.
 * In: a reason of the closed union and what was wanted and got. Out: a `Refusal`. Nothing else is caught here.
 */
import type { Refusal, RefusalReason } from './types.ts';

class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(`${refusal.refused}: ${refusal.detail}`);
    this.refusal = refusal;
  }
}

export function refuse(refused: RefusalReason, detail: string): never {
  throw new Refused({ refused, detail });
}

/** What `make` gives, or the refusal it ended with. */
export function refusing<Value>(make: () => Value): Value | Refusal {
  try {
    return make();
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value;
}
