/**
 * The broker's password and CA, the invite while the router asks by it, and the next broker until it is the one in use: files
 * of mode 0600 beside the keys. In and out: text.
 */
import { nodeFiles, type Files } from './files.ts';
import type { Vault } from '../control/membership.ts';

const names = { password: 'broker.password', ca: 'broker.ca.pem', invite: 'invite.key', next: 'broker.next' };

export function openVault(folder: string, files: Files = nodeFiles): Vault {
  return {
    read: () =>
      Object.fromEntries(
        Object.entries(names).flatMap(([key, name]) => {
          const bytes = files.read(`${folder}/${name}`);
          return bytes === undefined ? [] : [[key, Buffer.from(bytes).toString('utf8')]];
        }),
      ),
    write: (secrets) => {
      for (const [key, text] of Object.entries(secrets) as [keyof typeof names, string | undefined][]) {
        const path = `${folder}/${names[key]}`;
        if (text === undefined) files.removeFolder(path);
        else files.writeSynced(path, Buffer.from(text));
      }
      files.syncFolder(folder);
    },
  };
}
