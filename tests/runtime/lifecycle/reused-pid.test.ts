/** A number that another process has by now is never taken for the container's. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { box, isAlive, test } from "./box.ts";

const it = box();

for (const { name, status, change } of [
  { name: "another start time", status: "stopped", change: (pid: number) => ({ pid, startTime: 12345 }) },
  { name: "no start time", status: "stopped", change: (pid: number) => ({ pid, startTime: 0 }) },
  { name: "the first process of all", status: "stopped", change: () => ({ pid: 1, startTime: 12345 }) },
  { name: "every process", status: "creating", change: () => ({ pid: 0, startTime: 0 }) },
  {
    name: "another maker",
    status: "creating",
    change: (pid: number) => ({ pid: 0, startTime: 0, maker: { pid, startTime: 12345 } }),
  },
  { name: "a group", status: "stopped", change: (pid: number) => ({ pid: -pid, startTime: 12345 }) },
]) {
  test(`${name}: no command touches it`, async () => {
    await using other = lasting();
    const id = await it.started();
    const { pid: own } = await it.state(id);
    const file = join(it.root, id, "state.json");
    const record = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...record, ...change(other.pid) }));
    expect(await it.state(id)).toMatchObject({ status });
    for (const signal of ["KILL", "TERM", "0"])
      expect(await it.fails(["kill", id, signal])).toContain("container not running");
    await it.ok(["kill", "--all", id, "KILL"]);
    expect(await it.fails(["exec", id, "true"], 255)).toContain("container not running");
    await it.fails(["start", id]);
    await it.fails(["ps", id]);
    await it.fails(["pause", id]);
    await it.ok(["delete", "--force", id]);
    await Bun.sleep(20);
    expect([isAlive(other.pid), isAlive(process.pid)]).toEqual([true, true]);
    expect(it.left()).toEqual([]);
    process.kill(own, "SIGKILL");
  });
}

/** A process that nobody is to end. */
function lasting() {
  const child = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
  return {
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

test("the record names the process by its start time, as the kernel has it", async () => {
  const id = await it.started();
  const { pid, startTime } = JSON.parse(readFileSync(join(it.root, id, "state.json"), "utf8"));
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  expect(String(startTime)).toBe(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "");
  await it.ok(["delete", "--force", id]);
});
