/** What was refused, and why. In: refusals. Out: how many of each reason, and the last one. */
import { refusalReasons, type Refusal, type RefusalReason } from '../trust/types.ts';

export class Refusals {
  readonly counts = Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as Record<RefusalReason, number>;
  last: (Refusal & { readonly atUnixS: number }) | undefined;

  add(refusal: Refusal, atUnixS: number): void {
    this.counts[refusal.refused] += 1;
    this.last = { ...refusal, atUnixS };
  }
}
