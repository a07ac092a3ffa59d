/** Terminals and pidfds that are handed to the caller's socket; descriptors that the program keeps. */
import { expect } from "bun:test";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { program, requires } from "../../support/skip.ts";
import { box, needs } from "./box.ts";
import { startReceiver } from "./receiver.ts";

const test = requires(...needs, program("python3"));
const it = box();
const terminal = (args: readonly string[], size?: { height: number; width: number }) => ({
  args,
  edit: ({ process }: { process: Record<string, unknown> }) => {
    process.terminal = true;
    if (size !== undefined) process.consoleSize = size;
  },
});

test("create hands the terminal to --console-socket, with consoleSize; the program is its session's leader", async () => {
  const socket = it.path("create.sock");
  await using receiver = await startReceiver("terminal", socket);
  const script = "trap 'exit 3' INT; tty; stty size; read line; echo got $line; while :; do sleep 0.05; done";
  const id = await it.create(terminal(["sh", "-c", script], { height: 41, width: 123 }), ["--console-socket", socket]);
  expect(await receiver.received()).toMatchObject({ rows: 41, columns: 123, tty: true });
  await it.ok(["start", id]);
  await receiver.sees("/dev/pts/0\r\n41 123\r\n");
  receiver.type("a line\n");
  await receiver.sees("got a line\r\n");
  receiver.type("\x03");
  await it.becomes(id, "stopped");
  await it.ok(["delete", id]);
});

test("run and run --detach hand it over too; run has the program's status", async () => {
  for (const flags of [[], ["--detach"]]) {
    const socket = it.path(`run-${flags.length}.sock`);
    await using receiver = await startReceiver("terminal", socket);
    const id = it.id();
    const bundle = it.bundle(terminal(["sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo three; exit 5"]));
    const { exitCode, stdout, stderr } = await it.run([
      "run",
      ...flags,
      "--console-socket",
      socket,
      "--bundle",
      bundle,
      id,
    ]);
    expect([exitCode, stdout, stderr]).toEqual([flags.length === 0 ? 5 : 0, "", ""]);
    await receiver.sees("three\r\n");
    if (flags.length > 0) {
      await it.becomes(id, "stopped");
      await it.ok(["delete", id]);
    }
  }
});

test("exec hands its own terminal over", async () => {
  const id = await it.started();
  for (const flags of [["--tty"], ["--tty", "--detach"]]) {
    const socket = it.path(`exec-${flags.length}.sock`);
    await using receiver = await startReceiver("terminal", socket);
    const command = ["sh", "-c", "tty; test -t 1 && echo yes; exit 6"];
    const { exitCode } = await it.run(["exec", ...flags, "--console-socket", socket, id, ...command]);
    expect(exitCode).toBe(flags.length === 1 ? 6 : 0);
    expect(await receiver.received()).toMatchObject({ tty: true });
    await receiver.sees("/dev/pts/");
    await receiver.sees("yes\r\n");
  }
  await it.ok(["delete", "--force", id]);
});

test("a socket's path may be longer than its address", async () => {
  const folder = it.path(`${"long-".repeat(20)}/${"longer-".repeat(20)}`);
  mkdirSync(folder, { recursive: true });
  await using receiver = await startReceiver("terminal", `${folder}/socket`);
  const id = await it.create(terminal(["echo", "hello"]), ["--console-socket", `${folder}/socket`]);
  await it.ok(["start", id]);
  await receiver.sees("hello");
  await it.ok(["delete", "--force", id]);
});

test("terminal and --console-socket belong together; a socket that is not there is named", async () => {
  const with_ = it.bundle(terminal(["true"]));
  expect(await it.fails(["create", "--bundle", with_, it.id()])).toContain("--console-socket");
  expect(await it.fails(["run", "--detach", "--bundle", with_, it.id()])).toContain("--console-socket");
  expect(await it.fails(["create", "--bundle", it.bundle(), "--console-socket", "/x", it.id()])).toContain(
    "--console-socket",
  );
  const missing = it.path("missing.sock");
  const message = await it.fails(["create", "--bundle", with_, "--console-socket", missing, it.id()]);
  expect(message).toContain(missing);
  const id = await it.started();
  expect(await it.fails(["exec", "--tty", "--detach", id, "true"], 255)).toContain("--console-socket");
  expect(await it.fails(["exec", "--tty", "--console-socket", missing, id, "true"], 255)).toContain(missing);
  await it.ok(["delete", "--force", id]);
  expect(it.left()).toEqual([]);
});

test("run without a socket gives the program its own terminal", async () => {
  const bundle = it.bundle(terminal(["sh", "-c", "tty; stty size; read x; echo got-$x; exit 4"]));
  await using session = it.person.terminal(["oci", "--root", it.root, "run", "--bundle", bundle, it.id()]);
  await session.see(/\/dev\/pts\/0\r\n24 80/);
  session.type("word\r");
  await session.see(/got-word/);
  expect(await session.exited).toBe(4);
  expect(it.left()).toEqual([]);
});

