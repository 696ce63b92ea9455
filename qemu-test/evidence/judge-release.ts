// What is handed out, judged beside the evidence. In: the feed at hand, the same made anew from the sources, keys of
// releasers, the audit. Out: findings and figures. Nothing of a feed is read before a releaser's signature held.
import type { Digest, IdentityKey } from '../../agent/src/trust/types.ts';
import { bomName, signedNames, verifyFeed } from '../../bundle/feed.ts';
import type { Contents } from '../../bundle/release.ts';
import type { PublicKey } from '../../bundle/usign.ts';
import type { Report } from './findings.ts';
import { judgeAudit, type Audited } from './judge-audit.ts';
import { at, listIn, parseJson } from './loose-json.ts';
import { sha256Of } from './surroundings.ts';

/** As the commit at hand makes it. */
export interface BundleAtHand {
  readonly name: string;
  readonly digest: Digest;
  /** `name@version` of each package of which a file went in. */
  readonly packages: ReadonlySet<string>;
}

export interface Release extends Audited {
  readonly releasers: readonly PublicKey[];
  /** bundle/out/feed; no file if there is none. */
  readonly feed: Contents;
  /** Of each file that follows from the sources alone. */
  readonly made: Readonly<Record<string, Digest>>;
  readonly bundles: readonly BundleAtHand[];
}

function refusalOf(feed: Contents, key: PublicKey): string | undefined {
  try {
    verifyFeed(feed, key);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The files are those of the sources at hand and no others, whatever the releaser signed. */
function judgeFiles({ feed, made, bundles }: Release, signer: PublicKey, report: Report): void {
  for (const [name, digest] of Object.entries(made)) {
    const got = feed[name] === undefined ? 'none' : sha256Of(feed[name]);
    if (got !== digest) {
      report('package', `${name}: wanted SHA-256 ${digest}, as made anew by Node ${process.version}, got ${got}`);
    }
  }
  const known = [...Object.keys(made), ...bundles.map(bomName), ...signedNames(signer)];
  for (const name of Object.keys(feed).filter((each) => !known.includes(each))) {
    report('package', `${name}: wanted no other file, got it`);
  }
}

/** `name@version`, or a word on what is missing. */
function componentOf(component: unknown): string {
  const [name, version, purl] = ['name', 'version', 'purl'].map((key) => String(at(component, key)));
  const wanted = `pkg:npm/${String(name).replace('@', '%40')}@${version}`;
  if (purl !== wanted) throw new Error(`wanted the purl ${wanted}, got ${purl}`);
  return `${name}@${version}`;
}

function judgeBom({ digest, packages }: BundleAtHand, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) throw new Error('wanted an SBOM, got none');
  const bom = parseJson(Buffer.from(bytes).toString());
  const format = at(bom, 'bomFormat');
  if (format !== 'CycloneDX') throw new Error(`wanted CycloneDX, got ${String(format)}`);
  const hashes = listIn(at(bom, 'metadata', 'component', 'hashes'));
  const named = hashes.filter((each) => at(each, 'alg') === 'SHA-256').map((each) => String(at(each, 'content')));
  if (named.join() !== digest) throw new Error(`wanted the bundle of SHA-256 ${digest}, got ${named.join() || 'none'}`);
  const components = listIn(at(bom, 'components')).map(componentOf);
  const [got, wanted] = [components, [...packages]].map((all) => all.sort().join(' '));
  if (got !== wanted) throw new Error(`wanted the components ${wanted}, got ${got || 'none'}`);
}

function judgeFeed(release: Release, report: Report): void {
  const { releasers, feed, bundles } = release;
  if (releasers.length === 0) report('no-releaser', 'wanted a pinned key of a releaser, got none');
  if (Object.keys(feed).length === 0) {
    report('input-missing', 'wanted a feed in bundle/out/feed, got none');
    return;
  }
  const refusals = releasers.map((key) => refusalOf(feed, key));
  const signer = releasers.find((_, index) => refusals[index] === undefined);
  if (signer === undefined) {
    for (const refusal of refusals) report('feed', String(refusal));
    return;
  }
  judgeFiles(release, signer, report);
  for (const bundle of bundles) {
    try {
      judgeBom(bundle, feed[bomName(bundle)]);
    } catch (error) {
      report('sbom', `${bomName(bundle)}: ${(error as Error).message}`);
    }
  }
}

export function judgeRelease(
  release: Release | undefined,
  runners: readonly IdentityKey[],
  nowUnixS: number,
  reporter: (subject: string) => Report,
): readonly string[] {
  if (release === undefined) {
    reporter('release')('input-missing', 'wanted what is handed out, got none of it at hand');
    return [];
  }
  judgeFeed(release, reporter('feed'));
  return judgeAudit(release, runners, nowUnixS, reporter('audit'));
}
