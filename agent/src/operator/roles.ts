/** The roles of members, in the words of the map. */
import type { Role } from '../trust/types.ts';

export const roles: readonly Role[] = ['client', 'subnet-router', 'exit', 'relay'];
