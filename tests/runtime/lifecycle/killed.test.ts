/**
 * SIGKILL for tsbox, and for the native program that it becomes, at its system calls one after the other: `delete --force`
 * clears whatever there is then. strace counts the calls. A sample of them is tried; with TSBOX_SWEEP=1 each one is.
 */
import { expect } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { program, requires } from "../../support/skip.ts";
import { Box, needs, until } from "./box.ts";
import { setHooks } from "./hook-scripts.ts";
import { expectNoMore, expectNothingLeft, processesOf, surroundings } from "./leftovers.ts";

const test = requires(...needs, program("strace"));
const ALL = process.env.TSBOX_SWEEP === "1";
const TIMEOUT = ALL ? 1_200_000 : 120_000;

/** A system call of a process: strace counts those of each name. */
interface Call {
  readonly name: string;
  /** From 1. */
  readonly number: number;
  readonly line: string;
}

function callsOf(lines: readonly string[]): Call[] {
  const counts = new Map<string, number>();
  return lines.flatMap((line) => {
    const name = /^(\w+)\(/.exec(line)?.[1];
    if (name === undefined) return [];
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    return [{ name, number, line }];
  });
}

/** System calls of the first process of a command. */
async function traced(it: Box, args: readonly string[]): Promise<Call[]> {
  const file = it.path("trace");
  rmSync(file, { force: true });
  await it.ok(args, { under: ["strace", "-o", file] });
  return callsOf(it.read("trace").split("\n"));
}

/** Calls to be killed at: `count` of those from `first` on. Before the first there is nothing to be left. */
function points(calls: readonly Call[], first: RegExp, count: number): Call[] {
  const start = calls.findIndex(({ line }) => first.test(line));
  if (start < 0) throw new Error(`no call matches ${first}`);
  const every = ALL ? 1 : Math.max(1, (calls.length - start) / count);
  const later = calls.slice(start).filter(({ name }) => name !== "exit_group");
  return later.filter((_, index) => Math.floor(index / every) !== Math.floor((index - 1) / every));
}

async function killedAt(it: Box, { name, number }: Call, args: readonly string[]): Promise<boolean> {
  const under = ["strace", "-o", "/dev/null", "-e", `inject=${name}:signal=KILL:when=${number}`];
  return (await it.run(args, { under })).exitCode === 137;
}

/** Kills `act` at each point; `prepare` makes what it acts on. */
async function sweep(
  it: Box,
  options: {
    readonly first: RegExp;
    readonly count: number;
    readonly prepare: (id: string) => Promise<void>;
    readonly act: (id: string) => readonly string[];
  },
): Promise<void> {
  const before = surroundings(it.path(""));
  await options.prepare("traced");
  const calls = await traced(it, options.act("traced"));
  await it.ok(["delete", "--force", "traced"]);
  const at = points(calls, options.first, options.count);
  let killed = 0;
  for (const [index, call] of at.entries()) {
    const id = `box-${index}`;
    const what = `${options.act(id)[0]}, killed at ${call.line.slice(0, 80)} (${call.number}),`;
    await options.prepare(id);
    if (await killedAt(it, call, options.act(id))) killed++;
    // whatever state it is in, the commands that look at it do not stumble
    if (index % 5 === 0) await it.ok(["list"]);
    const { exitCode, stderr } = await it.run(["delete", "--force", id]);
    expect([what, exitCode, stderr]).toEqual([what, 0, ""]);
    await expectNothingLeft(it, what);
  }
  // the last calls may be missing in a run whose threads met less often
  expect(killed).toBeGreaterThan(at.length * 0.8);
  if (ALL) console.log(`${killed} of ${at.length} points, ${calls.length} calls in all`);
  expectNoMore(surroundings(it.path("")), before);
}

const nothing = async () => {};

test(
  "create",
  async () => {
    using it = new Box();
    const bundle = it.bundle({ args: ["sleep", "1000"] });
    const act = (id: string) => ["create", "--bundle", bundle, "--pid-file", it.path("pid"), id];
    await sweep(it, { first: /^mkdir.*traced/, count: 60, prepare: nothing, act });
  },
  TIMEOUT,
);

test(
  "create with hooks",
  async () => {
    using it = new Box();
    const hook = { path: "/bin/sh", args: ["sh", "-c", "sleep 0.02"] };
    const bundle = it.bundle({
      args: ["sleep", "1000"],
      edit: (config) => setHooks(config, { createRuntime: [hook, hook], createContainer: [hook] }),
    });
    const act = (id: string) => ["create", "--bundle", bundle, id];
    await sweep(it, { first: /^mkdir.*traced/, count: 20, prepare: nothing, act });
  },
  TIMEOUT,
);

test(
  "run, in the foreground and detached",
  async () => {
    using it = new Box();
    const short = it.bundle({ args: ["sleep", "0.01"] });
    const long = it.bundle({ args: ["sleep", "1000"] });
    await sweep(it, {
      first: /^mkdir.*traced/,
      count: 20,
      prepare: nothing,
      act: (id) => ["run", "--bundle", short, id],
    });
    const detached = (id: string) => ["run", "--detach", "--bundle", long, id];
    await sweep(it, { first: /^mkdir.*traced/, count: 20, prepare: nothing, act: detached });
  },
  TIMEOUT,
);

test(
  "start",
  async () => {
    using it = new Box();
    const bundle = it.bundle({ args: ["sleep", "1000"] });
    const prepare = async (id: string) => void (await it.ok(["create", "--bundle", bundle, id]));
    await sweep(it, { first: /traced/, count: 20, prepare, act: (id) => ["start", id] });
  },
  TIMEOUT,
);

test(
  "delete, of one that runs and one that has stopped",
  async () => {
    using it = new Box();
    const [long, short] = [it.bundle({ args: ["sleep", "1000"] }), it.bundle()];
    const running = async (id: string) => void (await it.ok(["run", "--detach", "--bundle", long, id]));
    await sweep(it, { first: /traced/, count: 20, prepare: running, act: (id) => ["delete", "--force", id] });
    const stopped = async (id: string) => {
      await it.ok(["run", "--detach", "--bundle", short, id]);
      await it.becomes(id, "stopped");
    };
    await sweep(it, { first: /traced/, count: 20, prepare: stopped, act: (id) => ["delete", id] });
  },
  TIMEOUT,
);

test(
  "exec: the container goes on, and nothing of exec's stays",
  async () => {
    using it = new Box();
    const id = await it.started();
    const args = ["exec", id, "sleep", "0.01"];
    const calls = await traced(it, args);
    for (const call of points(calls, new RegExp(id), 20)) {
      await killedAt(it, call, args);
      expect([call.line, await it.status(id)]).toEqual([call.line, "running"]);
    }
    // one that has ended stays a zombie, because this container's first process waits for none
    const sleeping = async () => {
      const stats = await it.ok(["exec", id, "sh", "-c", "cat /proc/[0-9]*/stat"]);
      return stats.split("\n").filter((line) => /\(sleep\) [^Z]/.test(line));
    };
    await until(async () => (await sleeping()).length <= 1, "all that exec started to end");
    expect(await sleeping()).toHaveLength(1);
    await it.ok(["delete", "--force", id]);
    await expectNothingLeft(it, "exec");
  },
  TIMEOUT,
);

/** Calls of the container's first process before its program, of names that no other process or thread uses. */
async function callsInside(it: Box, bundle: string): Promise<Call[]> {
  const file = it.path("trace-inside");
  await it.ok(["run", "--bundle", bundle, "traced"], { under: ["strace", "-f", "-o", file] });
  const lines = it
    .read("trace-inside")
    .split("\n")
    .map((line) => /^(\d+) +(\w+)\((.*)/.exec(line) ?? []);
  const pid = lines.find(([, , name]) => name === "pivot_root")?.[1];
  const others = new Set(lines.filter((line) => line[1] !== pid).map(([, , name]) => name));
  const own = lines.filter((line) => line[1] === pid).map(([, , name, rest]) => `${name}(${rest}`);
  const before = own.slice(
    0,
    own.findIndex((line) => line.startsWith("execve(")),
  );
  return callsOf(before).filter(({ name }) => !others.has(name));
}

test(
  "the container's first process is killed while it sets itself up: create fails and clears up itself",
  async () => {
    using it = new Box();
    const bundle = it.bundle();
    const calls = await callsInside(it, bundle);
    expect(calls.length).toBeGreaterThan(15);
    for (const call of calls.filter((_, index) => ALL || index % 3 === 0)) {
      const under = ["strace", "-f", "-o", "/dev/null", "-e", `inject=${call.name}:signal=KILL:when=${call.number}`];
      const { exitCode, stderr } = await it.run(["run", "--bundle", bundle, it.id()], { under });
      expect([call.line, exitCode, stderr]).toEqual([call.line, 1, expect.stringMatching(/^tsbox: cannot [^\n]+\n$/)]);
      await expectNothingLeft(it, `create, whose container was killed at ${call.line},`);
    }
    if (ALL) console.log(`${calls.length} calls of the container's first process`);
  },
  TIMEOUT,
);

test(
  "what an unfinished create leaves can be looked at, and is no obstacle",
  async () => {
    using it = new Box();
    const bundle = it.bundle({ args: ["sleep", "1000"] });
    const calls = await traced(it, ["create", "--bundle", bundle, "traced"]);
    await it.ok(["delete", "--force", "traced"]);
    const clone = calls.findIndex(({ line }) => line.startsWith("clone3(") && line.includes("CLONE_PIDFD"));
    const after = calls[clone + 3];
    if (after === undefined) throw new Error("create makes no process");
    expect(await killedAt(it, after, ["create", "--bundle", bundle, "half"])).toBe(true);
    expect(existsSync(join(it.root, "half"))).toBe(true);
    expect(await it.status("half")).toBe("creating");
    expect(await it.fails(["start", "half"])).toContain('"creating"');
    expect(await it.fails(["kill", "half"])).toContain("container not running");
    expect(await it.fails(["exec", "half", "true"], 255)).toContain("container not running");
    expect(await it.fails(["delete", "half"])).toContain("--force");
    expect(await it.fails(["create", "--bundle", bundle, "half"])).toContain("already exists");
    await it.ok(["delete", "--force", "half"]);
    // and a damaged record, which no kill can make
    await it.ok(["create", "--bundle", bundle, "half"]);
    const { pid } = await it.state("half");
    // what looks for leftovers finds a container that waits
    expect(processesOf(it.path("")).map((line) => Number.parseInt(line, 10))).toContain(pid);
    writeFileSync(join(it.root, "half/state.json"), '{"id": "ha');
    expect(await it.fails(["state", "half"])).toContain("state.json is not JSON");
    process.kill(pid, "SIGKILL");
    await it.ok(["delete", "--force", "half"]);
    await expectNothingLeft(it, "a damaged record");
  },
  TIMEOUT,
);
