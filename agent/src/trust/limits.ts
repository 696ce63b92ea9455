/** Every bound of the signed formats, in one place. */

export const skewS = 120;
export const minMapLifetimeS = 3600;
export const maxMapLifetimeS = 90 * 86400;
export const maxEnvelopeBytes = 64 * 1024;
export const maxPartBytes = 512 * 1024;
export const maxParts = 300;
export const maxMembers = 16_384;
export const maxDepth = 8;

export const rootType = 'application/vnd.rustynet.root+json';
export const mapType = 'application/vnd.rustynet.map+json';
export const statusType = 'application/vnd.rustynet.status+json';
