/** Three owners of one network, each with a folder and a key of their own, of whom two must sign. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyOf, done, emptyFolder, populated, type Answer } from './operator.ts';

export const workFactor = ['--work-factor', '15'];
export interface Owner {
  readonly folder: string;
  readonly key: string;
  readonly id: string;
}
export async function newOwner(folder = emptyFolder()): Promise<Owner> {
  const { key, id } = await done(folder, ['key', 'new', 'owner', ...workFactor]);
  return { folder, key, id };
}

export interface Owners {
  /** The network's folder, with the key of the owner who made it. */
  readonly network: string;
  /** Of that owner's key. */
  readonly first: string;
  /** Owners that have nothing but a key. */
  readonly bob: Owner;
  readonly carol: Owner;
}
export async function threeOwners(): Promise<Owners> {
  const network = await populated();
  await done(network, ['sign']);
  const first = (await done(network, ['root', 'show'])).roots[0].root.keys[0];
  const [bob, carol] = [await newOwner(), await newOwner()];
  const two = ['--add-owner', bob.key, '--add-owner', carol.key, '--owner-threshold', '2'];
  await done(network, ['root', 'propose', ...two]);
  await done(bob.folder, ['root', 'sign', join(network, 'proposed/root-2.json')]);
  await done(network, ['root', 'accept']);
  return { network, first, bob, carol };
}

/** Copies of the three folders, so that no test sees another's. */
export function copies({ network, bob, carol }: Owners) {
  return { folder: copyOf(network), bob: copyOf(bob.folder), carol: copyOf(carol.folder) };
}
export const renewal = ['root', 'propose', '--root-lifetime', '400d'];

/** The proposal as it lies on somebody's stick. */
export function carriedFrom(folder: string, version = 3): string {
  const path = join(emptyFolder(), 'carried.json');
  copyFileSync(join(folder, `proposed/root-${version}.json`), path);
  return path;
}
export const rootsOf = async (folder: string): Promise<Answer> => (await done(folder, ['root', 'show'])).roots;
