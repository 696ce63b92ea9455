/** The broker's password and CA, and the invite while the router asks by it: files of mode 0600 beside the keys. In and out: text. */
import { nodeFiles } from './files.ts';
import type { Vault } from '../control/membership.ts';

const names = [
  ['password', 'broker.password'],
  ['ca', 'broker.ca.pem'],
  ['invite', 'invite.key'],
] as const;

export function openVault(folder: string): Vault {
  return {
    read: () =>
      Object.fromEntries(
        names.flatMap(([key, name]) => {
          const bytes = nodeFiles.read(`${folder}/${name}`);
          return bytes === undefined ? [] : [[key, Buffer.from(bytes).toString('utf8')]];
        }),
      ),
    write: (secrets) => {
      for (const [key, name] of names) {
        const text = secrets[key];
        if (text !== undefined) nodeFiles.writeSynced(`${folder}/${name}`, Buffer.from(text));
      }
      nodeFiles.syncFolder(folder);
    },
    forgetInvite: () => {
      nodeFiles.removeFolder(`${folder}/invite.key`);
      nodeFiles.syncFolder(folder);
    },
    clear: () => {
      for (const [, name] of names) nodeFiles.removeFolder(`${folder}/${name}`);
    },
  };
}
