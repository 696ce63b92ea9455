// Forgeries of what is handed out: a feed, its SBOMs, an audit. Where nothing else is said, the releaser and the runner
// signed them: only what a gate makes anew or counts itself can refuse them.
import { version } from '../../bundle/build.ts';
import { packFeed } from '../../bundle/feed.ts';
import type { Contents } from '../../bundle/release.ts';
import type { AuditStatement } from './audit-report.ts';
import type { Reason } from './findings.ts';
import type { Forgery } from './forger.ts';
import { newRunner, nowUnixS, type World } from './honest.ts';
import {
  auditOf,
  bentBom,
  feed,
  input,
  newReleaser,
  releaser,
  reportOf,
  signedAgain,
  vulnerability,
} from './honest-release.ts';
import type { Release } from './judge-release.ts';
import { signedBy } from './runner-key.ts';
import { encodeStatement } from './statement.ts';

const has =
  (change: Partial<Release>) =>
  ({ atHand }: World): void => {
    if (atHand.release !== undefined) atHand.release = { ...atHand.release, ...change };
  };
const feedIs = (contents: Contents) => has({ feed: contents });
const ipkName = `rustynet_${version}-r1_all.ipk`;
const bent = (name: string): Uint8Array => Buffer.concat([feed[name] ?? new Uint8Array(), Buffer.of(0)]);
const made = async (change: Partial<typeof input>): Promise<Contents> =>
  (await packFeed({ ...input, ...change })).files;
const ofAnotherBundle = await made({ router: { ...input.router, bytes: Buffer.from('another bundle') } });

const bomIs = (what: string, wanted: RegExp, bend: (bom: Record<string, unknown>) => object): Forgery => [
  what,
  'sbom',
  wanted,
  feedIs(signedAgain(bentBom('rustynet', bend))),
];
const firstOf = (bom: Record<string, unknown>, change: object): object => {
  const [first, ...more] = bom['components'] as readonly object[];
  return { ...bom, components: [{ ...first, ...change }, ...more] };
};

const auditIs =
  (statement: AuditStatement) =>
  (world: World): void =>
    has({ audit: signedBy(world.runner, encodeStatement(statement)) })(world);
const reportIs = (what: string, reason: Reason, wanted: RegExp, report: string): Forgery => [
  what,
  reason,
  wanted,
  auditIs(auditOf({ report })),
];
const grave = reportOf(vulnerability('mqtt', 'high', 'node_modules/mqtt'));

const forgedFeeds: readonly Forgery[] = [
  [
    'a release of which nothing is at hand',
    'input-missing',
    /^release: .*handed out, got none/,
    ({ atHand }) => {
      atHand.release = undefined;
    },
  ],
  ['no feed', 'input-missing', /^feed: .*wanted a feed in bundle\/out\/feed, got none/, feedIs({})],
  [
    'no releaser is pinned',
    'no-releaser',
    /^feed: .*wanted a pinned key of a releaser, got none/,
    has({ releasers: [] }),
  ],
  [
    'a feed with a byte changed',
    'feed',
    /_all\.ipk: wanted [0-9a-f]{64}, got/,
    feedIs({ ...feed, [ipkName]: bent(ipkName) }),
  ],
  ['a feed that a stranger signed', 'feed', /1 signers of the release, got 0/, feedIs(signedAgain({}, newReleaser()))],
  [
    "a feed that a stranger signed, with the releaser's key in it",
    'feed',
    /1 signers of the release, got 0/,
    feedIs({
      ...signedAgain({}, newReleaser()),
      [releaser.fingerprint]: feed[releaser.fingerprint] ?? new Uint8Array(),
    }),
  ],
  [
    'a feed without its signed list',
    'feed',
    /wanted release\.intoto\.json, got none/,
    feedIs(Object.fromEntries(Object.entries(feed).filter(([name]) => name !== 'release.intoto.json'))),
  ],
  [
    'a package with another rustynet.js',
    'package',
    /rustynet_.*_all\.ipk: wanted SHA-256 .*made anew/,
    feedIs(signedAgain(ofAnotherBundle)),
  ],
  [
    'an operator tool of another build',
    'package',
    /rustynet-operator\.js: wanted SHA-256/,
    feedIs(signedAgain({ 'rustynet-operator.js': Buffer.from('another tool') })),
  ],
  [
    'a feed without an operator tool',
    'package',
    /rustynet-operator\.js: wanted SHA-256 .*got none/,
    feedIs(signedAgain({ 'rustynet-operator.js': undefined })),
  ],
  [
    'a package more',
    'package',
    /more\.ipk: wanted no other file, got it/,
    feedIs(signedAgain({ 'more.ipk': Buffer.from('more') })),
  ],
  [
    'no SBOM',
    'sbom',
    /rustynet\.cdx\.json: wanted an SBOM, got none/,
    feedIs(signedAgain({ 'rustynet.cdx.json': undefined })),
  ],
  [
    'the SBOM of another bundle',
    'sbom',
    /rustynet\.cdx\.json: wanted the bundle of SHA-256/,
    feedIs(signedAgain({ 'rustynet.cdx.json': feed['rustynet-operator.cdx.json'] })),
  ],
  bomIs('an SBOM without components', /wanted the components .*mqtt@.*got none/, (bom) => ({ ...bom, components: [] })),
  bomIs('an SBOM that leaves one component out', /wanted the components/, (bom) => ({
    ...bom,
    components: (bom['components'] as readonly object[]).slice(1),
  })),
  bomIs('a component of another version', /wanted the components .*@99\.0\.0/, (bom) =>
    firstOf(bom, { name: 'mqtt', version: '99.0.0', purl: 'pkg:npm/mqtt@99.0.0' }),
  ),
  bomIs('a component without a version', /wanted the purl .*undefined/, (bom) => firstOf(bom, { version: undefined })),
  bomIs('a component that is null', /wanted the purl/, (bom) => ({ ...bom, components: [null] })),
  bomIs('a component with the purl of another', /got pkg:npm\/x@1$/, (bom) => firstOf(bom, { purl: 'pkg:npm/x@1' })),
  bomIs('an SBOM in another form', /wanted CycloneDX, got SPDX/, (bom) => ({ ...bom, bomFormat: 'SPDX' })),
  [
    'an SBOM that is cut',
    'sbom',
    /wanted JSON, got/,
    feedIs(signedAgain({ 'rustynet.cdx.json': feed['rustynet.cdx.json']?.subarray(0, 200) })),
  ],
];

