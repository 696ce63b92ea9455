/**
 * The network's private keys: Ed25519, each in an age file (age-encryption.org/v1, scrypt recipient, armoured), so that
 * `age -d` opens them too. In: a passphrase. Out: a signer. Nothing here writes a secret anywhere but into such a file.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { armor, Decrypter, Encrypter } from 'age-encryption';
import { encodeEnvelope, pae, type Signature } from '../trust/dsse.ts';
import { readJson } from '../trust/json.ts';
import { refusing } from '../trust/refuse.ts';
import { integer, oneOf, record, text } from '../trust/shape.ts';
import type { IdentityKey, NetworkId, RoleKeys, Root } from '../trust/types.ts';
import { keyIdOf, parseDigest, parseNetworkId } from '../trust/words.ts';
import type { Given, Option } from './args.ts';
import { readSecretFile, type Folder } from './folder.ts';
import { believed, fail, misuse, Refused } from './refused.ts';
import type { Call } from './surroundings.ts';

export type KeyRole = 'root' | 'map';
export interface Signer {
  readonly secret: Uint8Array;
  readonly key: IdentityKey;
}

/** age's own default: a second of one core and 256 MB for each guess. */
const defaultWorkFactor = 18;
const minWorkFactor = 15;
/** age refuses to open more. */
const maxWorkFactor = 20;
const minPassphraseCharacters = 8;

export const passphraseOption: Option = {
  value: 'FILE',
  help: 'file with the passphrase (default: $RUSTYNET_PASSPHRASE, or asked)',
};
export const workFactorOption: Option = {
  value: 'N',
  help: `scrypt cost of the passphrase, 2^N: ${minWorkFactor} to ${maxWorkFactor} (default: ${defaultWorkFactor})`,
};

/** `--work-factor` */
export function workFactor(given: Given): number {
  const wanted = `a number from ${minWorkFactor} to ${maxWorkFactor}`;
  const chosen = given.parsed('work-factor', wanted, (text) => {
    const factor = /^[0-9]{1,2}$/.test(text) ? Number(text) : 0;
    return factor >= minWorkFactor && factor <= maxWorkFactor ? factor : undefined;
  });
  return chosen ?? defaultWorkFactor;
}

const maxKeyFileBytes = 64 * 1024;
const shape = record({
  format: integer(1, 1),
  network: text('a network id, 32 hex digits, or nothing', (value) => (value === '' ? '' : parseNetworkId(value))),
  role: oneOf(['root', 'map']),
  secret: text('32 bytes, hex', parseDigest),
});

export function newSigner(): Signer {
  return signerOf(ed25519.utils.randomSecretKey());
}

function signerOf(secret: Uint8Array): Signer {
  return { secret, key: bytesToHex(ed25519.getPublicKey(secret)) as IdentityKey };
}

export function signatures(signers: readonly Signer[], payloadType: string, payload: Uint8Array): readonly Signature[] {
  const message = pae(payloadType, payload);
  return signers.map(({ key, secret }) => ({ keyid: keyIdOf(key), sig: ed25519.sign(message, secret) }));
}

export function signedBy(signers: readonly Signer[], payloadType: string, payload: Uint8Array): Uint8Array {
  return encodeEnvelope({ payloadType, payload, signatures: signatures(signers, payloadType, payload) });
}

export function keyFile(role: KeyRole): string {
  return `keys/${role}.age`;
}
/** A new key before its root is signed: the name of a key that an interrupted rotation left stays findable. */
export function nextKeyFile(key: IdentityKey): string {
  return `keys/next/${keyIdOf(key)}.age`;
}
export function retiredKeyFile(key: IdentityKey): string {
  return `keys/retired/${keyIdOf(key)}.age`;
}

/** The text of a key file; a key may be older than its network, and name none. `workFactor` is the base-2 logarithm of scrypt's cost. */
export async function sealKey(
  signer: Signer,
  role: KeyRole,
  network: NetworkId | '',
  passphrase: string,
  workFactor: number,
): Promise<string> {
  const fields = { format: 1, network, role, secret: bytesToHex(signer.secret) };
  return sealAge(new TextEncoder().encode(JSON.stringify(fields)), passphrase, workFactor);
}

