// `npm run gate -- NAME [--tier lab|openwrt] [--runner-key FILE]`. In: the evidence under qemu-test/out/evidence, what is
// at hand, the pinned keys. Out: figures, a line a finding, and exit status 0 only if there is none; 2 for wrong usage.
import { parseArgs } from 'node:util';
import type { IdentityKey } from '../../agent/src/trust/types.ts';
import type { Tier } from '../image/build.ts';
import { pinnedRunners, readAtHand, readEvidence } from './at-hand.ts';
import { line, type Finding } from './findings.ts';
import { gates, type Gate } from './gates.ts';
import { judge } from './judge.ts';
import { readPublicKey } from './runner-key.ts';

const tiers: readonly Tier[] = ['lab', 'openwrt'];

interface Asked {
  readonly gate: Gate;
  readonly tier: Tier;
  readonly runners: readonly IdentityKey[];
  /** What was asked for and does not count. */
  readonly refused: readonly Finding[];
}

function asked(argv: readonly string[]): Asked {
  const options = { tier: { type: 'string' }, 'runner-key': { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
  const gate = gates.find(({ name }) => positionals.length === 1 && name === positionals[0]);
  if (gate === undefined) {
    throw new Error(`wanted one of ${gates.map(({ name }) => name).join(' ')}, got ${positionals.join(' ') || 'none'}`);
  }
  const said = values.tier ?? gate.tiers[0];
  const tier = tiers.find((each) => each === said);
  if (tier === undefined) throw new Error(`--tier: wanted ${tiers.join(' or ')}, got ${String(said)}`);
  const file = values['runner-key'];
  const pinned = pinnedRunners();
  if (file === undefined) return { gate, tier, runners: pinned, refused: [] };
  if (!gate.isRelease) return { gate, tier, runners: [...pinned, readPublicKey(file)], refused: [] };
  const detail = `wanted keys in qemu-test/evidence/runners alone, got --runner-key ${file}`;
  return { gate, tier, runners: pinned, refused: [{ reason: 'no-runner', subject: gate.name, detail }] };
}

async function run(argv: readonly string[]): Promise<number> {
  let what: Asked;
  try {
    what = asked(argv);
  } catch (error) {
    console.error(`gate: ${(error as Error).message}`);
    return 2;
  }
  const { gate, tier, runners, refused } = what;
  const { problems, ...atHand } = await readAtHand(gate, tier, runners);
  const { findings, figures } = judge(gate, readEvidence(tier), atHand);
  for (const figure of figures) console.log(`  ${figure}`);
  const lacks = problems.map((detail): Finding => ({ reason: 'input-missing', subject: gate.name, detail }));
  const all = [...refused, ...lacks, ...findings];
  for (const finding of all) console.log(line(finding));
  const count = Object.keys(gate.promises).length;
  console.log(
    `gate ${gate.name}, tier ${tier}: ${all.length === 0 ? `open, ${count} promises` : `shut, ${all.length} findings`}`,
  );
  return all.length === 0 ? 0 : 1;
}

process.exitCode = await run(process.argv.slice(2));
