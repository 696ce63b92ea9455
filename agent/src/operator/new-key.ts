/**
 * `key new`: a key of an owner, or one that signs maps, before any root names it. In: a folder, which need not have a
 * network, and a passphrase. Out: a key file there, and the public half, which is what the others need for `root propose`.
 */
import { keyIdOf } from '../trust/words.ts';
import type { Options } from './args.ts';
import { keyFileMode } from './key-files.ts';
import { keyFile, newPassphrase, newSigner, nextKeyFile, passphrase, passphraseOption, sealKey } from './keys.ts';
import { workFactor, workFactorOption, type KeyRole } from './keys.ts';
import type { Answer, Call } from './surroundings.ts';

export const newKeyOptions = {
  'work-factor': workFactorOption,
  'passphrase-file': passphraseOption,
} satisfies Options;

const rolesByWord: Readonly<Record<string, KeyRole | undefined>> = { owner: 'root', map: 'map' };

export async function newKey(call: Call): Promise<Answer> {
  const { folder, given } = call;
  const role = given.parsedOperand(0, 'owner or map', (word) => rolesByWord[word]);
  const factor = workFactor(given);
  // Where there are keys already, a new one has their passphrase: all of a folder's are opened by one.
  const isFirst = folder.list('keys').length === 0;
  const secret = await (isFirst ? newPassphrase : passphrase)(call);
  const signer = newSigner();
  const file = folder.has(keyFile(role)) ? nextKeyFile(signer.key) : keyFile(role);
  folder.writeNew(file, await sealKey(signer, role, '', secret, factor), keyFileMode);
  const flag = role === 'root' ? '--add-owner' : '--add-map-key';
  return {
    lines: [
      `made ${folder.pathOf(file)}, id ${keyIdOf(signer.key)}`,
      `give to an owner: root propose ${flag} ${signer.key}`,
    ],
    value: { role, key: signer.key, id: keyIdOf(signer.key), file },
  };
}
