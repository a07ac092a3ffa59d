/**
 * The processes that unpack, from the parent's side. Starting one takes three programs and a while until its code is fast, so one does layer
 * after layer. One whose layer failed is not asked again.
 */
import { TsboxError } from "../../error.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { sendDescriptors, socketPair } from "../../linux/pass-descriptors.ts";
import { syscall } from "../../linux/syscall.ts";
import { selfCommand, spawnEntered } from "../../plan/index.ts";
import { receiveLines } from "./lines.ts";
import type { Job, Reply, UnpackResult } from "./protocol.ts";

/** A job under way. */
export interface Running {
  /** Says a line to the worker, unless the job is over. */
  say(line: string): void;
  /** Stops the worker; `reply` fails. */
  kill(): void;
  /** @throws TsboxError of the job, or because the worker ended */
  readonly reply: Promise<UnpackResult | null>;
}

export class Workers implements Disposable {
  readonly #mapping: IdMapping;
  readonly #idle: Worker[] = [];
  #closed = false;

  /** Of processes for that mapping, started when they are needed. */
  constructor(mapping: IdMapping) {
    this.#mapping = mapping;
  }

  /** @param descriptors which the worker gets copies of; the caller may close them at once */
  run(job: Job, descriptors: readonly number[]): Running {
    const worker = this.#idle.pop() ?? new Worker(this.#mapping);
    let over = false;
    const reply = worker.ask(job, descriptors).then(
      (result) => {
        over = true;
        if (this.#closed) worker.close();
        else this.#idle.push(worker);
        return result;
      },
      (error) => {
        over = true;
        worker.close();
        throw error;
      },
    );
    return {
      say: (line) => {
        if (!over) worker.say(line);
      },
      kill: () => {
        if (!over) worker.kill();
      },
      reply,
    };
  }

  /** Lets the processes end once they have done what they are at. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const worker of this.#idle.splice(0)) worker.close();
  }
}

class Worker {
  readonly #child: ReturnType<typeof spawnEntered>;
  readonly #input: Bun.FileSink;
  readonly #replies: AsyncGenerator<string>;
  readonly #log: Promise<string>;
  #socket: number;

  constructor(mapping: IdMapping) {
    const [program, ...rest] = selfCommand();
    const [ours, theirs] = socketPair();
    this.#socket = ours;
    try {
      this.#child = spawnEntered({
        mapping: unpackMapping(mapping),
        argv: [program ?? "", ...rest, "__unpack"],
        stdio: ["pipe", "pipe", "pipe", theirs],
      });
    } catch (error) {
      this.close();
      throw error;
    } finally {
      syscall(SYS.close, theirs);
    }
    // casts: all three were asked for as pipes
    this.#input = this.#child.stdin as Bun.FileSink;
    this.#replies = receiveLines(this.#child.stdout as ReadableStream<Uint8Array>);
    this.#log = new Response(this.#child.stderr as ReadableStream<Uint8Array>).text();
  }

  say(line: string): void {
    try {
      this.#input.write(`${line}\n`);
      this.#input.flush();
    } catch {
      // it has ended; what it has to say of that comes as its reply
    }
  }

  async ask(job: Job, descriptors: readonly number[]): Promise<UnpackResult | null> {
    try {
      if (descriptors.length > 0) sendDescriptors(this.#socket, descriptors);
    } catch {
      // it has ended, as above
    }
    this.say(JSON.stringify(job));
    const { value, done } = await this.#replies.next();
    if (done) throw await this.#ended();
    const reply = JSON.parse(value) as Reply; // cast: only the worker writes it
    if ("error" in reply) throw new TsboxError(reply.error.code, reply.error.message);
    return reply.ok;
  }

  async #ended(): Promise<TsboxError> {
    const [log, status] = await Promise.all([this.#log, this.#child.exited]);
    const said = log
      .trim()
      .replace(/^tsbox: /, "")
      .split("\n")
      .at(-1);
    return new TsboxError("host", said || `cannot unpack: the worker ended with status ${status}`);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  close(): void {
    if (this.#socket < 0) return;
    syscall(SYS.close, this.#socket);
    this.#socket = -1;
    this.#input?.end();
  }
}
