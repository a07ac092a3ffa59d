/** What is kept and written on the host for containers of bundles: states, logs, pid files, cgroups; and who could have a hand in it. */
import { expect } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { box, test } from "../runtime/lifecycle/box.ts";

const it = box();

const BAD_IDS = ["..", ".", "", "../x", "a/b", "/etc", "a b", "a\nb", "a:", "ü", "a".repeat(1025), "seccomp:compiled"];

test("crun 1.28: an id that is a path, or has odd characters, is refused by every command", async () => {
  const victim = it.path("victim");
  mkdirSync(victim, { recursive: true });
  writeFileSync(join(victim, "state.json"), "{}");
  const bundle = it.bundle();
  for (const id of [...BAD_IDS, "../victim"]) {
    for (const command of [
      ["create", "--bundle", bundle, id],
      ["run", "--bundle", bundle, id],
      ["start", id],
      ["state", id],
      ["kill", id],
      ["delete", "--force", id],
      ["exec", id, "true"],
      ["pause", id],
      ["ps", id],
      ["update", "--pids-limit", "5", id],
    ]) {
      const { exitCode, stdout, stderr } = await it.run(command);
      expect([command[0], id, exitCode === 0, stdout]).toEqual([command[0], id, false, ""]);
      expect(stderr).toMatch(/container id/);
    }
  }
  expect(readdirSync(victim)).toEqual(["state.json"]);
  expect(it.left()).toEqual([]);
});

test("a cgroup path that leads up, or names a file of the kernel, is refused", async () => {
  for (const path of ["../escaped", "/../../escaped", "a/../../../b", "cgroup.procs", "a/cgroup.kill", "a\nb"]) {
    const bundle = it.bundle({
      edit: (config) => {
        config.linux.cgroupsPath = path;
      },
    });
    const { exitCode, stderr } = await it.run(["run", "--bundle", bundle, it.id()]);
    expect([path, exitCode]).toEqual([path, 1]);
    expect(stderr).toContain("cgroupsPath");
  }
  const id = await it.started();
  for (const path of ["..", "../..", "a/../..", "memory:../x"])
    expect(await it.fails(["exec", "--cgroup", path, id, "true"], 255)).toContain("--cgroup");
  await it.ok(["delete", "--force", id]);
  expect(it.left()).toEqual([]);
});

test("a pid file replaces a link that somebody put there, and writes to nothing else", async () => {
  const victim = it.path("pid-victim");
  writeFileSync(victim, "untouched");
  const folder = it.path("pids");
  mkdirSync(folder);
  const [soft, hard] = [join(folder, "soft"), join(folder, "hard")];
  const links = () => {
    for (const path of [soft, hard]) rmSync(path, { force: true });
    symlinkSync(victim, soft);
    linkSync(victim, hard);
  };
  for (const path of [soft, hard]) {
    links();
    const id = await it.create({ args: ["sleep", "1000"] }, ["--pid-file", path]);
    expect([lstatSync(path).isFile(), readFileSync(path, "utf8")]).toEqual([true, String((await it.state(id)).pid)]);
    await it.ok(["start", id]);
    links();
    await it.ok(["exec", "--detach", "--pid-file", path, id, "sleep", "1000"]);
    expect([lstatSync(path).isFile(), Number(readFileSync(path, "utf8")) > 1]).toEqual([true, true]);
    await it.ok(["delete", "--force", id]);
  }
  expect(readFileSync(victim, "utf8")).toBe("untouched");
  expect(readdirSync(folder).sort()).toEqual(["hard", "soft"]);
});

test("the log has one line for each failure, whatever the names in it are; a link is followed as the caller's own", async () => {
  const log = it.path("log");
  const forged = 'x"\n{"level":"error","msg":"forged"}\n';
  const bundle = it.bundle({ args: [forged] });
  await it.run(["--log", log, "--log-format", "json", "run", "--bundle", bundle, it.id()]);
  const id = await it.started();
  await it.run(["--log", log, "--log-format", "json", "exec", id, forged]);
  await it.ok(["delete", "--force", id]);
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  const messages = lines.map((line) => JSON.parse(line).msg);
  expect(messages.length).toBe(2);
  for (const message of messages) expect(message).toStartWith("cannot run");
  const text = it.path("text-log");
  await it.run(["--log", text, "run", "--bundle", bundle, it.id()]);
  expect(readFileSync(text, "utf8").trimEnd().split("\n").length).toBe(1);
});

