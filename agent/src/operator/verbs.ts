/** Every verb of the tool: its words, its options, and what it does. Out: a table, and the text of --help. */
import { adopt } from './adopt.ts';
import { globalOptions, unknownVerb, type Option, type Options, type Syntax } from './args.ts';
import { brokerConfig, brokerConfigOptions } from './broker-files.ts';
import { acceptMap } from './cosign.ts';
import { aloneIn } from './alone.ts';
import { approve, approveOptions } from './approve.ts';
import { init, initOptions } from './init.ts';
import { invite, inviteOptions, listInviteVerb, revokeInvite } from './invite.ts';
import { loginOptions } from './login.ts';
import { addMember, addOptions, listMembers, removeMember, rotateMember, rotateOptions } from './members.ts';
import { changePassphrase, keyPassphraseOptions } from './key-passphrase.ts';
import { setMember, setOptions } from './member-set.ts';
import { namesOptions, setNames } from './names.ts';
import { checkPolicy, setPolicy, testPolicy } from './policy.ts';
import { newKey, newKeyOptions } from './new-key.ts';
import { publish, publishOptions } from './publish.ts';
import { rootPropose, rootProposeOptions } from './root-propose.ts';
import { rootAccept, rootSign, rootSignOptions } from './root-sign.ts';
import { rootRenew, rootRenewOptions, rootRotate, rootRotateOptions, rootShow } from './roots.ts';
import { serve, serveOptions } from './serve.ts';
import { show, verify } from './show.ts';
import { sign, signOptions } from './sign.ts';
import type { Answer, Call } from './surroundings.ts';
import { version } from './version.ts';

export interface Verb extends Syntax {
  readonly summary: string;
  readonly run: (call: Call) => Promise<Answer>;
}

function verb(usage: string, summary: string, run: Verb['run'], options: Options = {}): Verb {
  const all = usage.split(' ');
  const isOperand = (word: string): boolean => word === word.toUpperCase();
  return { words: all.filter((word) => !isOperand(word)), operands: all.filter(isOperand), summary, run, options };
}

export const verbs: readonly Verb[] = [
  verb('init', 'make a network: new keys, root version 1, a folder', init, initOptions),
  verb('member add NAME', 'add a router', aloneIn(addMember), addOptions),
  verb('member set NAME', 'change a router; a list that is given replaces its own', aloneIn(setMember), setOptions),
  verb('member rotate NAME', 'give a router new keys; all else of it stays', aloneIn(rotateMember), rotateOptions),
  verb('member remove NAME', 'remove a router', aloneIn(removeMember)),
  verb('member list', 'list the routers', listMembers),
  verb('policy check [FILE]', 'check a policy {"rules","exits","tests"} and run its tests', checkPolicy),
  verb('policy set FILE', 'check a policy and take it over', aloneIn(setPolicy)),
  verb('policy test QUESTION', 'say what grants "laptop -> home tcp:22", or why nothing does', testPolicy),
  verb('names set', 'change the zone of the names, or the resolvers', aloneIn(setNames), namesOptions),
  verb('sign [FILE]', 'show what changed and sign it as the next map, or a carried one', aloneIn(sign), signOptions),
  verb('accept [FILE]', 'take over a carried map that enough keys have signed', aloneIn(acceptMap)),
  verb('publish', 'send what is signed to the broker', publish, publishOptions),
  verb(
    'adopt',
    'take the map at the broker over into this folder, where the copy that published it is lost',
    aloneIn(adopt),
    loginOptions,
  ),
  verb('show', 'show the network, its map, members, policy, and what is not signed yet', show),
  verb('verify', 'verify the signed files as a router does', verify),
  verb('root show', 'show each signed root: its end, its keys, how many must sign', rootShow),
  verb('root renew', 'sign the next root: the same keys, a later end', aloneIn(rootRenew), rootRenewOptions),
  verb(
    'root rotate',
    'sign the next root with new keys; the old ones are kept',
    aloneIn(rootRotate),
    rootRotateOptions,
  ),
  verb('root propose', 'propose the next root, for several owners to sign', aloneIn(rootPropose), rootProposeOptions),
  verb('root sign FILE', 'show what a carried root changes and add your signature', rootSign, rootSignOptions),
  verb('root accept [FILE]', 'take over a root that enough owners have signed', aloneIn(rootAccept)),
  verb('key new KIND', 'make a key of an owner, or a map key: KIND is owner or map', newKey, newKeyOptions),
  verb(
    'key passphrase',
    'change the passphrase of all keys of this folder',
    aloneIn(changePassphrase),
    keyPassphraseOptions,
  ),
  verb('invite list', 'list the one-time invites and how each ended', listInviteVerb),
  verb('invite revoke ID', 'end a one-time invite that nobody used, by its id or name', aloneIn(revokeInvite)),
  verb('invite', 'print the text with which a router joins', aloneIn(invite), inviteOptions),
  verb('approve [ID...]', 'show who asks; let in by ID of an invite or a node, or by name', approve, approveOptions),
  verb('serve', 'let routers in as they ask; sign and publish, and again at half of a map', serve, serveOptions),
  verb('broker-config mosquitto', 'write the configuration of a mosquitto', brokerConfig, brokerConfigOptions),
  verb('help [WORD...]', 'show this, or only the verbs that begin with WORD', async ({ given }) =>
    help(given.operandsAll()),
  ),
  verb('version', 'show the version', async () => sayVersion()),
];

function optionLine([name, option]: [string, Option]): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const usage = `${short}--${name}${option.value === undefined ? '' : ` ${option.value}`}`;
  const marks = [option.required ? 'needed' : '', option.many ? 'repeatable' : ''].filter((mark) => mark !== '');
  return `    ${usage.padEnd(24)} ${option.help}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`;
}

function verbLines({ words, operands, summary, options }: Verb): readonly string[] {
  return [`  ${[...words, ...operands].join(' ').padEnd(26)} ${summary}`, ...Object.entries(options).map(optionLine)];
}

const exitCodes = [
  'Exit codes:',
  '  0  done',
  '  1  refused or failed: nothing was changed, the reason is on stderr (with --json on stdout, as',
  '     {"error":{"code","message"}})',
  '  2  the command line was not understood',
  '  130, 143  ended by SIGINT (Ctrl-C), by SIGTERM; serve ends in order, and with 0',
];

/** The verbs that begin with these words; or the one that these words begin with, operands behind it. */
function named(words: readonly string[]): readonly Verb[] {
  const begun = verbs.filter((each) => words.every((word, at) => each.words[at] === word));
  const whole = verbs.filter((each) => each.words.every((word, at) => words[at] === word)).slice(0, 1);
  const found = begun.length > 0 ? begun : whole;
  return found.length > 0 ? found : unknownVerb(words, verbs);
}

export function help(words: readonly string[]): Answer {
  const lines = [
    'rustynet-operator VERB [OPTIONS]: decides and signs what the routers of a network believe',
    '',
    ...named(words).flatMap(verbLines),
    '',
    'Everywhere:',
    ...Object.entries(globalOptions).map(optionLine),
    '',
    ...exitCodes,
  ];
  return { lines, value: { help: lines } };
}

export function sayVersion(): Answer {
  return { lines: [version], value: { version } };
}
