/** What holds for processes that come later too. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../scripts/build-native.ts";
import { writeBundle } from "../../support/bundle.ts";
import { requires, unprivileged, userNamespaces } from "../../support/skip.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const processors = { what: "two processors", inCI: false, met: () => availableParallelism() > 1 };

/** Runs `script` in a container that sleeps, with `process` of config.json changed as given. */
function exec(script: string, changes: object, linux: object = {}): { stdout: string; stderr: string } {
  using folder = temporaryFolder();
  const bundle = writeBundle(folder.join("bundle"), {
    args: ["sleep", "60"],
    edit: (config) => void Object.assign(config.linux, linux),
  });
  const oci = (...args: string[]) => {
    const globals = ["--root", folder.join("state"), "--cgroup-manager", "disabled"];
    return [process.execPath, join(ROOT, "src/main.ts"), "oci", ...globals, ...args];
  };
  const file = folder.join("process.json");
  const added = { args: ["sh", "-c", script], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 }, ...changes };
  writeFileSync(file, JSON.stringify(added));
  const started = Bun.spawnSync(oci("run", "--detach", "--bundle", bundle, "box"), {
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(started.exitCode).toBe(0);
  try {
    const { stdout, stderr } = Bun.spawnSync(oci("exec", "--process", file, "box"), { stdin: "ignore" });
    return { stdout: stdout.toString(), stderr: stderr.toString() };
  } finally {
    Bun.spawnSync(oci("delete", "--force", "box"));
  }
}

const test = requires(userNamespaces, unprivileged);
const allowed = "busybox sed -n 's/^Cpus_allowed_list:\\t//p' /proc/self/status";

requires(
  userNamespaces,
  unprivileged,
  processors,
)("execCPUAffinity: first one, then the other", () => {
  expect(exec(allowed, { execCPUAffinity: { initial: "0" } })).toEqual({ stdout: "0\n", stderr: "" });
  expect(exec(allowed, { execCPUAffinity: { initial: "0", final: "1" } })).toEqual({ stdout: "1\n", stderr: "" });
  expect(exec(allowed, { execCPUAffinity: { final: "0-1" } })).toEqual({ stdout: "0-1\n", stderr: "" });
});

test("execCPUAffinity: processors that are not there are refused by name", () => {
  const { stderr } = exec(allowed, { execCPUAffinity: { final: "8000" } });
  expect(stderr).toContain("cannot set process.execCPUAffinity.final to 8000");
});

test("personality, memory policy and scheduling are those of config.json and of the process", () => {
  const script = "busybox uname -m; busybox head -n1 /proc/self/numa_maps; busybox ionice; umask";
  const changes = { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 5 }, user: { uid: 0, gid: 0, umask: 0o27 } };
  const linux = { personality: { domain: "LINUX32" }, memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } };
  const { stdout, stderr } = exec(script, changes, linux);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^(i686|armv8l)\n\S+ bind:0 .*\nbest-effort: prio 5\n0027\n$/);
});

test("the container's clocks are those of the process", () => {
  const linux = {
    timeOffsets: { boottime: { secs: 864_000_000 } },
    namespaces: ["user", "mount", "pid", "ipc", "uts", "cgroup", "time"].map((type) => ({ type })),
  };
  const { stdout } = exec("cat /proc/uptime", {}, linux);
  expect(Number(stdout.split(" ")[0])).toBeGreaterThan(864_000_000);
});