const forgedAudits: readonly Forgery[] = [
  ['no report of npm audit', 'input-missing', /^audit: .*wanted a report of npm audit/, has({ audit: undefined })],
  [
    'a report as npm printed it, that nobody signed',
    'malformed',
    /^audit: .*wanted no key "auditReportVersion"/,
    has({ audit: Buffer.from('{"auditReportVersion":2,"vulnerabilities":{}}') }),
  ],
  [
    'a statement of an audit that nobody signed',
    'malformed',
    /^audit: .*wanted no key "_type"/,
    has({ audit: encodeStatement(auditOf({})) }),
  ],
  [
    'a report that a stranger signed',
    'wrong-signer',
    /^audit: .*of the pinned runners, got 0/,
    has({ audit: signedBy(newRunner(), encodeStatement(auditOf({}))) }),
  ],
  [
    'the evidence of a promise in place of an audit',
    'malformed',
    /^audit: .*at \$\.subject/,
    (world) => {
      has({ audit: signedBy(world.runner, encodeStatement(world.reach)) })(world);
    },
  ],
  [
    'a report of the day before yesterday',
    'stale',
    /^audit: .*got one 172800 s ago/,
    auditIs(auditOf({ askedUnixS: nowUnixS - 172_800 })),
  ],
  [
    'a report of tomorrow',
    'not-yet',
    /^audit: .*wanted an end before/,
    auditIs(auditOf({ askedUnixS: nowUnixS + 86_400 })),
  ],
  [
    'a report of another lock file',
    'subject',
    /^audit: .*wanted package-lock\.json at hand/,
    auditIs(auditOf({}, Buffer.from('{}'))),
  ],
  [
    'a report of a mirror that knows of nothing',
    'registry',
    /wanted what https:\/\/registry\.npmjs\.org\/ knows, got http:\/\/127/,
    auditIs(auditOf({ registry: 'http://127.0.0.1:4873/' })),
  ],
  reportIs(
    'a high vulnerability of a runtime dependency',
    'vulnerable',
    /got mqtt: high at node_modules\/mqtt$/,
    grave,
  ),
  reportIs(
    'a moderate one',
    'vulnerable',
    /got uqr: moderate/,
    reportOf(vulnerability('uqr', 'moderate', 'node_modules/uqr')),
  ),
  reportIs(
    'one of a package that both development and the program have',
    'vulnerable',
    /at node_modules\/mqtt$/,
    reportOf(vulnerability('mqtt', 'critical', 'node_modules/vitest/node_modules/mqtt', 'node_modules/mqtt')),
  ),
  reportIs('a report that is cut', 'malformed', /^audit: .*wanted JSON, got/, grave.slice(0, 100)),
  reportIs(
    "the registry's refusal",
    'malformed',
    /version 2, got 405 Method Not Allowed/,
    '{"message":"405 Method Not Allowed","statusCode":405}',
  ),
  reportIs(
    'a report without its entries',
    'malformed',
    /got one of keys auditReportVersion$/,
    '{"auditReportVersion":2}',
  ),
  reportIs(
    'a list of none in place of the entries',
    'malformed',
    /wanted a report of npm audit/,
    '{"auditReportVersion":2,"vulnerabilities":[]}',
  ),
  reportIs(
    'a severity that is none',
    'malformed',
    /got "harmless"/,
    reportOf(vulnerability('mqtt', 'harmless', 'node_modules/mqtt')),
  ),
  reportIs(
    'one that is nowhere',
    'malformed',
    /wanted the places in the lock file, got 0 of 0/,
    reportOf(vulnerability('mqtt', 'high')),
  ),
  reportIs(
    'one at a place that the lock file has not',
    'malformed',
    /wanted a place in the lock file, got node_modules\/constructor/,
    reportOf(vulnerability('constructor', 'high', 'node_modules/constructor')),
  ),
];

export const forgedReleases: readonly Forgery[] = [...forgedFeeds, ...forgedAudits];
