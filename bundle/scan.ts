/**
 * What must not be in a router's file. In: the bundle before it is minified, as bundle/build.ts reads it. Out: a line for
 * each thing found: a place where traffic or trust could be something else than the kernel's and the operators' own.
 * Comments are gone by then, so that a word is a name, a key or a text of the program.
 */
export interface Module {
  /** From the folder of the project. */
  readonly path: string;
  readonly text: string;
}

const rooms =
  /^agent\/src\/(?:(?:wire|trust|policy|plan|control|drivers)\/[^/]+|main|cli|audit-command|break-glass-command|text|watch|without-daemon)(?:\.ts)?$/;
const packages = [
  '@noble/curves',
  '@noble/hashes',
  'bl',
  'inherits',
  'mqtt',
  'mqtt-packet',
  'process-nextick-args',
  'rfdc',
];

interface Rule {
  readonly what: string;
  readonly pattern: RegExp;
  /** Paths of modules that may. */
  readonly but?: RegExp;
}

/** In files of our own. */
const rules: readonly Rule[] = [
  { what: 'a backend that is not the kernel', pattern: /in.?memory|simulat|emulat|loopback.?backend/i },
  { what: 'a run that changes nothing', pattern: /dry.?run|no.?op\b|what.?if/i },
  { what: 'a test double', pattern: /\bmock|\bstub|\bfake|dummy|test.?double/i },
  {
    what: 'a way around verification',
    pattern:
      /(?:skip|without|no|disable|bypass)_?-?(?:verif|signature|check)|(?:allow|accept|trust)_?-?(?:unsigned|any|all)|unsigned|insecure|unverified/i,
  },
  { what: 'a lenient signature', pattern: /zip215: (?!false)/ },
  { what: 'TLS without certificates', pattern: /rejectUnauthorized: (?!true)|TLS_REJECT/ },
  { what: 'what makes a map or a root', pattern: /\bencode(?:Map|Root|Members|Policy|Names)\d*\b/ },
  {
    what: 'a use of the types of maps and roots but to read them',
    pattern: /\b(?:map|root)Type\d*\b|vnd\.rustynet\.(?:map|root)\+json/,
    but: /^agent\/src\/trust\/(?:map|root|limits)\.ts$/,
  },
  { what: 'signing where belief is', pattern: /\.sign\(/, but: /^agent\/src\/(?:control|drivers)\// },
  {
    what: 'a switch in the environment',
    pattern: /process\.env(?!\["(?:RUSTYNET_(?:VERSION|BUILT_UNIX_S)|SSH_CONNECTION|NO_COLOR)"\])/,
  },
  {
    what: 'a flag that is not known here',
    pattern:
      /["'`]--(?!(?:json|watch|help|version|peer|allowed-ips|endpoint|minutes|reason|(?:no-)?compact-on-every-full-gc)["'`])\w/,
  },
];

/** Splits by the comments that name each file. */
export function modulesOf(bundle: string): readonly Module[] {
  const parts = bundle.split(/^\/\/ ((?:\.\.\/)*(?:agent|qemu-test|bundle|node_modules|slim-mqtt)\S*)$/m);
  return parts.flatMap((path, at) => (at % 2 === 1 ? [{ path, text: parts[at + 1] ?? '' }] : []));
}

function packageOf(path: string): string | undefined {
  return /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(path)?.[1];
}

function foundIn({ path, text }: Module): readonly string[] {
  if (path.startsWith('slim-mqtt:')) return [];
  const name = packageOf(path);
  if (name !== undefined)
    return packages.includes(name) ? [] : [`${path}: wanted packages ${packages.join(' ')}, got ${name}`];
  const stray = rooms.test(path) ? [] : [`${path}: wanted a file of the router's rooms, got another`];
  const matches = rules.flatMap(({ what, pattern, but }) => {
    const found = but?.test(path) === true ? undefined : pattern.exec(text)?.[0];
    return found === undefined ? [] : [`${path}: ${what}: wanted none, got ${JSON.stringify(found)}`];
  });
  return [...stray, ...matches];
}

/** What was found, a line each. */
export function scan(bundle: string): readonly string[] {
  return modulesOf(bundle).flatMap(foundIn);
}
