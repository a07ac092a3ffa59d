/** Lets so many in at a time; the others wait in turn. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Waits for a place, which disposing gives back.
   * @throws the signal's reason when that aborts first
   */
  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const leave = () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    };
    if (signal.aborted) {
      leave();
      throw signal.reason;
    }
    return { [Symbol.dispose]: leave };
  }
}
