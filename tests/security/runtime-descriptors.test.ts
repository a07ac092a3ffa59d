/** Ways out of a container by what the runtime, or its caller, has open: as working folder, as program, or found in /proc. */
import { expect } from "bun:test";
import { closeSync, copyFileSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { box, test, until } from "../runtime/lifecycle/box.ts";
import { BUSYBOX } from "../support/busybox-image.ts";
import { TSBOX } from "../support/tsbox.ts";
import { watcher } from "./support/watcher.ts";

const it = box();
const NUMBERS = Array.from({ length: 22 }, (_, i) => i + 3);

/** Opens a folder of the host as the lowest free descriptors of the command, as careless callers do. */
async function withFolder<T>(body: (fd: number) => Promise<T>): Promise<T> {
  const fd = openSync("/", "r");
  try {
    return await body(fd);
  } finally {
    closeSync(fd);
  }
}

/** A program that is on the host only, by its path from the host's root. */
function hostProgram(): string {
  const path = it.path("host-program");
  copyFileSync(BUSYBOX, path);
  return path;
}

test("CVE-2024-21626: no descriptor is a working folder outside, in run, create and exec", async () => {
  const running = await it.started();
  await withFolder(async (fd) => {
    for (const number of NUMBERS) {
      const cwd = `/proc/self/fd/${number}`;
      const args = ["sh", "-c", "ls -d ../../../../../../etc/shadow"];
      const bundle = it.bundle({
        args,
        edit: (config) => {
          config.process.cwd = cwd;
        },
      });
      const run = await it.run(["run", "--bundle", bundle, it.id()], { fds: [fd] });
      expect([number, run.exitCode === 0, run.stdout]).toEqual([number, false, ""]);
      const exec = await it.run(["exec", "--cwd", cwd, running, ...args], { fds: [fd] });
      expect([number, exec.exitCode === 0, exec.stdout]).toEqual([number, false, ""]);
    }
  });
  await it.ok(["delete", "--force", running]);
});

test("CVE-2024-21626: no program of the host is run through a descriptor, in run, create and exec", async () => {
  const running = await it.started();
  const program = hostProgram();
  await withFolder(async (fd) => {
    for (const number of NUMBERS) {
      const args = [`/proc/self/fd/${number}${program}`, "echo", "the host's"];
      expect([number, await it.fails(["run", "--bundle", it.bundle({ args }), it.id()], 1, { fds: [fd] })]).toEqual([
        number,
        expect.stringContaining("no such file"),
      ]);
      expect([number, await it.fails(["exec", running, ...args], 255, { fds: [fd] })]).toEqual([
        number,
        expect.stringContaining("no such file"),
      ]);
    }
  });
  await it.ok(["delete", "--force", running]);
});

test("CVE-2024-21626: the program has no descriptor but its own three, whatever the caller had open", async () => {
  const list = ["sh", "-c", "ls /proc/$$/fd; true"];
  const running = await it.started();
  await withFolder(async (fd) => {
    const fds = [fd, fd, fd];
    expect(await it.ok(["run", "--bundle", it.bundle({ args: list }), it.id()], { fds })).toBe("0\n1\n2\n");
    expect(await it.ok(["exec", running, ...list], { fds })).toBe("0\n1\n2\n");
    expect(await it.ok(["exec", "--preserve-fds", "1", running, ...list], { fds })).toBe("0\n1\n2\n3\n");
  });
  await it.ok(["delete", "--force", running]);
});

test("a created container holds no folder of the host's while it waits", async () => {
  const id = await it.create();
  const { pid } = await it.state(id);
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  const [files, others] = [targets.filter((path) => path.startsWith("/")), targets.filter((path) => path[0] !== "/")];
  // its standard streams, the fifo on which it waits, and where it says what failed
  const outputs = files.filter((path) => /\/call-\d+\.(out|err)$/.test(path));
  expect(files.filter((path) => !outputs.includes(path)).sort()).toEqual([
    "/dev/null",
    `${it.root}/${id}/report`,
    `${it.root}/${id}/start`,
  ]);
  expect(others.every((path) => path.startsWith("pipe:"))).toBe(true);
  await it.ok(["delete", "--force", id]);
});

test("CVE-2019-5736: a container cannot write to the runtime, by exec's /proc/PID/exe or as its own program", async () => {
  const digest = () => new Bun.CryptoHasher("sha256").update(readFileSync(TSBOX)).digest("hex");
  const before = digest();
  const script = `
    while :; do
      for p in /proc/[0-9]*; do
        (echo x > $p/exe) 2> /dev/null && echo written $(cat $p/comm)
        (echo x >> $p/exe) 2> /dev/null && echo appended $(cat $p/comm)
      done
    done`;
  const id = it.id();
  const attacker = it.spawn(["run", "--bundle", it.bundle({ args: ["sh", "-c", script] }), id]);
  await until(async () => it.left().includes(id) && (await it.status(id)) === "running", "the container");
  for (let i = 0; i < 20; i++) await it.run(["exec", id, "true"]);
  // the program is the runtime's own, which is not there
  for (const program of ["/proc/self/exe", "/proc/1/exe"]) await it.run(["exec", id, program, "--version"]);
  await it.ok(["kill", id, "KILL"]);
  await attacker.result();
  expect(attacker.output()).toBe("");
  const own = await it.run(["run", "--bundle", it.bundle({ args: ["/proc/self/exe", "--version"] }), it.id()]);
  expect([own.exitCode === 0, own.stdout]).toEqual([false, ""]);
  expect(digest()).toBe(before);
});

test("what a caller keeps open for exec is not there for the container while it joins", async () => {
  const id = it.id();
  const bundle = it.bundle({ args: watcher("sleep") });
  const container = it.spawn(["run", "--bundle", bundle, id]);
  await until(async () => it.left().includes(id) && (await it.status(id)) === "running", "the container");
  await withFolder(async (fd) => {
    for (let i = 0; i < 30; i++) await it.ok(["exec", "--preserve-fds", "1", id, "sleep", "0.01"], { fds: [fd] });
  });
  await it.ok(["kill", id, "KILL"]);
  await container.result();
  expect(container.output()).not.toContain("took");
});
