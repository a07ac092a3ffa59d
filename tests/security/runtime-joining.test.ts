/**
 * CVE-2016-9962 and its class: a process of the runtime that is already among the container's, but still has descriptors, a root or
 * rights of the host. A container that looks for such processes without pause, with all capabilities, gets nothing of them. strace makes
 * the moments long in which it could.
 */
import { expect } from "bun:test";
import { box, needs, until } from "../runtime/lifecycle/box.ts";
import type { BundleConfig } from "../support/bundle.ts";
import { program, requires, subordinateIds } from "../support/skip.ts";
import { withSubordinateIds } from "./support/subordinate-ids.ts";
import { watcher, withAllCapabilities } from "./support/watcher.ts";

const test = requires(...needs, program("strace"));
const testMapped = requires(...needs, program("strace"), subordinateIds);
const it = box();

/** Each call of that name takes a second longer, in all processes of the command. */
const slow = (call: string) => ["strace", "-f", "-o", "/dev/null", "-e", `inject=${call}:delay_enter=1000000`];

/** Lines that the container has printed, each once; what `create` was given as standard output is a file. */
async function withWatcher(
  victim: string,
  attack: (id: string, pid: number) => Promise<void>,
  edit: (config: BundleConfig) => void = () => {},
): Promise<string[]> {
  const id = it.id();
  const bundle = it.bundle({
    args: watcher(victim),
    edit: (config) => {
      withAllCapabilities(config);
      edit(config);
    },
  });
  const container = it.spawn(["run", "--bundle", bundle, id]);
  await until(async () => it.left().includes(id) && (await it.status(id)) === "running", "the container");
  await attack(id, (await it.state(id)).pid);
  await it.ok(["kill", id, "KILL"]);
  await container.result();
  return [...new Set(container.output().split("\n").filter(Boolean))];
}

/** Joins namespaces of that process. */
function joining(pid: number, types: readonly string[]) {
  return (config: BundleConfig) => {
    const file = (type: string) => (type === "mount" ? "mnt" : type);
    config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
      types.includes(type) ? { type, path: `/proc/${pid}/ns/${file(type)}` } : { type },
    );
    if (!types.includes("user")) return;
    delete config.linux.uidMappings;
    delete config.linux.gidMappings;
  };
}

test("CVE-2016-9962: nothing can be taken from exec while it joins, or before its program runs", async () => {
  for (const call of ["execve", "setsid"]) {
    const said = await withWatcher("sleep", async (id) => {
      expect(await it.run(["exec", id, "sleep", "0.1"], { under: slow(call) })).toMatchObject({ exitCode: 0 });
    });
    expect([call, said]).toEqual([call, ["saw"]]);
  }
});

test("CVE-2016-9962: nor from exec --process, which has a secret, nor while its pid file is written", async () => {
  const said = await withWatcher("sleep", async (id) => {
    const process = { args: ["sleep", "0.1"], cwd: "/", env: ["PATH=/bin", "SECRET=1"], user: { uid: 0, gid: 0 } };
    await Bun.write(it.path("process.json"), JSON.stringify(process));
    await it.ok(["exec", "--process", it.path("process.json"), id], { under: slow("execve") });
    await it.ok(["exec", "--detach", "--pid-file", it.path("exec.pid"), id, "sleep", "0.1"], {
      under: slow("renameat2"),
    });
  });
  expect(said).toEqual(["saw"]);
});

testMapped(
  "CVE-2016-9962: nor from a container that is made in its namespaces, which has the host's root until it is",
  async () => {
    const said = await withWatcher(
      "sleep",
      async (_, pid) => {
        const id = it.id();
        const bundle = it.bundle({ args: ["sleep", "1000"], edit: joining(pid, ["user", "pid"]) });
        // strace stays with the process that waits
        const made = it.spawn(["create", "--bundle", bundle, id], { under: slow("pivot_root") });
        await until(async () => it.left().includes(id) && (await it.status(id)) === "created", "the second container");
        // created, and waiting for start
        await Bun.sleep(300);
        await it.ok(["start", id]);
        await it.ok(["delete", "--force", id]);
        await made.result();
      },
      withSubordinateIds,
    );
    expect(said).toEqual(["saw"]);
  },
);

test("the watcher takes from a process that does not hide: these tests can fail", async () => {
  const said = await withWatcher("nothing", async (id) => {
    await it.ok(["exec", id, "sleep", "0.5"]);
  });
  expect(said).toContain("took fd root cwd environ exe mem");
});
