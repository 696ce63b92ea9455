/**
 * Our sections in the router's own configuration: the interface of `proto rustynet`, the closed firewall zone, and the
 * rules that accept packets with our mark. In: what is in UCI now, the choices of a router that joined. Out: the changes
 * that are missing, none when all is as it must be; a section that is not ours is never among them.
 *
 * fw4 has no rule that covers input, forward and output at once, so there are four, each in one direction.
 */
import type { Choices } from '../policy/desired.ts';
import { Fault, type Configuration, type JsonObject, type SectionChange, type World } from './ports.ts';

type Options = Readonly<Record<string, string | readonly string[]>>;
interface Section {
  readonly type: string;
  readonly options: Options;
}
type Sections = Readonly<Record<string, Section>>;
type Read = Readonly<Record<string, JsonObject>>;

export interface Fitting {
  readonly network: readonly SectionChange[];
  readonly firewall: readonly SectionChange[];
  /** Interfaces of ours that go: their devices go first. */
  readonly gone: readonly string[];
}

function wantedFirewall({ interface: name, mark }: Choices): Sections {
  const hex = `0x${mark.toString(16).padStart(8, '0')}`;
  const granted = (direction: string, ends: Options): Section => ({
    type: 'rule',
    options: {
      name: `rustynet-granted-${direction}`,
      ...{ proto: 'all', mark: `${hex}/${hex}`, target: 'ACCEPT' },
      ...ends,
    },
  });
  const closed = { input: 'REJECT', output: 'REJECT', forward: 'REJECT' };
  return {
    rustynet: { type: 'zone', options: { name: 'rustynet', network: [name], ...closed } },
    rustynet_input: granted('input', { src: 'rustynet' }),
    rustynet_output: granted('output', { dest: 'rustynet' }),
    rustynet_from: granted('from', { src: 'rustynet', dest: '*' }),
    rustynet_to: granted('to', { src: '*', dest: 'rustynet' }),
  };
}

function isOurs(name: string): boolean {
  return name === 'rustynet' || name.startsWith('rustynet_');
}

function foreign(subject: string, wanted: string, got: unknown): Fault {
  return new Fault('SECTION', subject, `${subject}: wanted ${wanted}, got ${String(got)}; rename that section`);
}

/** The options that `section` has are put right; `isWhole`: others have no place in it. */
function change(
  name: string,
  wanted: Section,
  got: JsonObject | undefined,
  isWhole: boolean,
): readonly SectionChange[] {
  if (got === undefined) return [{ do: 'add', section: name, type: wanted.type, options: wanted.options }];
  const differs = Object.entries(wanted.options).filter(
    ([option, value]) => JSON.stringify(got[option]) !== JSON.stringify(value),
  );
  const extra = Object.keys(got).filter((option) => !option.startsWith('.') && !Object.hasOwn(wanted.options, option));
  return [
    ...(differs.length === 0 ? [] : [{ do: 'set', section: name, options: Object.fromEntries(differs) } as const]),
    ...(isWhole && extra.length > 0 ? [{ do: 'unset', section: name, options: extra } as const] : []),
  ];
}

function fitNetwork(read: Read, choices: Choices | undefined): Pick<Fitting, 'network' | 'gone'> {
  // No other handler answers to this protocol: an interface of another name is one that we had before.
  const ours = Object.keys(read).filter((name) => read[name]?.['proto'] === 'rustynet');
  const gone = ours.filter((name) => name !== choices?.interface);
  const network: SectionChange[] = gone.map((section) => ({ do: 'remove', section }));
  if (choices === undefined) return { network, gone };
  const name = choices.interface;
  const got = read[name];
  if (got !== undefined && (got['.type'] !== 'interface' || got['proto'] !== 'rustynet')) {
    const other =
      got['.type'] === 'interface' ? `proto ${String(got['proto'])}` : `a section of type ${String(got['.type'])}`;
    throw foreign(`network.${name}`, 'no section, or an interface of proto rustynet', other);
  }
  const wanted = { type: 'interface', options: { proto: 'rustynet' } };
  return { network: [...network, ...change(name, wanted, got, false)], gone };
}

function fitFirewall(read: Read, choices: Choices | undefined): readonly SectionChange[] {
  const wanted = choices === undefined ? {} : wantedFirewall(choices);
  const gone = Object.keys(read).filter((name) => isOurs(name) && !Object.hasOwn(wanted, name));
  if (choices !== undefined) {
    const taken = Object.entries(read).find(
      ([section, { '.type': type, name }]) => type === 'zone' && name === 'rustynet' && section !== 'rustynet',
    );
    if (taken !== undefined) throw foreign(`firewall.${taken[0]}`, 'a zone of another name', 'rustynet');
  }
  const kept = Object.entries(wanted).flatMap(([name, section]) => {
    const got = read[name];
    if (got === undefined || got['.type'] === section.type) return change(name, section, got, true);
    throw foreign(`firewall.${name}`, `no section, or one of type ${section.type}`, `type ${String(got['.type'])}`);
  });
  return [...gone.map((section) => ({ do: 'remove', section }) as const), ...kept];
}

/** What is to be changed for a router that joined, or left (`undefined`). Throws Fault `SECTION`. */
export async function fitting(configuration: Configuration, choices: Choices | undefined): Promise<Fitting> {
  const [network = {}, firewall = {}] = await Promise.all(
    ['network', 'firewall'].map((each) => configuration.sections(each)),
  );
  return { ...fitNetwork(network, choices), firewall: fitFirewall(firewall, choices) };
}

/** A device under a name that is no longer ours to use goes; another's is left alone. */
async function removeDevice({ network, wireGuard }: World, name: string): Promise<void> {
  if ((await network.link(name))?.kind === 'wireguard') await wireGuard.remove(name);
}

/** Makes UCI so; nothing is written where nothing differs. Gives the Fault that keeps it from being so. */
export async function fit(
  configuration: Configuration,
  world: World,
  choices: Choices | undefined,
): Promise<Fault | undefined> {
  try {
    const { network, firewall, gone } = await fitting(configuration, choices);
    // The sections are what tells us later which device was ours.
    for (const name of gone) await removeDevice(world, name);
    if (network.length > 0) await configuration.change('network', network);
    if (firewall.length > 0) await configuration.change('firewall', firewall);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return undefined;
}
