/** `invite`: the pin, the network and the way to the broker as one line of text. In: the folder and a login. Out: text. */
import { decodeInvite, encodeInvite } from '../trust/invite.ts';
import { loginOptions, readLogin } from './login.ts';
import { believed } from './refused.ts';
import { readSettings } from './settings.ts';
import { newest, readRoots } from './signed.ts';
import type { Answer, Call } from './surroundings.ts';

export const inviteOptions = loginOptions;

export async function invite({ folder, given, around }: Call): Promise<Answer> {
  const settings = readSettings(folder);
  const { root } = newest(readRoots(folder, settings));
  const broker = readLogin(given, settings);
  const { version, digest } = root;
  const issuedUnixS = around.nowUnixS();
  const text = encodeInvite({ network: settings.network, root: { version, digest }, broker, issuedUnixS });
  believed(decodeInvite(text), 'the invite');
  const secret = "it holds the broker's password: hand it over as a secret";
  return {
    lines: [text],
    warnings: broker.password === undefined ? [] : [secret],
    value: { invite: text, network: settings.network, root: { version, digest } },
  };
}
