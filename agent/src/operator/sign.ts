/**
 * `sign`: the decisions become a map. In: the folder, the map key's passphrase, a yes. Out: signed/map.json and its parts,
 * which this tool has verified the way a router does before it wrote them. The epoch is spent first, in network.json: a
 * crash may skip one and never gives one out twice. Where the root wants several keys, the map waits in proposed/map.json.
 */
import { mapType } from '../trust/limits.ts';
import { encodeMap, verifyMap } from '../trust/map.ts';
import { completeMap } from '../trust/parts.ts';
import type { MapManifest, VerifiedMap } from '../trust/types.ts';
import { digestOf } from '../trust/words.ts';
import type { Options } from './args.ts';
import { byDigest, partRefs, partsOf, readContent, readPolicyFile } from './content.ts';
import type { Content, Parts, PolicyFile } from './content.ts';
import { describeDifference, differenceOf, plainDifference, type Difference } from './difference.ts';
import { encodeCarriedMap, mapProposalFile, mapStanding, withOneSigner } from './carried-map.ts';
import { cosignMap } from './cosign.ts';
import { placeKeys } from './key-files.ts';
import { openKey, passphrase, passphraseOption, signedBy } from './keys.ts';
import { noteMap } from './known-maps.ts';
import { mapLifetimeOption, mapLifetimeS } from './lifetimes.ts';
import { problemsOf, requireTests } from './policy-file.ts';
import { believed, fail, misuse } from './refused.ts';
import { readSettings, writeSettings, type Settings } from './settings.ts';
import { floorsAfter, newest, readRoots, readSignedMap, writeSignedMap, type SignedRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';
import { formatDuration, formatTime } from './times.ts';

export const signOptions = {
  lifetime: mapLifetimeOption('what init said'),
  'passphrase-file': passphraseOption,
} satisfies Options;

/** A rule may lose its last tag, but must not wait for a member of that name to come. */
function requireGoodPolicy(file: PolicyFile, content: Content): readonly string[] {
  const problems = problemsOf(content);
  const member = problems.find(({ selector }) => selector.startsWith('member:'));
  if (member !== undefined) fail(member.code, `${file.at(member.path)}: ${member.text}`);
  requireTests(file, content);
  return problems.map(({ text }) => text);
}

export function requireClock(nowUnixS: number, last: VerifiedMap | undefined): void {
  if (last !== undefined && nowUnixS < last.issuedUnixS) {
    const issued = formatTime(last.issuedUnixS);
    fail('not-yet', `wanted a clock not before the last map of ${issued}, got ${formatTime(nowUnixS)}`);
  }
}

interface Draft {
  readonly settings: Settings;
  readonly manifest: MapManifest;
  readonly parts: Parts;
  readonly difference: Difference;
  readonly roots: SignedRoots;
  readonly last: VerifiedMap | undefined;
  readonly warnings: readonly string[];
}

function draft({ folder, given, around }: Call): Draft {
  const settings = readSettings(folder);
  const lifetimeS = mapLifetimeS(given) ?? settings.lifetimeS;
  const roots = readRoots(folder, settings);
  const { root } = newest(roots);
  const last = readSignedMap(folder, roots)?.map;
  const issuedUnixS = around.nowUnixS();
  requireClock(issuedUnixS, last);
  const content = readContent(folder, settings);
  const warnings = [...requireGoodPolicy(readPolicyFile(folder, settings), content)];
  const parts = partsOf(settings, content);
  const manifest = {
    network: settings.network,
    epoch: Math.max(settings.epoch, last?.epoch ?? 0) + 1,
    issuedUnixS,
    expiresUnixS: issuedUnixS + lifetimeS,
    rootVersion: root.version,
    parts: partRefs(parts),
  };
  if (root.expiresUnixS < manifest.expiresUnixS) {
    warnings.push(
      `the root ends before this map, at ${formatTime(root.expiresUnixS)}: routers close then; run root renew`,
    );
  }
  const difference = differenceOf(last, { ...content, ...settings, lifetimeS, rootVersion: root.version });
  return { settings, manifest, parts, difference, roots, last, warnings };
}

function describe({ manifest, difference, last }: Draft): readonly string[] {
  const lines = describeDifference(difference);
  const until = formatTime(manifest.expiresUnixS);
  if (last === undefined) return ['the first map of this network', ...lines];
  if (lines.length > 0) return [`since epoch ${last.epoch}:`, ...lines];
  return [`nothing changed since epoch ${last.epoch}: signing again only moves its end to ${until}`];
}

async function confirm(call: Call, { manifest, warnings }: Draft, lines: readonly string[]): Promise<void> {
  if (call.given.flag('yes')) return;
  const until = `${formatTime(manifest.expiresUnixS)} (${formatDuration(manifest.expiresUnixS - manifest.issuedUnixS)})`;
  const notes = warnings.map((warning) => `warning: ${warning}`);
  const question = [...lines, ...notes, `Sign epoch ${manifest.epoch}, good until ${until}?`].join('\n');
  if (!(await call.around.confirm(question))) fail('not-confirmed', 'wanted a yes, got none: nothing was signed');
}

export async function sign(call: Call): Promise<Answer> {
  const path = call.given.operandIfAny(0);
  if (path === undefined) return signNext(call);
  if (call.given.flag('lifetime')) misuse('wanted no --lifetime for a map that somebody else made, got one');
  return cosignMap(call, path);
}

async function signNext(call: Call): Promise<Answer> {
  const { folder } = call;
  const made = draft(call);
  const { manifest, parts, roots, last } = made;
  const { root } = newest(roots);
  const lines = describe(made);
  await confirm(call, made, lines);
  const signer = await openKey(folder, 'map', root, await passphrase(call));
  const envelope = signedBy([signer], mapType, encodeMap(manifest));
  const judged = verifyMap(envelope, withOneSigner(root), floorsAfter(roots, last), manifest.issuedUnixS);
  const verified = believed(judged, 'the signed map');
  believed(completeMap(verified, byDigest(parts)), 'the signed map');
  placeKeys(folder, roots);
  writeSettings(folder, { ...made.settings, epoch: manifest.epoch });
  noteMap(folder, last, verified);
  const isEnough = root.map.threshold === 1;
  if (isEnough) writeSignedMap(folder, envelope, new Map([...parts.values()].map((bytes) => [digestOf(bytes), bytes])));
  else folder.write(mapProposalFile, encodeCarriedMap(folder, roots, envelope, [...parts.values()]));
  const { epoch, issuedUnixS: issued, expiresUnixS: expires } = manifest;
  const changed = last === undefined || describeDifference(made.difference).length > 0;
  const then = isEnough ? 'publish it next' : mapStanding(root, new Set([signer.key])).words;
  return {
    lines: [
      ...(call.given.flag('yes') ? lines : []),
      `signed epoch ${epoch}, good until ${formatTime(expires)}; ${then}`,
    ],
    warnings: made.warnings,
    value: {
      ...{ epoch, issued, expires, changed, difference: plainDifference(made.difference) },
      ...(isEnough ? {} : { file: mapProposalFile, ...mapStanding(root, new Set([signer.key])).value }),
    },
  };
}
