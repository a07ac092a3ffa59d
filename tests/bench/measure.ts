/** Timing of whole commands, one after the other in turns, so that whatever else the machine does hits all alike. */
import { closeSync, openSync } from "node:fs";

export type Command = {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** runs before each run, untimed */
  readonly before?: () => void | Promise<void>;
  /** runs after each run, untimed */
  readonly after?: () => void | Promise<void>;
};

/**
 * Runs every command `runs` times in turns, after `warmUp` turns that do not count.
 *
 * @returns the median wall-clock time of each, in milliseconds
 * @throws Error with its stderr when a command fails, for a failure is quicker than the work
 */
export async function medians(commands: readonly Command[], runs: number, warmUp = 2): Promise<number[]> {
  const times: number[][] = commands.map(() => []);
  const nowhere = openSync("/dev/null", "w");
  try {
    for (let turn = -warmUp; turn < runs; turn++) {
      for (const [at, command] of commands.entries()) {
        await command.before?.();
        const elapsed = time(command, nowhere);
        await command.after?.();
        if (turn >= 0) times[at]?.push(elapsed);
      }
    }
  } finally {
    closeSync(nowhere);
  }
  return times.map(median);
}

function time({ argv, env }: Command, nowhere: number): number {
  const from = Bun.nanoseconds();
  const result = Bun.spawnSync([...argv], { env, cwd: "/", stdin: "ignore", stdout: nowhere, stderr: "pipe" });
  const elapsed = (Bun.nanoseconds() - from) / 1e6;
  if (!result.success) {
    const status = result.signalCode ?? result.exitCode;
    throw new Error(`${argv.join(" ")} ended with ${status}: ${result.stderr.toString().trim()}`);
  }
  return elapsed;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
