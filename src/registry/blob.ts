/** A blob as a stream that survives broken connections: it goes on with Range where it was cut. */
import { TsboxError } from "../error.ts";
import type { Descriptor } from "../oci/index.ts";
import type { Call, RegistryClient } from "./client.ts";
import { networkError } from "./failure.ts";
import { pauseAfter } from "./retry.ts";
import type { Answer } from "./transport.ts";

/** How much has to come before earlier failures are forgotten; otherwise a server could hold us with a byte per connection. */
const PROGRESS = 256 * 1024;

/**
 * Opens a blob from an offset on. Not verified beyond its length; what stores it checks the digest.
 *
 * @returns exactly `descriptor.size - offset` bytes, or an error on the way
 * @throws TsboxError before the first byte too: `not-found`, `auth`, `denied`, `network`, `integrity`
 */
export async function openBlob(
  client: RegistryClient,
  descriptor: Descriptor,
  offset: number,
  repository: string,
): Promise<AsyncIterable<Uint8Array>> {
  const { size, digest } = descriptor;
  if (offset >= size) return nothing();
  const what = `blob ${digest} of ${repository}`;
  const request = (from: number): Call => ({
    method: "GET",
    path: `blobs/${digest}`,
    headers: from === 0 ? {} : { Range: `bytes=${from}-` },
    what,
    missing: "the registry does not have it",
  });
  const start = (from: number) =>
    client.call(request(from), async (answer) => ({ answer, skip: startOf(answer, from, size, what) }));
  const first = await start(offset);
  return resuming(client, first, start, { offset, size, what });
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

interface Part {
  readonly answer: Answer;
  /** Bytes that come before what was asked for. */
  readonly skip: number;
}

async function* resuming(
  client: RegistryClient,
  first: Part,
  start: (from: number) => Promise<Part>,
  { offset, size, what }: { readonly offset: number; readonly size: number; readonly what: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = offset;
  let part: Part | undefined = first;
  for (let failures = 0, from = offset; ; ) {
    try {
      part ??= await start(position);
      let skip = part.skip;
      for await (const chunk of part.answer.body.chunks()) {
        const wanted = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - wanted.length;
        if (position + wanted.length > size) throw tooMuch(what, size);
        position += wanted.length;
        if (wanted.length > 0) yield wanted;
      }
      if (position === size) return;
      const { url } = part.answer;
      throw networkError(`cannot reach ${url.host}: the connection was cut`, { transient: true, url });
    } catch (error) {
      failures = position - from >= PROGRESS ? 1 : failures + 1;
      from = position;
      part = undefined;
      await pauseAfter(error, failures, client.settings);
    }
  }
}

function tooMuch(what: string, size: number): TsboxError {
  return new TsboxError("integrity", `cannot get ${what}: the server sends more than its ${size} bytes`);
}

/**
 * Checks that an answer is about the bytes that were asked for. RFC 9110 sections 14.4 and 15.3.7.
 *
 * @returns how many bytes come before them: all, from a server that knows no ranges
 */
function startOf({ status, headers, body }: Answer, from: number, size: number, what: string): number {
  const fail = (reason: string) => {
    void body.discard();
    return new TsboxError("integrity", `cannot get ${what}: ${reason}`);
  };
  // Content-Encoding is not looked at: storage that takes a gzip layer for a compressed file sends the right bytes
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("Content-Range") ?? "");
  if (status === 206 && Number(range?.[1] ?? Number.NaN) !== from) {
    throw fail(`the server does not send the bytes from ${from} on that it was asked for`);
  }
  const total = status === 206 && range?.[2] !== "*" ? Number(range?.[2]) : size;
  const length = headers.get("Content-Length");
  // a chunked body has no length; one of a range need not go to the end
  const announced = status === 206 || length === null ? total : Number(length);
  if (announced !== size) throw fail(`it has ${announced} bytes instead of ${size}`);
  return status === 206 ? 0 : from;
}
