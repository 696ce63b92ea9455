// Before the first promise: the image. No promise's time runs while a fresh machine fetches packages and packs them.
import { buildLabImage } from './build.ts';

export default async function before(): Promise<void> {
  await buildLabImage();
}
