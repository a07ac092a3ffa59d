/** Reading what happened, and following what happens: the files of `event-rotation.ts`. */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync, watch } from "node:fs";
import { fullFiles } from "./event-rotation.ts";
import { eventsFile } from "./events.ts";

/** As it was written. */
export interface StoredEvent {
  readonly type: string;
  readonly action: string;
  /** Of what it happened to; of what has no id, its name. */
  readonly id: string;
  readonly name?: string;
  readonly image?: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Whatever else is known: exit status, signal. */
  readonly [field: string]: unknown;
}

/** How often it is looked where nobody is told of changes, in milliseconds. */
const POLL = 200;
/** Who opened a file before it was renamed may write to it for so long. */
const GRACE = 300;

export interface FollowOptions {
  /** Without: only what is there. */
  readonly follow: boolean;
  /** Ends the following. */
  readonly signal?: AbortSignal;
}

/** In the order in which they were written. A line that is no event is passed over: a full disk may have cut it. */
export async function* readEvents(store: string, { follow, signal }: FollowOptions): AsyncGenerator<StoredEvent> {
  const reader = new Reader(store);
  try {
    yield* reader.available(0);
    if (!follow) return;
    using changes = new Changes(store);
    while (!signal?.aborted) {
      yield* reader.available(GRACE);
      await changes.next(signal);
    }
  } finally {
    reader.close();
  }
}

class Reader {
  readonly #store: string;
  #fd: number | undefined;
  /** What was read of a line that has not ended. */
  #rest = "";
  #decoder = new TextDecoder();
  /** When it was first seen that the file is full: others are read only some time later. */
  #fullSince: number | undefined;

  constructor(store: string) {
    this.#store = store;
  }

  /** Everything up to now. @param grace how long a file that is full is still looked at, in milliseconds */
  *available(grace: number): Generator<StoredEvent> {
    if (this.#fd === undefined) {
      const [first] = this.#files();
      if (first === undefined) return;
      this.#open(first);
    }
    for (;;) {
      yield* this.#lines();
      const next = this.#next();
      if (next === undefined) return;
      // the last word of those who had it open
      this.#fullSince ??= Date.now();
      const old = this.#fd === undefined ? 0 : Date.now() - fstatSync(this.#fd).ctimeMs;
      if (Date.now() - this.#fullSince < grace && old < grace) return;
      yield* this.#lines();
      this.#open(next);
    }
  }

  /** The oldest first. */
  #files(): string[] {
    const path = eventsFile(this.#store);
    if (!existsSync(this.#store)) return [];
    return [...fullFiles(this.#store).map((number) => `${path}.${number}`), path].filter((file) => existsSync(file));
  }

  /** The file after this one; undefined when this is the last. One that was removed meanwhile comes before all that there are. */
  #next(): string | undefined {
    if (this.#fd === undefined) return undefined;
    const { ino } = fstatSync(this.#fd);
    const files = this.#files();
    const at = files.findIndex((file) => inodeOf(file) === ino);
    return files[at + 1];
  }

  #open(path: string): void {
    this.close();
    try {
      this.#fd = openSync(path, "r");
    } catch {
      this.#fd = undefined; // renamed this moment: found by its new name the next time
    }
    this.#rest = "";
    this.#decoder = new TextDecoder();
    this.#fullSince = undefined;
  }

  *#lines(): Generator<StoredEvent> {
    if (this.#fd === undefined) return;
    const buffer = Buffer.allocUnsafe(65536);
    for (;;) {
      const size = readSync(this.#fd, buffer, 0, buffer.length, null);
      if (size === 0) return;
      const lines = (this.#rest + this.#decoder.decode(buffer.subarray(0, size), { stream: true })).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) {
        const event = parseEvent(line);
        if (event !== undefined) yield event;
      }
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function parseEvent(line: string): StoredEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isEvent =
      typeof value === "object" && value !== null && "type" in value && "action" in value && "time" in value;
    return isEvent ? ({ id: "", ...value } as StoredEvent) : undefined; // cast: looked at above, and written by tsbox
  } catch {
    return undefined;
  }
}

/** inotify(7) of the store's folder, and a look every so often. */
class Changes implements Disposable {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #wake: (() => void) | undefined;
  #seen = false;

  constructor(folder: string) {
    try {
      this.#watcher = watch(folder, (_, name) => {
        if (name !== null && !name.startsWith("events.jsonl")) return;
        this.#seen = true;
        this.#wake?.();
      });
    } catch {
      this.#watcher = undefined; // no store yet, or no watches left
    }
  }

  async next(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#seen && !signal?.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal?.addEventListener("abort", () => resolve(), { once: true });
      const timer = setTimeout(resolve, POLL);
      await promise;
      clearTimeout(timer);
    }
    this.#seen = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
