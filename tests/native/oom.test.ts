/** native/oom.c, with a file that stands for memory.events: no cgroup of this machine need count memory. `tests/vm/usage.test.ts` has a real one. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { O_TRUNC, O_WRONLY } from "../../src/linux/abi.gen.ts";
import { encode, PlanBuilder, RECOVER_MISSING, RECOVER_OTHER, spawnNative, TIME_OF_DAY } from "../../src/plan/index.ts";
import { temporaryFolder } from "../support/tmp.ts";

/** As the kernel has it. */
const counts = (kills: number) => `low 0\nhigh 0\nmax 412\noom ${kills + 7}\noom_kill ${kills}\noom_group_kill 99\n`;

/** @param counted what the file has at the container's start, and at each look. @returns the status, 0 when there was none; and the events */
async function watch(counted: readonly (string | undefined)[]): Promise<{ status: number; events: object[] }> {
  using folder = temporaryFolder();
  const file = folder.join("memory.events");
  const events = folder.join("events.jsonl");
  const [first, ...later] = counted;
  if (first !== undefined) await Bun.write(file, first);
  const plan = new PlanBuilder();
  const main = plan.program("main");
  const line = encode(`{"action":"oom","time":${TIME_OF_DAY}}\n`);
  main.add("watch_oom", [file, events, line], { expand: true, recover: RECOVER_MISSING });
  for (const text of later) {
    const next = main.label();
    if (text !== undefined) main.add("write_file", [null, file, encode(text), O_WRONLY | O_TRUNC]);
    main.add("oom_killed", [], { recover: RECOVER_OTHER, to: next });
    main.place(next);
  }
  const none = main.label();
  main.add("oom_killed", [], { recover: RECOVER_OTHER, to: none });
  main.add("exit", [3]);
  main.place(none);
  main.add("exit", [0]);
  const status = await spawnNative(plan.encode(), { stdio: ["ignore", "inherit", "inherit"] }).exited;
  const text = (await Bun.file(events).exists()) ? readFileSync(events, "utf8") : "";
  return {
    status,
    events: text
      .split("\n")
      .filter(Boolean)
      .map((event) => JSON.parse(event)),
  };
}

test("what the kernel kills is found, and is told once", async () => {
  const { status, events } = await watch([counts(0), counts(0), counts(2), counts(2)]);
  expect(status).toBe(3);
  expect(events).toEqual([{ action: "oom", time: expect.closeTo(Date.now(), -5) }]);
});

test("each time that something is killed is an event of its own", async () => {
  expect((await watch([counts(0), counts(1), counts(12)])).events).toHaveLength(2);
});

test("what was killed before the container started is not its", async () => {
  expect(await watch([counts(5), counts(5)])).toEqual({ status: 0, events: [] });
  expect((await watch([counts(5), counts(6)])).status).toBe(3);
});

test("other lines are not taken for the number", async () => {
  expect(await watch(["oom 3\noom_group_kill 4\nxoom_kill 5\n"])).toEqual({ status: 0, events: [] });
  expect((await watch(["oom 3\n", "oom 3\noom_group_kill 4\noom_kill 1"])).status).toBe(3);
});

test("a cgroup that does not count memory has none", async () => {
  expect(await watch([undefined])).toEqual({ status: 0, events: [] });
});
