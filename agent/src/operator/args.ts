/**
 * The command line. In: arguments and the table of verbs. Out: the verb and its checked options, or misuse that says
 * what was wanted and got. node:util's parseArgs cuts the arguments up; the judgement is here, so that messages are ours.
 */
import { parseArgs } from 'node:util';
import { misuse } from './refused.ts';

export interface Option {
  /** What stands after it, for --help; none for a flag. */
  readonly value?: string;
  readonly help: string;
  /** The letter of its short form. */
  readonly short?: string;
  readonly many?: true;
  readonly required?: true;
}
export type Options = Readonly<Record<string, Option>>;

export interface Syntax {
  readonly words: readonly string[];
  /** Names of what follows the words, all of them needed but for a last one in brackets, with dots any number of it. */
  readonly operands: readonly string[];
  readonly options: Options;
}

export const globalOptions = {
  network: { value: 'DIR', help: 'the folder of the network (default: $RUSTYNET_NETWORK, or the current folder)' },
  json: { help: 'answer in JSON' },
  yes: { help: 'do not ask for confirmation' },
  help: { help: 'show this, or only the verbs that begin with the given words', short: 'h' },
  version: { help: 'show the version' },
} satisfies Options;

/** Checked arguments of one call. */
export class Given {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #operands: readonly string[];

  constructor(values: ReadonlyMap<string, readonly string[]>, operands: readonly string[]) {
    this.#values = values;
    this.#operands = operands;
  }

  /** The same with a flag more. */
  withFlag(name: string): Given {
    return new Given(new Map([...this.#values, [name, ['']]]), this.#operands);
  }
  flag(name: string): boolean {
    return this.#values.has(name);
  }
  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }
  operandIfAny(index: number): string | undefined {
    return this.#operands[index];
  }
  operandsAll(): readonly string[] {
    return this.#operands;
  }
  operand(index: number): string {
    return this.#operands[index] ?? misuse(`wanted operand ${index + 1}, got none`);
  }
  /** Every value of a repeatable option through its one parser. */
  parsedAll<Value>(name: string, wanted: string, parse: (text: string) => Value | undefined): readonly Value[] {
    return (this.#values.get(name) ?? []).map((text) => parsed(text, `${wanted} for --${name}`, parse));
  }
  parsed<Value>(name: string, wanted: string, parse: (text: string) => Value | undefined): Value | undefined {
    return this.parsedAll(name, wanted, parse)[0];
  }
  /** For options that the table calls required. */
  parsedNeeded<Value>(name: string, wanted: string, parse: (text: string) => Value | undefined): Value {
    return this.parsed(name, wanted, parse) ?? misuse(`wanted --${name}, got none`);
  }
  parsedOperand<Value>(index: number, wanted: string, parse: (text: string) => Value | undefined): Value {
    return parsed(this.operand(index), wanted, parse);
  }
}

export function parsed<Value>(text: string, wanted: string, parse: (text: string) => Value | undefined): Value {
  return parse(text) ?? misuse(`wanted ${wanted}, got ${JSON.stringify(text)}`);
}

function cut(args: readonly string[], verbs: readonly Syntax[]): ReturnType<typeof tokensOf> {
  const options: Options = Object.assign({}, globalOptions, ...verbs.map((verb) => verb.options)) as Options;
  return tokensOf(args, options);
}

function tokensOf(args: readonly string[], options: Options) {
  const config = Object.entries(options).map(([name, { value, short }]) => {
    const type = value === undefined ? ('boolean' as const) : ('string' as const);
    return [name, { type, ...(short === undefined ? {} : { short }) }] as const;
  });
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(config),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  return tokens;
}

export interface Parsed<Verb extends Syntax> {
  /** `undefined` when only --help or --version was asked. */
  readonly verb: Verb | undefined;
  /** All that is no option. */
  readonly words: readonly string[];
  readonly given: Given;
}

export function parseCommand<Verb extends Syntax>(args: readonly string[], verbs: readonly Verb[]): Parsed<Verb> {
  const tokens = cut(args, verbs);
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []));
  const verb = verbs.find((each) => each.words.every((word, index) => words[index] === word));
  const allowed: Options = { ...globalOptions, ...verb?.options };
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, value, inlineValue } = token;
    const option = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (option === undefined) {
      if (verb === undefined) continue;
      unknownOption(token.rawName, allowed);
    }
    values.set(name, [...(values.get(name) ?? []), valueOf(name, option, value, inlineValue === true)]);
    if (option.many === undefined && values.get(name)?.length !== 1) misuse(`wanted --${name} once, got it again`);
  }
  const operands = words.slice(verb?.words.length ?? 0);
  if (!values.has('help') && !values.has('version')) requireComplete(verb, verbs, words, operands, values);
  return { verb, words, given: new Given(values, operands) };
}

export function unknownVerb(words: readonly string[], verbs: readonly Syntax[]): never {
  const known = verbs.map((each) => each.words.join(' ')).join(', ');
  misuse(`wanted one of ${known} (see --help), got ${JSON.stringify(words.join(' '))}`);
}

function unknownOption(got: string, allowed: Options): never {
  const known = Object.keys(allowed).map((name) => `--${name}`);
  misuse(`wanted one of ${known.join(' ')}, got ${got}`);
}

function valueOf(name: string, { value: placeholder }: Option, value: string | undefined, inline: boolean): string {
  if (placeholder === undefined) {
    if (value !== undefined) misuse(`wanted no value for --${name}, got ${JSON.stringify(value)}`);
    return '';
  }
  // `--user --ca file` is a forgotten value, not a user called --ca; `--user=--ca` is one.
  if (value === undefined || value === '' || (!inline && value.startsWith('--'))) {
    misuse(`wanted --${name} ${placeholder}, got ${value ? JSON.stringify(value) : 'nothing'}`);
  }
  return value;
}

function requireComplete<Verb extends Syntax>(
  verb: Verb | undefined,
  verbs: readonly Verb[],
  words: readonly string[],
  operands: readonly string[],
  values: ReadonlyMap<string, unknown>,
): void {
  if (verb === undefined) unknownVerb(words, verbs);
  const needed = verb.operands.filter((name) => !name.startsWith('['));
  const most = verb.operands.at(-1)?.endsWith('...]') === true ? Infinity : verb.operands.length;
  if (operands.length < needed.length || operands.length > most) {
    const wanted = [...verb.words, ...verb.operands].join(' ');
    misuse(`wanted "${wanted}", got "${[...verb.words, ...operands].join(' ')}"`);
  }
  for (const [name, { value, required }] of Object.entries(verb.options)) {
    if (required && !values.has(name)) misuse(`wanted --${name} ${value}, got none`);
  }
}
