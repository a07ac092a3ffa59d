/** A program on a real pseudo-terminal, driven as a person would: wait for what it shows, then type. */
export type TerminalSession = AsyncDisposable & {
  readonly pid: number;
  /** everything shown so far */
  screen(): string;
  /** Types text; "\r" is the Enter key, "\x03" is Ctrl-C. */
  type(text: string): void;
  /** Waits until what is shown after the last match matches; returns the match. @throws Error after `timeout` ms */
  see(pattern: RegExp, timeout?: number): Promise<RegExpMatchArray>;
  resize(columns: number, rows: number): void;
  /** the exit status; 128+N if killed by signal N */
  readonly exited: Promise<number>;
};

/** Starts `command` as the leader of a session whose controlling terminal is a new pty of 80 by 24. */
export function runOnTerminal(
  command: string[],
  options: { cwd?: string; env?: Record<string, string | undefined> },
): TerminalSession {
  const decoder = new TextDecoder();
  let shown = "";
  let seen = 0;
  const waiting = new Set<() => void>();
  const child = Bun.spawn(command, {
    ...options,
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal, bytes) => {
        shown += decoder.decode(bytes, { stream: true });
        for (const check of waiting) check();
      },
    },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error("Bun made no terminal");

  const see = (pattern: RegExp, timeout = 30_000) =>
    new Promise<RegExpMatchArray>((resolve, reject) => {
      const check = () => {
        const match = shown.slice(seen).match(pattern);
        if (match === null) return;
        seen += (match.index ?? 0) + match[0].length;
        waiting.delete(check);
        clearTimeout(timer);
        resolve(match);
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`did not see ${pattern} within ${timeout} ms, but: ${JSON.stringify(shown.slice(seen))}`));
      }, timeout);
      waiting.add(check);
      check();
    });

  return {
    pid: child.pid,
    screen: () => shown,
    type: (text) => void terminal.write(text),
    see,
    resize: (columns, rows) => terminal.resize(columns, rows),
    exited: child.exited,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
    },
  };
}
