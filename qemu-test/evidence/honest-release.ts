// For tests: a gate of a release, and a feed and an audit that it opens for, made by the code that makes them. In: nothing.
// Out: what a forger bends. The bundles are short texts, said to be made of packages that are installed.
import { version } from '../../bundle/build.ts';
import { bomName, buildFeed, packFeed, signedNames, signFeed, type FeedInput } from '../../bundle/feed.ts';
import type { Contents } from '../../bundle/release.ts';
import { packagesOf } from '../../bundle/sbom.ts';
import { newSecretKey, parseSecretKey, type SecretKey } from '../../bundle/usign.ts';
import { randomBytes } from 'node:crypto';
import { auditType, npmRegistry, type AuditStatement } from './audit-report.ts';
import { honest, nowUnixS, type World } from './honest.ts';
import type { Release } from './judge-release.ts';
import { signedBy } from './runner-key.ts';
import { encodeStatement, statementType } from './statement.ts';
import { sha256Of } from './surroundings.ts';

export const newReleaser = (): SecretKey => parseSecretKey(newSecretKey((bytes) => randomBytes(bytes)).secret);
export const releaser = newReleaser();

const installed = (name: string): string => `node_modules/${name}/package.json`;
export const input: FeedInput = {
  router: { name: 'rustynet', bytes: Buffer.from('a bundle'), inputs: ['mqtt', '@noble/curves'].map(installed) },
  operator: {
    name: 'rustynet-operator',
    bytes: Buffer.from('a tool'),
    inputs: ['uqr', '@noble/curves'].map(installed),
  },
  ...{ version, builtUnixS: nowUnixS },
};
export const feed = (await buildFeed(input, releaser)).contents;
const { files } = await packFeed(input);

/** The feed with these files in place of its own, signed as a whole again; `undefined` takes one out. */
export function signedAgain(change: Readonly<Record<string, Uint8Array | undefined>>, key = releaser): Contents {
  const own = Object.entries(feed).filter(([name]) => !signedNames(releaser).includes(name));
  const bent = Object.entries({ ...Object.fromEntries(own), ...change }).flatMap(([name, bytes]) =>
    bytes === undefined ? [] : [[name, bytes] as const],
  );
  return signFeed(Object.fromEntries(bent), version, key);
}

const locked = {
  '': { name: 'rustynet' },
  'node_modules/mqtt': { version: '5.16.0' },
  'node_modules/uqr': { version: '0.1.3' },
  'node_modules/vitest': { version: '3.2.7', dev: true },
  'node_modules/vitest/node_modules/mqtt': { version: '4.0.0', dev: true },
};
export const lock = Buffer.from(JSON.stringify({ lockfileVersion: 3, packages: locked }));

/** As npm writes it, the fractions and nulls of its own with it. */
export const vulnerability = (name: string, severity: unknown, ...nodes: readonly unknown[]) => ({
  ...{ name, severity, isDirect: true, effects: [], range: '<99', nodes, fixAvailable: false },
  via: [{ source: 1, name, severity, cvss: { score: 7.5, vectorString: null } }],
});
export const reportOf = (...all: readonly { readonly name: string }[]): string =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(all.map((each) => [each.name, each])),
    metadata: { vulnerabilities: { total: 0 } },
  });
/** Nothing in it shuts the gate: one is slight, the other two are of development alone. */
const slight = reportOf(
  vulnerability('uqr', 'low', 'node_modules/uqr'),
  vulnerability('vitest', 'critical', 'node_modules/vitest'),
  vulnerability('mqtt', 'high', 'node_modules/vitest/node_modules/mqtt'),
);

export function auditOf(change: Partial<AuditStatement['predicate']>, of: Uint8Array = lock): AuditStatement {
  return {
    _type: statementType,
    subject: [{ name: 'package-lock.json', digest: { sha256: sha256Of(of) } }],
    predicateType: auditType,
    predicate: { registry: npmRegistry, npm: '10.8.2', askedUnixS: nowUnixS - 3600, report: slight, ...change },
  };
}

export function honestRelease(): World {
  const world = honest();
  const release: Release = {
    releasers: [releaser],
    feed,
    made: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256Of(bytes)])),
    bundles: [input.router, input.operator].map((each) => ({
      ...{ name: each.name, digest: sha256Of(each.bytes) },
      packages: packagesOf(each.inputs),
    })),
    audit: signedBy(world.runner, encodeStatement(auditOf({}))),
    lock,
  };
  world.gate = { ...world.gate, name: 'release', isRelease: true };
  world.atHand.release = release;
  return world;
}

/** The SBOM of a bundle as the feed has it, bent. */
export function bentBom(bundle: string, bend: (bom: Record<string, unknown>) => object): Contents {
  const name = bomName({ name: bundle });
  const bom = JSON.parse(Buffer.from(feed[name] ?? []).toString()) as Record<string, unknown>;
  return { [name]: Buffer.from(JSON.stringify(bend(bom))) };
}
