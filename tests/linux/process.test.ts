/** Processes told apart by pid and start time. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { SIGKILL, SYS } from "../../src/linux/abi.gen.ts";
import { isAlive, openProcess, processName, signalProcess, thisProcess, waitForEnd } from "../../src/linux/process.ts";
import { syscall } from "../../src/linux/syscall.ts";

test("this process is there; one of its number that started at another time is not", () => {
  const own = thisProcess();
  expect(own).toEqual({ pid: process.pid, startTime: own.startTime });
  expect([isAlive(own), isAlive({ ...own, startTime: own.startTime + 1 })]).toEqual([true, false]);
  expect(openProcess({ ...own, startTime: own.startTime + 1 })).toBeUndefined();
});

test("no number of all, of a group or of nobody names a process", () => {
  for (const pid of [0, -1, -process.pid, 2 ** 22 + 1])
    expect([isAlive({ pid, startTime: 0 }), openProcess({ pid, startTime: 0 })]).toEqual([false, undefined]);
});

test("a number that has passed on to a thread, which has no descriptor, is that of a process that has ended", () => {
  const thread = readdirSync("/proc/self/task")
    .map(Number)
    .find((id) => id !== process.pid);
  expect(thread).toBeGreaterThan(0);
  expect(openProcess({ pid: thread ?? 0, startTime: 1 })).toBeUndefined();
});

test("one that is killed ends, and is then not there, although nobody has waited for it", async () => {
  // the shell becomes a program that does not ask for its child's end
  const parent = Bun.spawn(["sh", "-c", "sleep 1000 & echo $!; exec sleep 1001"], { stdout: "pipe" });
  try {
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    const name = processName(pid);
    expect(isAlive(name)).toBe(true);
    const pidfd = openProcess(name) ?? -1;
    expect(waitForEnd(pidfd, 1)).toBe(false);
    expect(signalProcess(pidfd, SIGKILL, pid)).toBe(true);
    expect(waitForEnd(pidfd, 10_000)).toBe(true);
    syscall(SYS.close, pidfd);
    expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") Z ");
    expect([isAlive(name), openProcess(name)]).toEqual([false, undefined]);
  } finally {
    parent.kill("SIGKILL");
    await parent.exited;
  }
});
