/** `tsbox exec`: other programs in a container that runs. */
import { expect } from "bun:test";
import { busybox } from "../../support/busybox-image.ts";
import { executable, requires, subordinateIds, userNamespaces } from "../../support/skip.ts";
import { Host, until } from "./host.ts";

const it = requires(executable, busybox, userNamespaces, subordinateIds);
const FOREVER = ["sleep", "1000"];

async function box(flags: readonly string[] = []): Promise<Host> {
  const host = new Host();
  await host.start(["--name", "box", ...flags], FOREVER);
  return host;
}

it("has the container's namespaces, capabilities, filter and environment", async () => {
  using host = await box(["-e", "OF=container", "-w", "/tmp", "--cap-drop=ALL"]);
  const facts =
    "readlink /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/user /proc/self/ns/net /proc/self/ns/cgroup; grep -E 'Cap|NoNew|^Seccomp:' /proc/self/status; pwd; echo $OF $HOME $PATH";
  const theirs = await host.ok(["exec", "box", "sh", "-c", facts]);
  const first = await host.ok(["exec", "box", "sh", "-c", facts.replaceAll("/proc/self", "/proc/1")]);
  expect(theirs).toBe(first);
  expect(theirs).toContain("CapEff:\t0000000000000000");
  expect(theirs).toContain("Seccomp:\t2");
  expect(theirs).toContain("/tmp\ncontainer /root");
});

it("its exit status, streams and signals are the program's", async () => {
  using host = await box();
  expect(await host.run(["exec", "box", "sh", "-c", "echo out; echo err >&2; exit 3"])).toEqual({
    exitCode: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect(await host.run(["exec", "-i", "box", "cat"], { stdin: "in" })).toMatchObject({ stdout: "in" });
  expect(await host.run(["exec", "box", "cat"], { stdin: "in" })).toMatchObject({ exitCode: 0, stdout: "" });
  expect((await host.run(["exec", "box", "sh", "-c", "kill -9 $$"])).exitCode).toBe(137);
  expect((await host.run(["exec", "box", "nosuch"])).exitCode).toBe(127);
  expect((await host.run(["exec", "box", "/etc/passwd"])).exitCode).toBe(126);
  const child = host.spawn(["exec", "box", "sh", "-c", "trap 'exit 8' TERM; echo ready; while :; do sleep 0.05; done"]);
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(8);
});

it("-u, -e, -w, --env-file, --privileged", async () => {
  using host = await box();
  await Bun.write(host.folder.join("env"), "# comment\nB=2\n");
  const script = "id -u; id -g; id -G; pwd; echo $A$B $HOME";
  expect(
    await host.ok([
      "exec",
      "-u",
      "guest",
      "-e",
      "A=1",
      "--env-file",
      host.folder.join("env"),
      "-w",
      "/home",
      "box",
      "sh",
      "-c",
      script,
    ]),
  ).toBe("1000\n1000\n1000 100\n/home\n12 /home/guest\n");
  expect(await host.ok(["exec", "-u", "7:8", "box", "sh", "-c", "id -u; id -g"])).toBe("7\n8\n");
  // users are looked up in the container as it is now
  await host.ok(["exec", "box", "sh", "-c", "echo late:x:77:78::/tmp:/bin/sh >>/etc/passwd"]);
  expect(await host.ok(["exec", "-u", "late", "box", "id", "-u"])).toBe("77\n");
  expect(await host.run(["exec", "-u", "nobody2", "box", "true"])).toMatchObject({
    exitCode: 126,
    stderr: expect.stringContaining("nobody2"),
  });
  expect(await host.run(["exec", "--env-file", "/no/env", "box", "true"])).toMatchObject({
    stderr: "tsbox: cannot read --env-file /no/env: no such file or directory\n",
  });
  expect(await host.ok(["exec", "--privileged", "box", "grep", "CapEff", "/proc/self/status"])).toMatch(
    /CapEff:\t0*[1-9a-f]f+\n/,
  );
});

it("-d does not wait, and the program goes on", async () => {
  using host = await box();
  expect(
    await host.ok(["exec", "-d", "box", "sh", "-c", "echo dropped; sleep 0.2; echo made >/tmp/made; sleep 1000"]),
  ).toBe("");
  await until("it has gone on", async () => (await host.run(["exec", "box", "cat", "/tmp/made"])).stdout === "made\n");
});

it("needs a container that runs, by tsbox or anybody", async () => {
  using host = await box();
  await host.ok(["stop", "-t", "0", "box"]);
  expect(await host.run(["exec", "box", "true"])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("not running"),
  });
  expect(await host.run(["exec", "nosuch", "true"])).toMatchObject({ exitCode: 1 });
  expect((await host.run(["exec", "box"])).exitCode).toBe(125);
});

it("into one that runs in the foreground", async () => {
  using host = new Host();
  const child = host.spawn([
    "run",
    "--rm",
    "--network=none",
    "--name",
    "front",
    host.image,
    "sh",
    "-c",
    "echo up; sleep 1000",
  ]);
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("up\n");
  expect(await host.ok(["exec", "front", "echo", "hi"])).toBe("hi\n");
  await host.ok(["stop", "-t", "0", "front"]);
  expect(await child.exited).toBe(137);
});
