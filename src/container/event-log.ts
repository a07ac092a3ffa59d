/** Reading what happened, and following what happens: the files of `event-rotation.ts`. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { fullFiles } from "./event-rotation.ts";
import { eventsFile } from "./events.ts";
import { FolderChanges } from "./folder-changes.ts";

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
    using changes = new FolderChanges(store, (name) => name.startsWith("events.jsonl"));
    while (!signal?.aborted) {
      yield* reader.available(GRACE);
      await changes.next(signal);
    }
  } finally {
    reader.close();
  }
}

/** A file that is read, also when it has no name any more. */
interface OpenFile {
  readonly fd: number;
  readonly ino: number;
  readonly decoder: TextDecoder;
  /** What was read of a line that has not ended. */
  rest: string;
}

class Reader {
  readonly #store: string;
  /** The one that is being read, and those after it: opened as soon as they are seen, so that no clean-up takes them away. */
  readonly #files: OpenFile[] = [];
  /** Of the newest that was opened, so that what was read is not opened again. */
  #newest = -1;
  /** Since when there is one after the first, which then gets no more but from those who have it open. */
  #fullSince: number | undefined;

  constructor(store: string) {
    this.#store = store;
  }

  /** Everything up to now. @param grace how long a file that is full is still looked at, in milliseconds */
  *available(grace: number): Generator<StoredEvent> {
    for (;;) {
      this.#look();
      const [file, next] = this.#files;
      if (file === undefined) return;
      yield* linesOf(file);
      if (next === undefined) return;
      this.#fullSince ??= Date.now();
      if (Date.now() - Math.max(this.#fullSince, fstatSync(file.fd).mtimeMs) < grace) return;
      yield* linesOf(file);
      closeSync(file.fd);
      this.#files.shift();
      this.#fullSince = undefined;
    }
  }

  /** Opens the files that are new, in their order. */
  #look(): void {
    if (!existsSync(this.#store)) return;
    for (;;) {
      const full = fullFiles(this.#store);
      const path = eventsFile(this.#store);
      const found = [...full.map((number) => `${path}.${number}`), path].flatMap((name) => openFile(name) ?? []);
      // one that was renamed meanwhile is missing, or there twice
      const calm = fullFiles(this.#store).at(-1) === full.at(-1);
      const known = found.findLastIndex(({ ino }) => ino === this.#newest);
      const fresh = calm ? found.slice(known + 1) : [];
      for (const file of found) if (!fresh.includes(file)) closeSync(file.fd);
      if (!calm) continue;
      this.#files.push(...fresh);
      this.#newest = fresh.at(-1)?.ino ?? this.#newest;
      return;
    }
  }

  close(): void {
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }
}

function openFile(path: string): OpenFile | undefined {
  try {
    const fd = openSync(path, "r");
    return { fd, ino: fstatSync(fd).ino, decoder: new TextDecoder(), rest: "" };
  } catch {
    return undefined; // removed, or nothing has happened yet
  }
}

function* linesOf(file: OpenFile): Generator<StoredEvent> {
  const buffer = Buffer.allocUnsafe(65536);
  for (;;) {
    const size = readSync(file.fd, buffer, 0, buffer.length, null);
    if (size === 0) return;
    const lines = (file.rest + file.decoder.decode(buffer.subarray(0, size), { stream: true })).split("\n");
    file.rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = parseEvent(line);
      if (event !== undefined) yield event;
    }
  }
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