test("exec --tty on a terminal, and on none", async () => {
  const id = await it.started();
  await using session = it.person.terminal(["oci", "--root", it.root, "exec", "-t", id, "sh"]);
  await session.see(/# /);
  session.type("tty; stty size\r");
  await session.see(/\/dev\/pts\/\d+\r\n24 80/);
  session.resize(90, 33);
  session.type("until stty size | grep '33 90'; do sleep 0.05; done\r");
  await session.see(/\n33 90/);
  session.type("exit 8\r");
  expect(await session.exited).toBe(8);
  // a terminal whose output goes to a pipe or a file
  expect(await it.run(["exec", "-t", id, "sh", "-c", "test -t 1 && echo terminal"])).toEqual({
    exitCode: 0,
    stdout: "terminal\r\n",
    stderr: "",
  });
  await it.ok(["delete", "--force", id]);
});

test("--pidfd-socket receives the first process, or that of exec", async () => {
  const socket = it.path("pidfd-create.sock");
  await using receiver = await startReceiver("pidfd", socket);
  const id = await it.create({ args: ["sleep", "1000"] }, ["--pidfd-socket", socket]);
  expect((await receiver.received()).pid).toBe((await it.state(id)).pid);
  await it.ok(["start", id]);
  const other = it.path("pidfd-exec.sock");
  await using second = await startReceiver("pidfd", other);
  const pidFile = it.path("exec-pid");
  await it.ok(["exec", "--detach", "--pidfd-socket", other, "--pid-file", pidFile, id, "sleep", "1000"]);
  expect((await second.received()).pid).toBe(Number(it.read("exec-pid")));
  await it.ok(["delete", "--force", id]);
});

test("--preserve-fds and LISTEN_FDS: so many descriptors are kept, and no other", async () => {
  const files = ["three", "four", "five"].map((name) => openSync(it.path(name), "w"));
  // without a pipe, whose ends the shell has open itself for a while
  const script = "for fd in 3 4 5 6; do (echo $fd >&$fd) 2>/dev/null; done; ls /proc/$$/fd; true";
  const bundle = it.bundle({ args: ["sh", "-c", script] });
  const cases = [
    [["--preserve-fds", "2"], {}, 2],
    [["--preserve-fds=1"], { LISTEN_FDS: "1" }, 2],
    [[], { LISTEN_FDS: "3" }, 3],
    [[], {}, 0],
  ] as const;
  for (const [flags, env, kept] of cases) {
    const names = ["three", "four", "five"];
    const before = names.map((name) => it.read(name));
    const out = await it.ok(["run", ...flags, "--bundle", bundle, it.id()], { fds: files, env });
    expect(names.map((name, index) => it.read(name).slice(before[index]?.length))).toEqual(
      names.map((_, index) => (index < kept ? `${index + 3}\n` : "")),
    );
    expect(out.trim().split("\n")).toEqual(Array.from({ length: 3 + kept }, (_, fd) => String(fd)));
  }
  const id = await it.started();
  const before = it.read("four");
  await it.ok(["exec", "--preserve-fds", "2", id, "sh", "-c", "echo from-exec >&4; ! (echo >&5) 2>/dev/null"], {
    fds: files,
  });
  expect(it.read("four")).toBe(`${before}from-exec\n`);
  await it.ok(["delete", "--force", id]);
  for (const file of files) closeSync(file);
});

test("a program is told of sockets that systemd handed over", async () => {
  const file = openSync(it.path("socket"), "w");
  const bundle = it.bundle({ args: ["sh", "-c", "echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES $$"] });
  const env = { LISTEN_FDS: "1", LISTEN_PID: "77", LISTEN_FDNAMES: "web" };
  expect(await it.ok(["run", "--bundle", bundle, it.id()], { fds: [file], env })).toBe("1 1 web 1\n");
  expect(await it.ok(["run", "--bundle", bundle, it.id()])).toBe("1\n");
  closeSync(file);
});

test("a descriptor to be preserved that is not open is an error, not one of tsbox's own", async () => {
  const id = await it.started();
  for (const count of [1, 2, 3, 9]) {
    const message = `tsbox: cannot preserve ${count} descriptors: 3 is not open`;
    expect(await it.fails(["run", "--preserve-fds", String(count), "--bundle", it.bundle(), it.id()])).toBe(message);
    expect(await it.fails(["exec", `--preserve-fds=${count}`, id, "true"], 255)).toBe(message);
  }
  const file = openSync(it.path("one"), "w");
  const fds = { fds: [file] };
  expect(await it.fails(["exec", "--preserve-fds=2", id, "true"], 255, fds)).toContain("4 is not open");
  expect(await it.fails(["exec", "--preserve-fds=-1", id, "true"], 255, fds)).toContain("--preserve-fds=-1");
  await it.ok(["delete", "--force", id]);
  expect(it.left()).toEqual([]);
  closeSync(file);
});
