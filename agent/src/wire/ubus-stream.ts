/**
 * Cuts a byte stream into ubus frames, however the socket chunked it.
 * In: chunks. Out: whole frames, undecoded. The length of each comes from its container head (ubusmsg.h) and is checked
 * against the cap before a byte of the frame is kept for later.
 */
import { concat } from './blob.ts';
import { frameBytes, frameHeadBytes } from './ubus.ts';

/** The state between two chunks of one connection. */
export interface FrameStream {
  /**
   * The frames that this chunk completed. Throws `WireError` when the stream is not ubus: close it then. The frames
   * that were whole before that point are lost with it.
   */
  push(chunk: Uint8Array): Uint8Array[];
}

/** A cutter for one direction of one connection. */
export function frameStream(): FrameStream {
  let parts: Uint8Array[] = [];
  let held = 0;
  let wanted = frameHeadBytes;

  function cut(frames: Uint8Array[]): void {
    let bytes = parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(parts);
    while (bytes.length >= frameHeadBytes && bytes.length >= frameBytes(bytes)) {
      const length = frameBytes(bytes);
      frames.push(bytes.slice(0, length));
      bytes = bytes.subarray(length);
    }
    wanted = bytes.length < frameHeadBytes ? frameHeadBytes : frameBytes(bytes);
    // Copied, so that the rest of a chunk does not keep all of it alive.
    parts = bytes.length === 0 ? [] : [bytes.slice()];
    held = bytes.length;
  }

  return {
    push(chunk) {
      const frames: Uint8Array[] = [];
      parts.push(chunk);
      held += chunk.length;
      // Parts are joined once a frame, not once a chunk: a large frame in small chunks stays linear.
      if (held >= wanted) cut(frames);
      return frames;
    },
  };
}
