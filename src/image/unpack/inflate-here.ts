/**
 * gzip, decompressed by the thread that asks, into one buffer. Streams of `node:zlib` decompress in a thread of their own, which is worth it
 * while processors are idle; but each piece is new memory and two trips between threads. This takes a quarter less processor time.
 *
 * It drives the decoder inside a Gunzip stream, which has no public name: Bun's is Node's (lib/zlib.js, `_handle.writeSync`), and Bun is pinned.
 */
import { constants, createGunzip } from "node:zlib";

/** Small enough to stay in a processor's cache until its bytes are hashed and written. */
const PIECE = 256 * 1024;

interface Decoder {
  onerror: (message: string) => void;
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
}

/**
 * @returns pieces that are valid until the next is asked for
 * @param damaged makes the error to throw when the data is damaged or ends early, of the reason
 * @throws that, or what the source throws
 */
export async function* inflateHere(
  source: AsyncIterable<Uint8Array>,
  damaged: (reason: string) => Error,
): AsyncGenerator<Uint8Array> {
  // cast: both are there in Bun 1.4.5, which is the one that tsbox is built with
  const gunzip = createGunzip() as unknown as { _handle: Decoder; _writeState: Uint32Array };
  const { _handle: decoder, _writeState: left } = gunzip;
  let failure: string | undefined;
  decoder.onerror = (message) => {
    failure = message;
  };
  const output = new Uint8Array(PIECE);
  /** @returns how many bytes it made; `left` says how much of the input and of the room there is still */
  const decode = (flush: number, input: Uint8Array, at: number): number => {
    decoder.writeSync(flush, input, at, input.length - at, output, 0, PIECE);
    if (failure !== undefined) throw damaged(failure);
    return PIECE - (left[0] ?? 0);
  };
  let ended = false;
  for await (const input of source) {
    for (let at = 0, full = true; full && !ended; ) {
      const made = decode(constants.Z_NO_FLUSH, input, at);
      full = made === PIECE;
      at = input.length - (left[1] ?? 0);
      if (made > 0) yield full ? output : output.subarray(0, made);
      // it wants no more: what follows are the zeros that some programs pad with
      ended = !full && at < input.length;
    }
  }
  // a decoder that is not at the end of a member says so now
  if (!ended) decode(constants.Z_FINISH, new Uint8Array(), 0);
}
