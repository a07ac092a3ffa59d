/** A listener for `--console-socket` and `--pidfd-socket` (receive.py). */
import { until } from "./box.ts";

export interface Receiver extends AsyncDisposable {
  /** All that it has printed, without "ready". */
  readonly text: () => string;
  /** The line of JSON about what it received. */
  readonly received: () => Promise<Record<string, unknown>>;
  readonly type: (text: string) => void;
  /** Waits until the terminal has shown this. */
  readonly sees: (text: string) => Promise<void>;
}

/** @returns when it can be connected to */
export async function startReceiver(kind: "terminal" | "pidfd", socket: string): Promise<Receiver> {
  const script = new URL("receive.py", import.meta.url).pathname;
  const child = Bun.spawn(["python3", script, kind, socket], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) text += decoder.decode(chunk, { stream: true });
  })();
  await until(() => text.startsWith("ready\n"), "the listener");
  const shown = () => text.slice("ready\n".length);
  return {
    text: shown,
    received: async () => {
      await until(() => shown().includes("\n"), "a descriptor");
      return JSON.parse(shown().split("\n")[0] ?? "");
    },
    type: (typed) => {
      child.stdin.write(typed);
      child.stdin.flush();
    },
    sees: async (expected) =>
      await until(() => shown().includes(expected), `${expected} in ${JSON.stringify(shown())}`),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
      await reading;
    },
  };
}
