/** The roles of members, in the words of the map. */
import type { Role } from '../trust/types.ts';

export const roles: readonly Role[] = ['client', 'subnet-router', 'exit', 'relay'];

/** What an operator would wait for in vain. */
export function roleWarnings(given: readonly Role[]): readonly string[] {
  return given.includes('relay') ? ['no router relays yet: the role relay changes nothing'] : [];
}
