// What a gate compares evidence with. In: a tier, keys. Out: the commit, the files and the evidence that are here now.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IdentityKey } from '../../agent/src/trust/types.ts';
import { buildRouter } from '../../bundle/build.ts';
import { packFeed, readFeed } from '../../bundle/feed.ts';
import { buildBundles, feedFolder } from '../../bundle/package.ts';
import { packagesOf } from '../../bundle/sbom.ts';
import { parsePublicKey } from '../../bundle/usign.ts';
import { buildLabImage, type Tier } from '../image/build.ts';
import { buildRouterImage } from '../image/openwrt.ts';
import { auditFile, lockFile } from './audit.ts';
import type { EvidenceSet } from './believe.ts';
import type { Gate } from './gates.ts';
import type { AtHand } from './judge.ts';
import type { Release } from './judge-release.ts';
import { readPublicKey } from './runner-key.ts';
import { ruleDigests } from './rule-subjects.ts';
import type { EvidenceTier } from './statement.ts';
import { subjectFiles } from './subjects.ts';
import { sha256Of, sha256OfFile, treeAtHand } from './surroundings.ts';
import { evidenceFolder, signedEnding, unsignedEnding } from './write.ts';

function publicKeysIn(name: string): readonly string[] {
  const folder = join(import.meta.dirname, name);
  return readdirSync(folder).flatMap((file) => (file.endsWith('.pub') ? [join(folder, file)] : []));
}

/** Keys that the project trusts to run its lab: a change of them is a change of this repository. */
export function pinnedRunners(): readonly IdentityKey[] {
  return publicKeysIn('runners').map(readPublicKey);
}

/** The bundle is built anew: what was tested is what this commit makes, to the byte. */
async function digestsAtHand(tier: Tier): Promise<AtHand['digests']> {
  await buildRouter();
  const router = await buildRouterImage({ ...process.env, LAB_IMAGE: tier });
  const files = Object.entries(subjectFiles(await buildLabImage(), router)).filter(([, file]) => existsSync(file));
  return Object.fromEntries(files.map(([name, file]) => [name, sha256OfFile(file)]));
}

/** Bundles and packages are made anew; of the feed only the signatures cannot be. */
async function readRelease(): Promise<Release> {
  const input = await buildBundles();
  const { files } = await packFeed(input);
  return {
    releasers: publicKeysIn('releasers').map((file) => parsePublicKey(readFileSync(file, 'utf8'))),
    feed: existsSync(feedFolder) ? readFeed(feedFolder) : {},
    made: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256Of(bytes)])),
    bundles: [input.router, input.operator].map(({ name, bytes, inputs }) => ({
      ...{ name, digest: sha256Of(bytes) },
      packages: packagesOf(inputs),
    })),
    audit: existsSync(auditFile) ? readFileSync(auditFile) : undefined,
    lock: readFileSync(lockFile),
  };
}

/** `problems`: why something could not be read or made; nothing can be of it then. */
export async function readAtHand(
  { isRelease }: Gate,
  tier: Tier,
  runners: readonly IdentityKey[],
): Promise<AtHand & { readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const noted = (error: unknown): undefined => void problems.push((error as Error).message);
  const digests = (await digestsAtHand(tier).catch(noted)) ?? {};
  const release = isRelease ? await readRelease().catch(noted) : undefined;
  return {
    nowUnixS: Math.floor(Date.now() / 1000),
    tier,
    ...treeAtHand(),
    digests,
    rules: ruleDigests(),
    runners,
    release,
    problems,
  };
}

function evidenceIn(tier: EvidenceTier): readonly string[] {
  const folder = join(evidenceFolder, tier);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const files = names.filter((name) => name.endsWith(signedEnding) || name.endsWith(unsignedEnding)).sort();
  return files.map((name) => `${tier}/${name}`);
}

/** What has no guest lies apart, and is the same for every tier; it names no file beside it. */
export function readEvidence(tier: Tier): EvidenceSet {
  const files = [...evidenceIn(tier), ...evidenceIn('unit')];
  return {
    files: new Map(files.map((name) => [name, readFileSync(join(evidenceFolder, name))])),
    attachment: (promise, digest, ending) => {
      const file = join(evidenceFolder, tier, promise, `${digest}.${ending}`);
      return existsSync(file) ? readFileSync(file) : undefined;
    },
  };
}
