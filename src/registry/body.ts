/** The body of an answer: read with a limit and with time-outs, so that a server can neither flood nor stall us. */
import { TsboxError } from "../error.ts";
import { connectionError, networkError, redacted } from "./failure.ts";
import type { Timeouts } from "./options.ts";

export class Body {
  readonly #stream: ReadableStream<Uint8Array> | null;
  readonly #url: URL;
  readonly #controller: AbortController;
  readonly #timeouts: Timeouts;
  readonly #release: () => void;

  /**
   * @param controller aborts the exchange that the body belongs to
   * @param release called once, when nothing more will be read
   */
  constructor(response: Response, url: URL, controller: AbortController, timeouts: Timeouts, release: () => void) {
    // cast: bodies of fetch are streams of bytes
    this.#stream = response.body as ReadableStream<Uint8Array> | null;
    this.#url = url;
    this.#controller = controller;
    this.#timeouts = timeouts;
    this.#release = release;
  }

  /**
   * The bytes as they come. Leaving the loop early closes the connection. Can be read once.
   *
   * @throws TsboxError `network` (it may pass) when the connection breaks or stalls; what the signal says on an abort
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#stream === null) return this.#release();
    const { idle } = this.#timeouts;
    const late = () => this.#late(`it sent nothing for ${idle / 1000} s`);
    const reader = this.#stream.getReader();
    let finished = false;
    try {
      for (;;) {
        // only while waiting for the server: what the reader of these bytes takes is not its fault
        const timer = setTimeout(late, idle);
        const part = await this.#read(reader).finally(() => clearTimeout(timer));
        finished = part.done;
        if (part.done) return;
        yield part.value;
      }
    } finally {
      if (!finished) this.#controller.abort();
      this.#release();
    }
  }

  /**
   * The whole body of a small document.
   *
   * @param limit bytes
   * @throws TsboxError `network`, or `invalid` when there are more bytes
   */
  async bytes(limit: number): Promise<Uint8Array> {
    const { document } = this.#timeouts;
    const timer = setTimeout(() => this.#late(`it did not send all within ${document / 1000} s`), document);
    const parts: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const part of this.chunks()) {
        length += part.length;
        if (length > limit) {
          const reason = `the server sends more than ${limit} bytes`;
          throw new TsboxError("invalid", `cannot read ${redacted(this.#url)}: ${reason}`);
        }
        parts.push(part);
      }
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(parts);
  }

  /** What fits into the limit and comes within the idle time-out as a whole, for messages; never throws. */
  async excerpt(limit: number): Promise<string> {
    const { idle } = this.#timeouts;
    const timer = setTimeout(() => this.#late(`it did not send all within ${idle / 1000} s`), idle);
    const parts: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const part of this.chunks()) {
        parts.push(part);
        length += part.length;
        if (length >= limit) break;
      }
    } catch {
      // what had come until then is all there is to say
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(parts).subarray(0, limit).toString();
  }

  /** Lets go of a body that nobody wants. A short one is read, so that the connection can be used again. */
  async discard(): Promise<void> {
    await this.excerpt(16 * 1024);
  }

  async #read<T>(reader: { read(): Promise<T> }): Promise<T> {
    try {
      return await reader.read();
    } catch (error) {
      const { aborted, reason } = this.#controller.signal;
      throw aborted ? reason : connectionError(this.#url, error);
    }
  }

  #late(reason: string): void {
    this.#controller.abort(
      networkError(`cannot reach ${this.#url.host}: ${reason}`, { transient: true, url: this.#url }),
    );
  }
}
