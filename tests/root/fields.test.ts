/** Fields of config.json that take the rights of root. */
import { describe, expect } from "bun:test";
import type { BundleConfig } from "../support/bundle.ts";
import { runBundle } from "../support/run-bundle.ts";
import { requires, root } from "../support/skip.ts";

const test = requires(root);
const run = (script: string, edit: (config: BundleConfig) => void) => runBundle(script, { asRoot: true, edit });

describe("process.scheduler", () => {
  /** proc_pid_stat(5): rt_priority is field 40, policy 41. */
  function scheduling(scheduler: object) {
    const { stdout, stderr } = run("exec cat /proc/self/stat", (config) => {
      config.process.scheduler = scheduler;
    });
    const fields = stdout.split(") ")[1]?.split(" ") ?? [];
    return { stderr, priority: Number(fields[37]), policy: Number(fields[38]) };
  }

  test("SCHED_FIFO and SCHED_RR with a priority", () => {
    expect(scheduling({ policy: "SCHED_FIFO", priority: 3 })).toEqual({ stderr: "", priority: 3, policy: 1 });
    expect(scheduling({ policy: "SCHED_RR", priority: 9 })).toEqual({ stderr: "", priority: 9, policy: 2 });
  });

  test("SCHED_DEADLINE with its three times, which a fork may not inherit", () => {
    const times = { runtime: 10_000_000, deadline: 20_000_000, period: 20_000_000 };
    const deadline = { policy: "SCHED_DEADLINE", flags: ["SCHED_FLAG_RESET_ON_FORK"], ...times };
    expect(scheduling(deadline)).toMatchObject({ stderr: "", policy: 6 });
  });
});
