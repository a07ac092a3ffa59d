/** create, start, the end and delete, in their order and out of it. runtime-spec runtime.md, "Operations" */
import { expect } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { box, isAlive, test, until } from "./box.ts";

const it = box();
const COMMANDS = ["start", "state", "kill", "delete", "ps", "pause", "resume", "exec", "update", "events"];

function operands(command: string, id: string): string[] {
  if (command === "exec") return [command, id, "true"];
  if (command === "update") return [command, "--pids-limit", "10", id];
  return [command, id];
}

test("created, running, stopped, gone", async () => {
  const bundle = it.bundle({ args: ["sh", "-c", "echo program > /tmp/ran; sleep 1000"] });
  const id = it.id();
  expect(await it.run(["create", "--bundle", bundle, id])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const created = await it.state(id);
  expect([created.status, isAlive(created.pid)]).toEqual(["created", true]);
  await Bun.sleep(50);
  expect(existsSync(`${bundle}/rootfs/tmp/ran`)).toBe(false);
  expect(await it.run(["start", id])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(await it.state(id)).toEqual({ ...created, status: "running" });
  await until(() => existsSync(`${bundle}/rootfs/tmp/ran`), "the program");
  expect(await it.run(["kill", id, "KILL"])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  await it.becomes(id, "stopped");
  expect(await it.state(id)).toEqual({ ...created, pid: 0, status: "stopped" });
  expect(await it.run(["delete", id])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(it.left()).not.toContain(id);
  // an id may be used again
  await it.ok(["create", "--bundle", bundle, id]);
  await it.ok(["delete", "--force", id]);
});

test("what changes in config.json after create changes nothing", async () => {
  const bundle = it.bundle({ args: ["touch", "/tmp/before"] });
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  writeFileSync(`${bundle}/config.json`, "{}");
  await it.ok(["start", id]);
  await it.becomes(id, "stopped");
  expect(existsSync(`${bundle}/rootfs/tmp/before`)).toBe(true);
  await it.ok(["delete", id]);
});

test("a second start, and one after the end, are refused and change nothing", async () => {
  const id = await it.started();
  const before = await it.state(id);
  expect(await it.fails(["start", id])).toContain("cannot start container");
  expect(await it.state(id)).toEqual(before);
  await it.ok(["kill", id, "9"]);
  await it.becomes(id, "stopped");
  expect(await it.fails(["start", id])).toContain("container not running");
  await it.ok(["delete", id]);
});

test("of starts at once exactly one succeeds", async () => {
  for (let round = 0; round < 5; round++) {
    const id = await it.create({ args: ["sh", "-c", "echo started >> /tmp/starts; sleep 1000"] });
    const all = await Promise.all([1, 2, 3, 4].map(() => it.run(["start", id])));
    expect(all.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1, 1, 1]);
    expect(await it.status(id)).toBe("running");
    await it.ok(["delete", "--force", id]);
  }
});

test("of creates at once exactly one succeeds, and the others leave it alone", async () => {
  for (let round = 0; round < 5; round++) {
    const bundle = it.bundle({ args: ["sleep", "1000"] });
    const id = it.id();
    const all = await Promise.all([1, 2, 3, 4].map(() => it.run(["create", "--bundle", bundle, id])));
    expect(all.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1, 1, 1]);
    for (const { exitCode, stderr } of all) if (exitCode === 1) expect(stderr).toContain("already exists");
    await it.ok(["start", id]);
    expect(await it.status(id)).toBe("running");
    await it.ok(["delete", "--force", id]);
  }
});

test("delete of one that runs is refused; with --force it ends", async () => {
  const id = await it.started();
  const { pid } = await it.state(id);
  expect(await it.fails(["delete", id])).toContain("not stopped");
  expect([await it.status(id), isAlive(pid)]).toEqual(["running", true]);
  await it.ok(["delete", "--force", id]);
  expect([isAlive(pid), it.left().includes(id)]).toEqual([false, false]);
});

test("delete of one that was never started ends what waits", async () => {
  const id = await it.create();
  const { pid } = await it.state(id);
  await it.ok(["delete", id]);
  expect([isAlive(pid), it.left().includes(id)]).toEqual([false, false]);
});

test("a created container can be killed", async () => {
  const id = await it.create();
  await it.ok(["kill", id, "SIGKILL"]);
  await it.becomes(id, "stopped");
  expect(await it.fails(["start", id])).toContain("container not running");
  await it.ok(["delete", id]);
});

test("kill: by name, number and default; a stopped one is not running", async () => {
  const trap =
    'for s in TERM USR1 HUP; do trap "echo $s >> /tmp/got" $s; done; touch /tmp/ready; while :; do sleep 0.01; done';
  const bundle = it.bundle({ args: ["sh", "-c", trap] });
  const id = it.id();
  await it.ok(["create", "--bundle", bundle, id]);
  await it.ok(["start", id]);
  const got = () =>
    existsSync(`${bundle}/rootfs/tmp/got`) ? it.read(`${bundle.split("/").at(-1)}/rootfs/tmp/got`) : "";
  await until(() => existsSync(`${bundle}/rootfs/tmp/ready`), "the traps");
  let expected = "";
  for (const [operand, name] of [
    [[], "TERM"],
    [["10"], "USR1"],
    [["SIGHUP"], "HUP"],
    [["usr1"], "USR1"],
  ] as const) {
    await it.ok(["kill", id, ...operand]);
    expected += `${name}\n`;
    await until(() => got() === expected, `the signal ${name}, not ${JSON.stringify(got())}`);
  }
  expect(await it.fails(["kill", id, "NOSUCH"])).toContain('"NOSUCH"');
  expect(await it.fails(["kill", id, "65"])).toContain('"65"');
  await it.ok(["kill", id, "KILL"]);
  await it.becomes(id, "stopped");
  expect(await it.fails(["kill", id, "KILL"])).toContain("container not running");
  // whoever wants all to be gone has that
  await it.ok(["kill", "--all", id, "KILL"]);
  await it.ok(["delete", id]);
});

test("an unknown id does not exist, for every command", async () => {
  for (const command of COMMANDS)
    expect([command, await it.fails(operands(command, "unknown"), command === "exec" ? 255 : 1)]).toEqual([
      command,
      expect.stringContaining('container "unknown" does not exist'),
    ]);
  await it.ok(["delete", "--force", "unknown"]);
});

test("an id is a name, for every command", async () => {
  for (const id of [".", "..", "a/b", "../box", "a b", "a\n", "ä", "a".repeat(1025)]) {
    const bundle = it.bundle();
    expect(await it.fails(["create", "--bundle", bundle, id])).toContain("invalid container id");
    for (const command of COMMANDS)
      expect([id, command, await it.fails(operands(command, id), command === "exec" ? 255 : 1)]).toEqual([
        id,
        command,
        expect.stringContaining("invalid container id"),
      ]);
    expect(await it.fails(["delete", "--force", id])).toContain("invalid container id");
  }
  expect(await it.fails(["create", "--bundle", it.bundle(), ""])).toContain("no container id");
  expect(await it.fails(["start"])).toContain("no container id");
  for (const id of ["a", "A_b+c-d.e", "a".repeat(255), "...", "-x"]) {
    await it.ok(["create", "--bundle", it.bundle(), "--", id]);
    await it.ok(["delete", "--force", "--", id]);
  }
});

test("an id that is used already", async () => {
  const id = await it.create();
  const before = await it.state(id);
  expect(await it.fails(["create", "--bundle", it.bundle(), id])).toContain(`container with id "${id}" already exists`);
  expect(await it.state(id)).toEqual(before);
  await it.ok(["delete", "--force", id]);
});

test("the end of the first process is the end of all others", async () => {
  const id = await it.started({ args: ["sh", "-c", "sleep 1000 & sleep 1001 & sleep 0.2"] });
  const { pid } = await it.state(id);
  await it.becomes(id, "stopped");
  expect(isAlive(pid)).toBe(false);
  await it.ok(["delete", id]);
});
