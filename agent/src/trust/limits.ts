/** Every bound of the signed formats, in one place. */

export const skewS = 120;
export const minMapLifetimeS = 3600;
export const maxMapLifetimeS = 90 * 86400;

export const maxEnvelopeBytes = 64 * 1024;
export const maxSignatures = 16;
/** A join request: one that is honest has about 750. */
export const maxJoinBytes = 2048;
export const maxRoleKeys = 16;
export const maxDepth = 8;
/** Root versions and epochs. */
export const maxVersion = 2 ** 31 - 1;

export const maxPartBytes = 512 * 1024;
export const maxParts = 300;
export const maxMembers = 16_384;
export const maxAddresses = 2;
export const maxSubnets = 32;
export const maxTags = 16;
export const maxEndpoints = 8;
export const maxRules = 512;
export const maxSelectors = 64;
export const maxProtocols = 32;
export const maxResolvers = 4;

export const rootType = 'application/vnd.rustynet.root+json';
export const mapType = 'application/vnd.rustynet.map+json';
export const statusType = 'application/vnd.rustynet.status+json';
export const joinType = 'application/vnd.rustynet.join+json';
export const auditType = 'application/vnd.rustynet.audit+json';

/** With one more while the oldest is being dropped, and the head, the log stays below 256 KB. */
export const maxAuditSegments = 8;
export const maxAuditSegmentBytes = 28 * 1024;
export const maxAuditLineBytes = 8 * 1024;
export const maxAuditFields = 8;
/** Characters of one value; what a stranger sent must not fill the log. */
export const maxAuditText = 200;
