/** Two hundred containers at once, which leave nothing. */
import { expect } from "bun:test";
import { Box, test } from "./box.ts";
import { expectNoMore, expectNothingLeft, processesOf, surroundings } from "./leftovers.ts";

const COUNT = 200;
const AT_ONCE = 32;

/** Calls `work` for each id, so many at a time. */
async function each(ids: readonly string[], work: (id: string) => Promise<unknown>): Promise<void> {
  const waiting = [...ids];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await work(id);
    }),
  );
}

test("200 are created, started and deleted, and leak nothing", async () => {
  using it = new Box();
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  const before = surroundings(it.path(""));
  const ids = Array.from({ length: COUNT }, (_, index) => `box-${String(index).padStart(3, "0")}`);
  await each(ids, (id) => it.ok(["create", "--bundle", bundle, id]));
  expect((await it.ok(["list", "-q"])).trim().split("\n")).toEqual(ids);
  const pids = (await it.list()).map(({ pid, status }) => [pid, status] as const);
  expect(new Set(pids.map(([pid]) => pid)).size).toBe(COUNT);
  expect(pids.filter(([, status]) => status !== "created")).toEqual([]);
  await each(ids, (id) => it.ok(["start", id]));
  expect((await it.list()).filter(({ status }) => status !== "running")).toEqual([]);
  // each waits in one process, and nothing else of tsbox's is there
  expect(processesOf(it.path(""))).toHaveLength(COUNT);
  await each(ids, (id) => it.ok(["delete", "--force", id]));
  await expectNothingLeft(it, "200 containers");
  expectNoMore(surroundings(it.path("")), before);
}, 180_000);

test("creates, starts, kills and deletes of the same few ids at once end in order", async () => {
  using it = new Box();
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  const before = surroundings(it.path(""));
  const actions = [["create", "--bundle", bundle], ["start"], ["kill"], ["state"], ["delete", "--force"], ["delete"]];
  const calls = Array.from({ length: 240 }, (_, index) => [...(actions[index % 6] ?? []), `box-${(index * 7) % 4}`]);
  await each(
    calls.map((_, index) => String(index)),
    async (index) => {
      const call = calls[Number(index)] ?? [];
      const { exitCode, stdout, stderr } = await it.run(call);
      // delete --force of what is being created ends its maker
      if (call[0] === "create" && exitCode === 137) return;
      // each says one thing or succeeds; a crash of tsbox would be neither
      expect([0, 1]).toContain(exitCode);
      if (exitCode === 1) expect([stdout, stderr]).toEqual(["", expect.stringMatching(/^tsbox: [^\n]+\n$/)]);
      expect(stderr).not.toContain("TSBOX_DEBUG");
    },
  );
  for (const id of it.left()) await it.ok(["delete", "--force", id]);
  await expectNothingLeft(it, "the throng");
  expectNoMore(surroundings(it.path("")), before);
}, 180_000);
