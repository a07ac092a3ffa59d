/** Trying again: exponential back-off with jitter, and what `Retry-After` asks for. */
import { isTransient, lasting } from "./failure.ts";
import type { Settings } from "./options.ts";

export type RetryPolicy = Pick<Settings, "retries" | "backoff" | "longestPause" | "signal" | "onRetry">;

/**
 * How long `Retry-After` asks to wait. RFC 9110 section 10.2.3: seconds, or a date.
 *
 * @returns milliseconds, or undefined when there is no such header or it says nothing
 */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * Milliseconds before a retry: half of the doubled pause for certain and half by chance, so that many clients that failed
 * together do not come back together. What a server asks for is the least, but no more than the longest pause.
 *
 * @param retry 1 for the first
 */
export function pauseBefore(
  retry: number,
  { backoff, longestPause }: Pick<RetryPolicy, "backoff" | "longestPause">,
  asked = 0,
  random = Math.random(),
): number {
  const doubled = Math.min(backoff * 2 ** (retry - 1), longestPause);
  return Math.min(Math.max(doubled / 2 + (doubled / 2) * random, asked), longestPause);
}

/** @throws what the signal says when it is aborted before the time is over */
export function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Waits after a failure, or gives up.
 *
 * @param failures how many attempts have failed, this one included
 * @throws the failure itself, when it is not one that passes, or there were enough
 */
export async function pauseAfter(error: unknown, failures: number, policy: RetryPolicy): Promise<void> {
  if (!isTransient(error)) throw error;
  if (failures > policy.retries) {
    if (failures === 1) throw error;
    throw lasting(error, `${error.message} (tried ${failures} times)`);
  }
  const asked = error.context.retryAfter;
  const pause = pauseBefore(failures, policy, typeof asked === "number" ? asked : 0);
  policy.onRetry?.(`${error.message}; trying again in ${(pause / 1000).toFixed(1)} s`);
  await sleep(pause, policy.signal);
}

/** Runs something until it succeeds or {@link pauseAfter} gives up. */
export async function retrying<T>(policy: RetryPolicy, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      await pauseAfter(error, failures, policy);
    }
  }
}
