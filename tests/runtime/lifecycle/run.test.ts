/** `run` of a bundle, and what tsbox tells in its log. */
import { expect } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { box, isAlive, test, until } from "./box.ts";
import { expectNothingLeft } from "./leftovers.ts";

const it = box();

test("the foreground: its output and its status, and nothing stays", async () => {
  for (const status of [0, 1, 77, 255]) {
    const bundle = it.bundle({ args: ["sh", "-c", `echo out; echo err >&2; exit ${status}`] });
    expect(await it.run(["run", "--bundle", bundle, it.id()])).toEqual({
      exitCode: status,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(it.left()).toEqual([]);
  }
  const bundle = it.bundle({ args: ["cat"] });
  expect(await it.ok(["run", "--bundle", bundle, it.id()], { stdin: "through" })).toBe("through");
  await expectNothingLeft(it, "run");
});

test("a signal ends it with 128 and its number", async () => {
  const bundle = it.bundle({ args: ["sleep", "1000"] });
  const id = it.id();
  const call = it.spawn(["run", "--bundle", bundle, id]);
  await until(async () => existsSync(`${it.root}/${id}`) && (await it.status(id)) === "running", "the program");
  await it.ok(["kill", id, "KILL"]);
  expect((await call.result()).exitCode).toBe(137);
  await expectNothingLeft(it, "run");
});

test("signals to tsbox reach the program", async () => {
  const script =
    "for s in TERM INT HUP USR1 QUIT; do trap \"echo $s\" $s; done; trap 'exit 12' USR2; echo ready; while :; do sleep 0.02; done";
  const call = it.spawn(["run", "--bundle", it.bundle({ args: ["sh", "-c", script] }), it.id()]);
  let expected = "ready\n";
  await until(() => call.output() === expected, "the program");
  for (const signal of ["TERM", "INT", "HUP", "USR1", "QUIT"] as const) {
    call.child.kill(`SIG${signal}`);
    expected += `${signal}\n`;
    await until(() => call.output() === expected, `${signal} after ${JSON.stringify(call.output())}`);
  }
  call.child.kill("SIGUSR2");
  expect(await call.result()).toEqual({ exitCode: 12, stdout: expected, stderr: "" });
  await expectNothingLeft(it, "run");
});

test("--detach returns when the program runs; its end leaves it stopped", async () => {
  const bundle = it.bundle({ args: ["sh", "-c", "sleep 0.3; exit 3"] });
  const id = it.id();
  expect(await it.run(["run", "--detach", "--bundle", bundle, id])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  expect(await it.status(id)).toBe("running");
  await it.becomes(id, "stopped");
  await it.ok(["delete", id]);
});

test("--keep leaves the state", async () => {
  const id = it.id();
  expect((await it.run(["run", "--keep", "--bundle", it.bundle({ args: ["sh", "-c", "exit 4"] }), id])).exitCode).toBe(
    4,
  );
  expect(await it.state(id)).toMatchObject({ id, status: "stopped", pid: 0 });
  await it.ok(["delete", id]);
});

test("a running one can be deleted by somebody else, and run ends", async () => {
  const id = it.id();
  const call = it.spawn(["run", "--bundle", it.bundle({ args: ["sleep", "1000"] }), id]);
  await until(async () => existsSync(`${it.root}/${id}`) && (await it.status(id)) === "running", "the program");
  await it.ok(["delete", "--force", id]);
  expect((await call.result()).exitCode).toBe(137);
  await expectNothingLeft(it, "run");
});

test("tsbox killed: the container ends with it, and delete clears up", async () => {
  const id = it.id();
  const call = it.spawn(["run", "--bundle", it.bundle({ args: ["sleep", "1000"] }), id]);
  await until(async () => existsSync(`${it.root}/${id}`) && (await it.status(id)) === "running", "the program");
  const { pid } = await it.state(id);
  call.child.kill("SIGKILL");
  await until(() => !isAlive(pid), "the container's end");
  expect(await it.status(id)).toBe("stopped");
  await it.ok(["delete", id]);
  await expectNothingLeft(it, "run");
});

test("--log has what went wrong as its last line, in both formats; success writes none", async () => {
  const log = it.path("log");
  for (const format of ["json", "text"] as const) {
    const flags = ["--log", log, "--log-format", format];
    rmSync(log, { force: true });
    await it.ok([...flags, "run", "--bundle", it.bundle(), it.id()]);
    expect(existsSync(log) ? it.read("log") : "").toBe("");
    const failures = [
      // by TypeScript, by native before the container is there, and by native in it
      [["state", "unknown"], 'container "unknown" does not exist'],
      [
        ["create", "--bundle", it.bundle(), "--pid-file", "/no/such/pid", it.id()],
        "cannot write /no/such/pid: no such file or directory",
      ],
      [
        ["create", "--bundle", it.bundle({ args: ["no-such"] }), it.id()],
        'cannot run "no-such": executable file not found in $PATH',
      ],
    ] as const;
    for (const [index, [args, message]] of failures.entries()) {
      expect(await it.fails([...flags, ...args])).toBe(`tsbox: ${message}`);
      const lines = it.read("log").trim().split("\n");
      expect(lines).toHaveLength(index + 1);
      const last = lines.at(-1) ?? "";
      if (format === "json") {
        const entry = JSON.parse(last);
        expect(entry).toEqual({ level: "error", msg: message, time: expect.any(String) });
        expect(Math.abs(Date.parse(entry.time) - Date.now())).toBeLessThan(60_000);
      } else expect(last).toMatch(/^time="[^"]+" level=error msg=/);
      if (format === "text") expect(last).toEndWith(`msg=${JSON.stringify(message)}`);
    }
  }
  // a log that cannot be written does not hide the failure
  expect(await it.fails(["--log", "/no/such/log", "state", "unknown"])).toContain("does not exist");
});
