// What the guests of a lab run, by the names that a statement has for it. In: images. Out: files.
import { routerBundle } from '../../bundle/build.ts';
import type { LabImage } from '../image/build.ts';

const imageFiles = ({ tier, kernel, initrd, squashfs }: LabImage): Readonly<Record<string, string>> => ({
  [`${tier}/kernel`]: kernel,
  [`${tier}/initrd`]: initrd,
  [`${tier}/squashfs`]: squashfs,
});

/** The broker's machine is always of the lab. */
export function subjectFiles(broker: LabImage, router: LabImage): Readonly<Record<string, string>> {
  return { 'rustynet.js': routerBundle, ...imageFiles(broker), ...imageFiles(router) };
}
