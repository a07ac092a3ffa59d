/** The tar stream inside a layer blob. Decompression happens in this process, never by a program of the image (CVE-2026-41567). */
import { Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { TsboxError } from "../../error.ts";
import type { Compression } from "../../oci/index.ts";
import { inflateHere } from "./inflate-here.ts";

/** Large pieces: each costs a trip through the event loop. */
const CHUNK = 1024 * 1024;

function decoder(compression: Exclude<Compression, "none">): Transform {
  return compression === "gzip" ? createGunzip({ chunkSize: CHUNK }) : createZstdDecompress({ chunkSize: CHUNK });
}

/**
 * @param here in this thread where that can be: for one of several workers that keep the processors busy anyway
 * @returns pieces that are valid until the next is asked for
 * @throws TsboxError `invalid` when the data is damaged or ends early
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  here = false,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* source;
    return;
  }
  if (here && compression === "gzip") {
    yield* inflateHere(source, (reason) => damaged(compression, reason));
    return;
  }
  const input = Readable.from(source, { objectMode: false, highWaterMark: CHUNK });
  const output = decoder(compression);
  // a failure of the source is what counts, not that the decoder misses its end
  let failure: unknown;
  input.on("error", (error) => {
    failure = error;
    output.destroy(error);
  });
  input.pipe(output);
  try {
    for await (const chunk of output) yield chunk as Uint8Array; // cast: streams without objectMode give bytes
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw damaged(compression, (error as Error).message, error); // cast: zlib throws errors
  }
}

function damaged(compression: Compression, reason: string, cause?: unknown): TsboxError {
  return new TsboxError("invalid", `cannot unpack: the ${compression} data is damaged (${reason})`, { cause });
}
