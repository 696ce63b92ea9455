/** One call of the tool. In: arguments and the world around. Out: the exit code, after output of one kind or the other. */
import { parseCommand } from './args.ts';
import { Folder } from './folder.ts';
import { exitRefused, Refused } from './refused.ts';
import type { Answer, Surroundings } from './surroundings.ts';
import { help, sayVersion, verbs } from './verbs.ts';

export async function run(argv: readonly string[], around: Surroundings): Promise<number> {
  // Asked of the raw arguments, because it must hold for errors in them, too.
  const json = argv.includes('--json');
  try {
    const { verb, words, given } = parseCommand(argv, verbs);
    if (verb === undefined || given.flag('help') || given.flag('version')) {
      tell(given.flag('help') ? help(words) : sayVersion(), json, around);
      return 0;
    }
    const path = given.text('network') ?? around.env['RUSTYNET_NETWORK'] ?? '.';
    tell(await verb.run({ folder: new Folder(path), given, around }), json, around);
    return 0;
  } catch (error) {
    return tellError(asRefused(error), json, around);
  }
}

function tell({ lines, warnings = [], value }: Answer, json: boolean, around: Surroundings): void {
  if (json) {
    around.stdout(`${JSON.stringify({ ...value, ...(warnings.length === 0 ? {} : { warnings }) })}\n`);
    return;
  }
  around.stdout(lines.map((line) => `${line}\n`).join(''));
  for (const warning of warnings) around.stderr(`warning: ${warning}\n`);
}

/** What the operating system refuses (no permission, no space) is a refusal like ours; anything else is a defect. */
function asRefused(error: unknown): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof Error && 'syscall' in error && 'code' in error) {
    return new Refused(String(error.code), error.message);
  }
  const got = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Refused('defect', `this is a defect of the tool: ${got}`, exitRefused);
}

function tellError({ code, message, exitCode }: Refused, json: boolean, around: Surroundings): number {
  if (json) around.stdout(`${JSON.stringify({ error: { code, message } })}\n`);
  else around.stderr(`rustynet-operator: ${message}\n`);
  return exitCode;
}
