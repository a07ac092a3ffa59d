/** Two commands at once, in the order that is worst: strace holds one of them back at a system call. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { program, requires } from "../../support/skip.ts";
import { Box, isAlive, needs, until } from "./box.ts";
import { expectNothingLeft } from "./leftovers.ts";

const test = requires(...needs, program("strace"));

/** Waits two seconds before the first call of that name. */
function heldAt(call: string, trace: string): readonly string[] {
  return ["strace", "-o", trace, "-e", `trace=${call}`, "-e", `inject=${call}:delay_enter=2000000:when=1`];
}

/** Until it has come to the call: strace writes down what it is called with before it waits. */
async function isHeld(it: Box, call: string): Promise<void> {
  await until(() => existsSync(it.path("trace")) && it.read("trace").includes(`${call}(`), `${call} to be called`);
}

test("a start that has opened the fifo, when another one starts the container", async () => {
  using it = new Box();
  const id = await it.create({ args: ["sleep", "1000"] });
  const slow = it.spawn(["start", id], { under: heldAt("unlinkat", it.path("trace")) });
  await isHeld(it, "unlinkat");
  await it.ok(["start", id]);
  const { exitCode, stderr } = await slow.result();
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("it has been started already")]);
  expect(await it.status(id)).toBe("running");
  await it.ok(["delete", "--force", id]);
});

test("delete --force of what is being created, whose record gets its pid in this moment", async () => {
  using it = new Box();
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  const creating = it.spawn(["create", "--bundle", bundle, "box"], {
    under: heldAt("renameat2", it.path("create.trace")),
  });
  await until(() => existsSync(join(it.root, "box/state.json.new")), "the record");
  expect(await it.status("box")).toBe("creating");
  // the record has been read when the first name of the folder is about to be removed
  const call = await it.run(["delete", "--force", "box"], { under: heldAt("unlinkat", it.path("delete.trace")) });
  expect([call.exitCode, call.stderr]).toEqual([0, ""]);
  expect((await creating.result()).exitCode).not.toBe(0);
  await expectNothingLeft(it, "delete of what was being created");
});

test("delete that is slow, when another one has been faster and the id is used again", async () => {
  using it = new Box();
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  await it.ok(["create", "--bundle", bundle, "box"]);
  await it.ok(["kill", "box", "KILL"]);
  await it.becomes("box", "stopped");
  const slow = it.spawn(["delete", "box"], { under: heldAt("unlinkat", it.path("trace")) });
  await isHeld(it, "unlinkat");
  await it.ok(["delete", "--force", "box"]);
  await it.ok(["create", "--bundle", bundle, "box"]);
  const { pid } = await it.state("box");
  await slow.result();
  expect(await it.state("box")).toMatchObject({ pid, status: "created" });
  await it.ok(["start", "box"]);
  await it.ok(["delete", "--force", "box"]);
  expect(isAlive(pid)).toBe(false);
  await expectNothingLeft(it, "two deletes");
});

test("the end of run, when the container has been deleted and its id is used again", async () => {
  using it = new Box();
  const long = it.bundle({ args: ["sleep", "1000"] });
  const run = it.spawn(["run", "--bundle", long, "box"], { under: heldAt("unlinkat", it.path("trace")) });
  await until(() => existsSync(join(it.root, "box/state.json")), "the state");
  await it.becomes("box", "running");
  await it.ok(["delete", "--force", "box"]);
  await it.ok(["create", "--bundle", long, "box"]);
  const { pid } = await it.state("box");
  expect((await run.result()).exitCode).toBe(137);
  expect(await it.state("box")).toMatchObject({ pid, status: "created" });
  await it.ok(["delete", "--force", "box"]);
  await expectNothingLeft(it, "run and delete");
});
