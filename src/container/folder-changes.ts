/** Waiting until something happens in a folder. */
import { watch } from "node:fs";

/** How often it is looked where nobody is told of changes, in milliseconds. */
const POLL = 200;

/** inotify(7), and a look every so often: for file systems that do not tell, and where there are no watches left or no folder yet. */
export class FolderChanges implements Disposable {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #wake: (() => void) | undefined;
  #seen = false;

  /** @param counts for a file's name, whether what happens to that file counts; without, everything does */
  constructor(folder: string, counts: (name: string) => boolean = () => true) {
    try {
      this.#watcher = watch(folder, (_, name) => {
        if (name !== null && !counts(name)) return;
        this.#seen = true;
        this.#wake?.();
      });
    } catch {
      this.#watcher = undefined;
    }
  }

  /** Returns when something has happened since the last call, after a while in any case, and at once when the signal says so. */
  async next(signal?: AbortSignal): Promise<void> {
    if (!this.#seen && !signal?.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      this.#wake = wake;
      signal?.addEventListener("abort", wake, { once: true });
      const timer = setTimeout(wake, POLL);
      await promise;
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
    }
    this.#seen = false;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}
