/**
 * What the boot sets before the first packet, when nothing else runs yet. In: what is desired and what is around.
 * Out: texts for nft(8) and ip(8), which change only with the choices, the LANs and the mesh's prefixes: they are on flash.
 */
import type { Desired } from '../policy/desired.ts';
import type { BootFiles, Family, Observed } from './observed.ts';
import { isProtected, renderProtection } from './protection.ts';
import { desiredRouting, isPath } from './routing.ts';

function routingText(family: Family, desired: Desired, observed: Observed): string {
  const { rules, routes } = desiredRouting(desired, observed)[family];
  return [
    // Sorted: the order in which the kernel has them is no reason to write to flash.
    ...[...routes]
      .filter((line) => !isPath(line))
      .sort()
      .map((line) => `route replace ${line}\n`),
    ...rules.map((line) => `rule add ${line}\n`),
  ].join('');
}

export function bootFiles(desired: Desired, observed: Observed): BootFiles {
  // Before netifd knows the LANs, what was written while it did holds.
  if (desired.keepsExit || (isProtected(desired) && observed.locals.length === 0)) return observed.bootFiles;
  const before = { ...observed, lifelines: [], uplinkResolvers: [] };
  return {
    nft: isProtected(desired) ? renderProtection(desired, before) : '',
    ip4: routingText(4, desired, before),
    ip6: routingText(6, desired, before),
  };
}
