// What the guests of a lab run, by the names that a statement has for it. In: images. Out: files, and their
// digests.
import { routerBundle } from '../../bundle/build.ts';
import type { LabImage } from '../image/build.ts';
import type { Subjects } from './recorder.ts';
import { sha256OfFile } from './surroundings.ts';

const imageFiles = ({ tier, kernel, initrd, squashfs }: LabImage): Readonly<Record<string, string>> => ({
  [`${tier}/kernel`]: kernel,
  [`${tier}/initrd`]: initrd,
  [`${tier}/squashfs`]: squashfs,
});

/** The broker's machine is always of the lab. */
export function subjectFiles(broker: LabImage, router: LabImage): Readonly<Record<string, string>> {
  return { 'rustynet.js': routerBundle, ...imageFiles(broker), ...imageFiles(router) };
}

export function guestSubjects(broker: LabImage, router: LabImage): Subjects {
  const files = Object.entries(subjectFiles(broker, router));
  return {
    tier: router.tier,
    guestKernel: router.kernelVersion,
    digests: () => Object.fromEntries(files.map(([name, file]) => [name, sha256OfFile(file)])),
  };
}
