/** Ends the wait for the next piece of a stream at once when a signal aborts, even where the stream itself hangs. */
export async function* abortable<T>(
  source: Promise<AsyncIterable<T>>,
  signal: AbortSignal | undefined,
): AsyncIterable<T> {
  if (signal === undefined) return yield* await source;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  // who awaits it hears of it; when nobody does it is no failure
  aborted.catch(() => {});
  let iterator: AsyncIterator<T> | undefined;
  try {
    signal.throwIfAborted();
    iterator = (await Promise.race([source, aborted]))[Symbol.asyncIterator]();
    for (;;) {
      const step = await Promise.race([iterator.next(), aborted]);
      if (step.done) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // not awaited: a generator that waits for the network would hold us up
    iterator?.return?.().catch(() => {});
  }
}