test("states that everybody could have written are refused: nothing of theirs is run or removed", async () => {
  const folder = it.path("open-root");
  const marker = it.path("forged-hook-ran");
  const id = await it.started();
  mkdirSync(folder);
  const root = join(folder, "state");
  cpSync(join(it.root, id), join(root, id), { recursive: true, filter: (path) => !path.endsWith("/start") });
  // as an attacker would write it: a hook that the victim runs
  const record = JSON.parse(readFileSync(join(root, id, "state.json"), "utf8"));
  record.config.hooks = { poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran > ${marker}`] }] };
  record.pid = 999_999_999;
  const forge = () => writeFileSync(join(root, id, "state.json"), JSON.stringify(record));
  forge();
  const commands = [["state"], ["start"], ["kill"], ["delete"], ["delete", "--force"], ["ps"], ["pause"]];
  const calls = [
    ...commands.map((command) => [...command, id]),
    ["exec", id, "true"],
    ["create", "--bundle", it.bundle(), "new"],
  ];
  for (const open of [root, join(root, id)]) {
    chmodSync(root, 0o700);
    chmodSync(join(root, id), 0o700);
    chmodSync(open, 0o777);
    for (const command of calls) {
      if (open !== root && command[0] === "create") continue;
      const { exitCode, stderr } = await it.run(["--root", root, ...command]);
      expect([command[0], exitCode === 0, stderr]).toEqual([command[0], false, expect.stringContaining("everybody")]);
    }
    expect(existsSync(join(root, id, "state.json"))).toBe(true);
  }
  expect(existsSync(marker)).toBe(false);
  // where only the owner of an entry may replace it, as in /tmp, it is the owner's
  chmodSync(root, 0o1777);
  chmodSync(join(root, id), 0o700);
  expect((await it.run(["--root", root, "delete", "--force", id])).exitCode).toBe(0);
  expect(existsSync(marker)).toBe(true);
  await it.ok(["delete", "--force", id]);
});

test("states, and what they hold, are for their owner only", async () => {
  const id = await it.create();
  for (const name of ["", id, `${id}/start`, `${id}/report`]) {
    const { mode } = lstatSync(join(it.root, name));
    expect([name, mode & 0o077]).toEqual([name, 0]);
  }
  await it.ok(["delete", "--force", id]);
});

test("a compiled filter that another could have written is not loaded", async () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
  };
  const options = {
    args: ["sh", "-c", "busybox mkdir /tmp/made && echo made"],
    edit: (config: { linux: Record<string, unknown> }) => {
      config.linux.seccomp = seccomp;
    },
  };
  const run = async () => (await it.run(["run", "--bundle", it.bundle(options), it.id()])).stdout;
  expect(await run()).toBe("");
  const folder = join(it.root, "seccomp:compiled");
  const [name = ""] = readdirSync(folder);
  const cached = join(folder, name);
  const honest = readFileSync(cached);
  // flags, and one instruction: BPF_RET | BPF_K, SECCOMP_RET_ALLOW
  const lenient = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
  const elsewhere = it.path("lenient");
  writeFileSync(elsewhere, lenient);
  const forgeries: (() => void)[] = [
    () => {
      writeFileSync(cached, lenient);
      chmodSync(cached, 0o666);
    },
    () => {
      writeFileSync(cached, lenient);
      chmodSync(cached, 0o620);
    },
    () => symlinkSync(elsewhere, cached),
    () => writeFileSync(cached, lenient.subarray(0, 12)),
    () => writeFileSync(cached, new Uint8Array(100_000)),
    () => mkdirSync(cached),
  ];
  for (const [index, forge] of forgeries.entries()) {
    rmSync(cached, { recursive: true, force: true });
    forge();
    expect([index, await run()]).toEqual([index, ""]);
  }
  rmSync(cached, { recursive: true, force: true });
  expect(await run()).toBe("");
  expect(readFileSync(cached)).toEqual(honest);
});

test("CVE-2021-43784: names and values longer than the runtime's own buffers are carried whole or refused", async () => {
  const long = "A".repeat(70_000);
  const whole = it.bundle({
    args: ["sh", "-c", `echo \${#1} \${#LONG}`, "sh", long],
    edit: ({ process }) => process.env.push(`LONG=${long}`),
  });
  expect(await it.ok(["run", "--bundle", whole, it.id()])).toBe("70000 70000\n");
  const refused: ((config: Parameters<NonNullable<Parameters<typeof it.bundle>[0]>["edit"] & object>[0]) => void)[] = [
    (config) => config.linux.namespaces.push({ type: "network", path: `/${long}` }),
    (config) => {
      config.process.cwd = `/${long}`;
    },
    (config) => config.mounts.push({ destination: `/${long}`, type: "tmpfs", source: "tmpfs" }),
    (config) => {
      config.hostname = long;
    },
    (config) => {
      config.linux.uidMappings = Array.from({ length: 5000 }, (_, i) => ({ containerID: i, hostID: i, size: 1 }));
    },
  ];
  for (const [index, edit] of refused.entries()) {
    const { exitCode, stdout, stderr } = await it.run([
      "run",
      "--bundle",
      it.bundle({ args: ["echo", "ran"], edit }),
      it.id(),
    ]);
    expect([index, exitCode, stdout, stderr.startsWith("tsbox: cannot ")]).toEqual([index, 1, "", true]);
  }
  expect(it.left()).toEqual([]);
});
