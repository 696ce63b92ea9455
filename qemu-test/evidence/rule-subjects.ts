// What a promise without a guest is of. In: the rules of agent/test/system/packets.ts as the sources at hand render them.
// Out: their digests by the names that a statement has for them.
import { scenarios, type Scenario } from '../../agent/test/system/packets.ts';
import type { Digest } from '../../agent/src/trust/types.ts';
import type { Subjects } from './recorder.ts';
import { sha256Of } from './surroundings.ts';

export function ruleDigests(): Readonly<Record<string, Digest>> {
  return Object.fromEntries(
    Object.entries<Scenario>(scenarios).map(
      ([
        name,
        {
          rules: { nft, ip4, ip6 },
        },
      ]) => [`rules/${name.replaceAll(' ', '-')}`, sha256Of(JSON.stringify([nft, ip4, ip6]))],
    ),
  );
}

export const ruleSubjects: Subjects = { tier: 'unit', guestKernel: '', digests: ruleDigests };
