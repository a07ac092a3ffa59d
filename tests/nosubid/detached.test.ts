/** Containers that stay, of a person without subordinate ids: there is one user inside, root, and all files are that person's. */
import { expect } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { Host, isProcess, until } from "../integration/detached/host.ts";
import { busybox } from "../support/busybox-image.ts";
import { executable, requires, userNamespaces } from "../support/skip.ts";

const test = requires(executable, busybox, userNamespaces);

test("run -d, exec, logs, top, stop, start again, what was changed is still there", async () => {
  using host = new Host();
  await host.start(
    ["--name", "box", "--stop-signal", "USR1"],
    ["sh", "-c", "trap 'echo bye; exit 4' USR1; echo up $(id -u); while :; do sleep 0.05; done"],
  );
  await until("it is up", async () => (await host.ok(["logs", "box"])) === "up 0\n");
  expect(
    readFileSync(`/proc/${host.pid("box")}/uid_map`, "utf8")
      .trim()
      .split(/\s+/),
  ).toEqual(["0", String(process.getuid?.()), "1"]);
  expect(await host.ok(["exec", "-e", "A=b", "box", "sh", "-c", "echo $A > /root/kept; id -u"])).toBe("0\n");
  // who is not there cannot be
  expect(await host.run(["exec", "-u", "1000", "box", "true"])).toMatchObject({
    exitCode: 125,
    stderr: expect.stringMatching(/^tsbox: cannot run as uid 1000: .*\n$/),
  });
  expect(await host.ok(["top", "box"])).toContain("sleep 0.05");
  expect(await host.ok(["stop", "box"])).toBe("box\n");
  expect(await host.ok(["ps", "-a", "--format", "{{.Names}} {{.Status}}"])).toMatch(/^box Exited \(4\)/);
  await host.ok(["start", "box"]);
  expect(await host.ok(["exec", "box", "cat", "/root/kept"])).toBe("b\n");
  await until("it is up again", async () => (await host.ok(["logs", "box"])) === "up 0\nbye\nup 0\n");
  process.kill(host.monitor("box"), "SIGKILL");
  await until("it is gone with its monitor", () => !isProcess(host.pid("box")));
  await host.ok(["start", "box"]);
  expect(await host.ok(["exec", "box", "cat", "/root/kept"])).toBe("b\n");
});

test("cp goes both ways; what is copied in is root's inside and the person's outside", async () => {
  using host = new Host();
  await host.start(["--name", "box"], ["sleep", "1000"]);
  await Bun.write(host.folder.join("in"), "data");
  await host.ok(["cp", host.folder.join("in"), "box:/etc/in"]);
  expect(await host.ok(["exec", "box", "stat", "-c", "%u:%g", "/etc/in"])).toBe("0:0\n");
  await host.ok(["exec", "box", "sh", "-c", "mkdir /d; echo deep > /d/file; ln -s file /d/link"]);
  for (const running of [true, false]) {
    if (!running) await host.ok(["stop", "-t", "0", "box"]);
    const out = host.folder.join(`out-${running}`);
    await host.ok(["cp", "box:/d", out]);
    expect(readFileSync(`${out}/link`, "utf8")).toBe("deep\n");
    expect(statSync(`${out}/file`).uid).toBe(process.getuid?.() ?? -1);
    expect(await host.run(["diff", "box"])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("A /d/file"),
    });
  }
  // into one that does not run, to be found when it does
  await host.ok(["cp", host.folder.join("in"), "box:/etc/later"]);
  await host.ok(["start", "box"]);
  expect(await host.ok(["exec", "box", "cat", "/etc/later"])).toBe("data");
});

test("commit keeps what was changed and whose the image's files are", async () => {
  using host = new Host();
  await host.start(["--name", "box"], ["sh", "-c", "echo new > /etc/new; rm /etc/group; sleep 1000"]);
  await until(
    "it has written",
    async () => (await host.run(["exec", "box", "test", "!", "-e", "/etc/group"])).exitCode === 0,
  );
  await host.ok(["commit", "-c", "CMD cat /etc/new", "box", "changed:1"]);
  expect(await host.ok(["run", "--rm", "--network=none", "changed:1"])).toBe("new\n");
  expect(await host.run(["run", "--rm", "--network=none", "changed:1", "cat", "/etc/group"])).toMatchObject({
    exitCode: 1,
  });
});

test("a volume outlives its container, and several that run share it", async () => {
  using host = new Host();
  for (const name of ["one", "two"]) await host.start(["--name", name, "-v", "data:/data"], ["sleep", "1000"]);
  await host.ok(["exec", "one", "sh", "-c", "echo word > /data/file"]);
  expect(await host.ok(["exec", "two", "cat", "/data/file"])).toBe("word\n");
  expect((await host.run(["volume", "rm", "data"])).exitCode).not.toBe(0);
  await host.ok(["rm", "-f", "one", "two"]);
  expect(await host.ok(["run", "--rm", "--network=none", "-v", "data:/data", host.image, "cat", "/data/file"])).toBe(
    "word\n",
  );
  await host.ok(["volume", "rm", "data"]);
});