export async function sealAge(plain: Uint8Array, passphrase: string, workFactor: number): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(workFactor);
  return armor.encode(await encrypter.encrypt(plain));
}

/** The key with which `root` lets a role sign. */
export async function openKey(folder: Folder, role: KeyRole, root: Root, passphrase: string): Promise<Signer> {
  const { keys } = root[role];
  const name = keys.map(nextKeyFile).find((each) => folder.has(each)) ?? keyFile(role);
  const signer = await openKeyFile(folder, name, role, root.network, passphrase);
  if (!keys.includes(signer.key)) {
    const wanted = `wanted the ${role} key ${keys.map(keyIdOf).join(' or ')} of root version ${root.version}`;
    fail('wrong-key', `${name}: ${wanted}, got ${keyIdOf(signer.key)}`);
  }
  return signer;
}

/** Every key of a role in this folder that is one of these. */
export async function openKeys(
  folder: Folder,
  role: KeyRole,
  { network, keys }: Pick<Root, 'network'> & Pick<RoleKeys, 'keys'>,
  passphrase: string,
): Promise<readonly Signer[]> {
  const names = [keyFile(role), ...keys.map(nextKeyFile)].filter((name) => folder.has(name));
  const signers: Signer[] = [];
  for (const name of names) {
    const signer = await openKeyFile(folder, name, role, network, passphrase);
    if (keys.includes(signer.key)) signers.push(signer);
  }
  return signers;
}

async function openKeyFile(
  folder: Folder,
  name: string,
  role: KeyRole,
  network: NetworkId,
  passphrase: string,
): Promise<Signer> {
  const bytes =
    folder.read(name) ?? fail('no-key', `wanted the ${role} key at ${folder.pathOf(name)}, got no such file`);
  const plain = await openAge(name, bytes, passphrase);
  const fields = believed(
    refusing(() => shape(readJson(plain, maxKeyFileBytes), '$')),
    name,
  );
  if (![network, ''].includes(fields.network) || fields.role !== role) {
    fail('wrong-key', `${name}: wanted the ${role} key of ${network}, got the ${fields.role} key of ${fields.network}`);
  }
  return signerOf(hexToBytes(fields.secret));
}

/** What `sealAge` sealed; throws `Refused` wrong-passphrase. */
export async function openAge(name: string, bytes: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  try {
    return await decrypter.decrypt(armor.decode(new TextDecoder().decode(bytes)));
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    // What age-encryption says when scrypt's result does not open the file key.
    if (got.includes('no identity matched')) fail('wrong-passphrase', `${name}: wanted its passphrase, got another`);
    fail('bad-key-file', `${name}: wanted an armoured age file with a passphrase, got one that fails: ${got}`);
  }
}

async function givenPassphrase({ given, around }: Call): Promise<string | undefined> {
  const file = given.text('passphrase-file');
  if (file !== undefined) return readSecretFile(file, 'the passphrase');
  return around.env['RUSTYNET_PASSPHRASE'];
}

export async function passphrase(call: Call): Promise<string> {
  return (await givenPassphrase(call)) ?? (await call.around.askSecret('Passphrase: '));
}

function longEnough(chosen: string): string {
  if (chosen.length >= minPassphraseCharacters) return chosen;
  misuse(`wanted a passphrase of at least ${minPassphraseCharacters} characters, got ${chosen.length}`);
}

/** Asked twice on a terminal: a typing error would lock the keys for ever. */
export async function newPassphrase(call: Call): Promise<string> {
  return longEnough((await givenPassphrase(call)) ?? (await askTwice(call)));
}

/** The one that comes after that of `passphrase`. */
export async function nextPassphrase(call: Call): Promise<string> {
  const file = call.given.text('new-passphrase-file');
  if (file !== undefined) return longEnough(readSecretFile(file, 'the new passphrase'));
  try {
    return longEnough(await askTwice(call));
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'no-terminal') throw error;
    fail(error.code, 'wanted --new-passphrase-file or a terminal to ask on, got neither');
  }
}

async function askTwice({ around }: Call): Promise<string> {
  const first = await around.askSecret('New passphrase for the private keys: ');
  const second = await around.askSecret('The same again: ');
  if (first !== second) misuse('wanted the same passphrase twice, got two different ones');
  return first;
}
