/**
 * The one error that the decoders and encoders of this room throw.
 * In: what was wanted and what was there. Out: a typed error, never a half-read value.
 */

/** `truncated`: fewer bytes than a length promised; `malformed`: bytes that mean nothing; `too-large`: over a cap. */
export type WireErrorCode = 'truncated' | 'malformed' | 'too-large' | 'too-deep' | 'bad-utf8' | 'unencodable';

/** Bytes that are not a value, or a value that has no bytes. The message says wanted and got, with the byte offset. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  constructor(code: WireErrorCode, message: string) {
    super(message);
    this.name = 'WireError';
    this.code = code;
  }
}
