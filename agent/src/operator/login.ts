/** How to reach the broker, from the command line. In: options and network.json. Out: a checked login. */
import { parseBrokerUrl, parseCaPem, parseCredential, type InviteBroker } from '../trust/invite.ts';
import type { Given, Options } from './args.ts';
import { readNamedFile, readSecretFile } from './folder.ts';
import { fail, misuse } from './refused.ts';
import type { Settings } from './settings.ts';

export const loginOptions = {
  broker: { value: 'URL', help: 'the broker (default: what init said)' },
  user: { value: 'USER', help: 'user at the broker' },
  'password-file': { value: 'FILE', help: 'file with the password of that user' },
  ca: { value: 'FILE', help: "PEM of the only CAs to believe for mqtts:// (default: the system's)" },
} satisfies Options;

const wantedUrl = 'mqtt://host[:port] or mqtts://host[:port]';

/** A password as a broker's login can carry it. */
export function readPassword(path: string): string {
  const password = parseCredential(readSecretFile(path, 'a password'));
  return password ?? fail('bad-file', `${path}: wanted 1 to 256 characters without control characters, got others`);
}

function readCa(path: string): string {
  const pem = new TextDecoder().decode(readNamedFile(path, 'CA certificates'));
  return (
    parseCaPem(pem) ?? fail('bad-file', `${path}: wanted certificates in PEM and nothing else, got something else`)
  );
}

export function readLogin(given: Given, { brokerUrl }: Settings): InviteBroker {
  const url = given.parsed('broker', wantedUrl, parseBrokerUrl) ?? brokerUrl;
  const user = given.parsed('user', '1 to 256 characters without control characters', parseCredential);
  const [passwordFile, caFile] = [given.text('password-file'), given.text('ca')];
  if (passwordFile !== undefined && user === undefined) misuse('wanted --user with --password-file, got none');
  if (caFile !== undefined && !url.startsWith('mqtts:')) misuse(`wanted mqtts:// with --ca, got ${url}`);
  return {
    url,
    ...(caFile === undefined ? {} : { ca: readCa(caFile) }),
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { password: readPassword(passwordFile) }),
  };
}
