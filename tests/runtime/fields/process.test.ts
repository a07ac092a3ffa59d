/** Scheduling, memory policy and personality, as the kernel has them for the program. */
import { describe, expect, test } from "bun:test";
import { numberSet } from "../../../src/runtime/number-set.ts";
import type { BundleConfig } from "../../support/bundle.ts";
import { runBundle } from "../../support/run-bundle.ts";
import { requires, userNamespaces } from "../../support/skip.ts";

const asRoot = process.getuid?.() === 0;
const run = (script: string, edit: (config: BundleConfig) => void) => runBundle(script, { asRoot, edit });

/** proc_pid_stat(5): nice is field 19, rt_priority 40, policy 41. */
function scheduling(scheduler: object) {
  const { stdout, stderr } = run("exec cat /proc/self/stat", (config) => {
    config.process.scheduler = scheduler;
  });
  const fields = stdout.split(") ")[1]?.split(" ") ?? [];
  return { stderr, nice: Number(fields[16]), priority: Number(fields[37]), policy: Number(fields[38]) };
}

describe("process.scheduler", () => {
  requires(userNamespaces)("SCHED_BATCH with a nice value", () => {
    expect(scheduling({ policy: "SCHED_BATCH", nice: 5 })).toEqual({ stderr: "", nice: 5, priority: 0, policy: 3 });
  });

  requires(userNamespaces)("SCHED_IDLE", () => {
    expect(scheduling({ policy: "SCHED_IDLE" })).toMatchObject({ stderr: "", policy: 5 });
  });

  test.each([
    [{ policy: "SCHED_OTHER", nice: 20 }, "process.scheduler.nice: 20 is not between -20 and 19"],
    [{ policy: "SCHED_FIFO", priority: 1, nice: 1 }, "process.scheduler.nice: SCHED_FIFO has none"],
    [{ policy: "SCHED_OTHER", priority: 1 }, "process.scheduler.priority: SCHED_OTHER has none"],
    [{ policy: "SCHED_RR", priority: 1, runtime: 1 }, "process.scheduler: SCHED_RR has no runtime"],
    [{ policy: "SCHED_FIFO", priority: 1000 }, "cannot set process.scheduler to SCHED_FIFO"],
  ])("%j is refused by name", (scheduler, reason) => {
    expect(scheduling(scheduler).stderr).toContain(reason);
  });
});

describe("process.ioPriority", () => {
  requires(userNamespaces)("is what the program has", () => {
    const { stdout } = run("busybox ionice", (config) => {
      config.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
    });
    expect(stdout).toBe("best-effort: prio 6\n");
  });

  test("a priority with bits of other meaning is refused", () => {
    const { stderr } = run("true", (config) => {
      config.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 8 };
    });
    expect(stderr).toContain("process.ioPriority.priority: 8 is not between 0 and 7");
  });
});

describe("process.user.umask", () => {
  requires(userNamespaces)("is what config.json says, 022 when it says nothing, and never meant for devices", () => {
    expect(run("umask", () => {}).stdout).toBe("0022\n");
    const before = process.umask(0o077);
    try {
      const { stdout } = run("umask; stat -c %a /dev /dev/shm /dev/null", (config) => {
        config.process.user = { uid: 0, gid: 0, umask: 0o007 } as never;
        config.mounts.push({ destination: "/dev/shm", type: "tmpfs", source: "shm" });
      });
      expect(stdout).toBe("0007\n755\n1777\n666\n");
    } finally {
      process.umask(before);
    }
  });
});

describe("linux.memoryPolicy", () => {
  const policyOf = (memoryPolicy: object) => {
    const { stdout, stderr } = run("busybox head -n1 /proc/self/numa_maps", (config) => {
      config.linux.memoryPolicy = memoryPolicy;
    });
    return stderr === "" ? stdout.split(" ")[1] : stderr;
  };

  requires(userNamespaces)("modes, flags and nodes are what the program has", () => {
    expect(policyOf({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] })).toBe("bind=static:0");
    expect(policyOf({ mode: "MPOL_INTERLEAVE", nodes: "0" })).toBe("interleave:0");
    expect(policyOf({ mode: "MPOL_PREFERRED", nodes: "0-0" })).toBe("prefer:0");
    expect(policyOf({ mode: "MPOL_LOCAL" })).toBe("local");
    expect(policyOf({ mode: "MPOL_DEFAULT" })).toBe("default");
  });

  requires(userNamespaces)("what the kernel refuses is refused by name", () => {
    expect(policyOf({ mode: "MPOL_BIND", nodes: "900" })).toContain("linux.memoryPolicy to MPOL_BIND of nodes 900");
    expect(policyOf({ nodes: "0" })).toContain("linux.memoryPolicy.mode: is missing");
    expect(policyOf({ mode: "MPOL_BIND", nodes: "x" })).toContain("linux.memoryPolicy.nodes");
  });
});

describe("linux.personality", () => {
  requires(userNamespaces)("LINUX32 makes the machine look like one of 32 bits", () => {
    const machine = (domain: string) =>
      run("busybox uname -m", (config) => {
        config.linux.personality = { domain };
      }).stdout;
    expect(machine("LINUX32")).toMatch(/^(i686|armv8l)\n$/);
    expect(machine("LINUX")).toMatch(/^(x86_64|aarch64)\n$/);
  });

  test("flags, of which the specification has none, are refused", () => {
    const { stderr } = run("true", (config) => {
      config.linux.personality = { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] };
    });
    expect(stderr).toContain("linux.personality.flags: ADDR_NO_RANDOMIZE is not a flag");
  });
});

describe("lists of processors", () => {
  test.each([
    ["0", [1]],
    ["0-3,7", [0x8f]],
    ["8, 10-11", [0, 0x0d]],
    ["63", [0, 0, 0, 0, 0, 0, 0, 0x80]],
    ["64", [0, 0, 0, 0, 0, 0, 0, 0, 1]],
  ])("%s", (list, bytes) => {
    const mask = numberSet(list, 8192, "x");
    expect(mask.length % 8).toBe(0);
    expect([...mask.subarray(0, bytes.length)]).toEqual(bytes);
    expect(mask.subarray(bytes.length).every((byte) => byte === 0)).toBeTrue();
  });

  test.each(["", ",", "3-1", "a", "1-", "-1", "1-2-3", "8192", "0-99999999999"])("%j is refused", (list) => {
    expect(() => numberSet(list, 8192, "process.execCPUAffinity.final")).toThrow("process.execCPUAffinity.final: ");
  });
});
