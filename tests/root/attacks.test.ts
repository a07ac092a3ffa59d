/** Attacks on the runtime where root runs it: without a user namespace between the container and the host. More are in tests/security. */
import { expect } from "bun:test";
import { chownSync, copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Box, until } from "../runtime/lifecycle/box.ts";
import { watcher } from "../security/support/watcher.ts";
import type { BundleConfig } from "../support/bundle.ts";
import { BUSYBOX } from "../support/busybox-image.ts";
import { executable, program, type Requirement, requires, root } from "../support/skip.ts";

const test = requires(root, executable);
const testSlow = requires(root, executable, program("strace"));
const testCgroup = requires(root, executable, program("unshare"));

const resources: Requirement = {
  what: "CAP_SYS_RESOURCE",
  inCI: false,
  met: () => {
    const effective = /^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
  },
};
const testLower = requires(root, executable, resources);

/** Docker's, without which containers of root rarely are. CAP_SYS_PTRACE is not among them. */
const CAPABILITIES =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

function asRoot(config: BundleConfig): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
  delete config.linux.uidMappings;
  delete config.linux.gidMappings;
  config.process.capabilities = { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES };
}

/** Where /sys/fs/cgroup is cgroup2, so that containers get a cgroup of their own. */
const WITH_CGROUPS = [
  "unshare",
  "-m",
  "--propagation",
  "private",
  "sh",
  "-c",
  'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 99; exec "$@"',
  "sh",
];

testCgroup(
  "CVE-2024-21626: the cgroup that tsbox opens for a container is no way to a program or a folder of the host",
  async () => {
    using it = new Box();
    const host = it.path("host-program");
    copyFileSync(BUSYBOX, host);
    const call = { under: WITH_CGROUPS };
    const shown = await it.run(
      ["run", "--bundle", it.bundle({ args: ["cat", "/proc/self/cgroup"], edit: asRoot }), "shown"],
      call,
    );
    expect([shown.exitCode, shown.stderr]).toEqual([0, ""]);
    for (let fd = 3; fd < 20; fd++) {
      const up = `/proc/self/fd/${fd}/../../../../../..`;
      const args = [`${up}${host}`, "echo", "the host's"];
      const run = await it.run(["run", "--bundle", it.bundle({ args, edit: asRoot }), it.id()], call);
      expect([fd, run.exitCode, run.stdout]).toEqual([fd, 1, ""]);
      const bundle = it.bundle({
        args: ["ls", "-d", "etc/shadow"],
        edit: (config) => {
          asRoot(config);
          config.process.cwd = up;
        },
      });
      const folder = await it.run(["run", "--bundle", bundle, it.id()], call);
      expect([fd, folder.exitCode === 0, folder.stdout]).toEqual([fd, false, ""]);
    }
  },
);

testSlow(
  "CVE-2016-9962: a container without a user namespace takes nothing of exec, or of one that shares its processes",
  async () => {
    using it = new Box();
    const id = it.id();
    const container = it.spawn(["run", "--bundle", it.bundle({ args: watcher("sleep"), edit: asRoot }), id]);
    await until(async () => it.left().includes(id) && (await it.status(id)) === "running", "the container");
    const { pid } = await it.state(id);
    const slow = (call: string) => ["strace", "-f", "-o", "/dev/null", "-e", `inject=${call}:delay_enter=1000000`];
    for (const call of ["execve", "setsid"])
      expect((await it.run(["exec", id, "sleep", "0.1"], { under: slow(call) })).exitCode).toBe(0);
    const second = it.id();
    const bundle = it.bundle({
      args: ["sleep", "1000"],
      edit: (config) => {
        asRoot(config);
        config.linux.namespaces = config.linux.namespaces.map(({ type }) =>
          type === "pid" ? { type, path: `/proc/${pid}/ns/pid` } : { type },
        );
      },
    });
    await it.ok(["create", "--bundle", bundle, second]);
    await Bun.sleep(300);
    await it.ok(["start", second]);
    await it.ok(["delete", "--force", second]);
    await it.ok(["kill", id, "KILL"]);
    await container.result();
    expect([...new Set(container.output().split("\n").filter(Boolean))]).toEqual(["saw"]);
  },
);

test("states in a folder of somebody else's are not root's to act on: no hook of theirs runs", async () => {
  using it = new Box();
  const marker = it.path("forged-hook-ran");
  const id = await it.create({ args: ["sleep", "1000"], edit: asRoot });
  const state = it.path("forged");
  cpSync(join(it.root, id), join(state, id), { recursive: true, filter: (path) => !path.endsWith("/start") });
  const file = join(state, id, "state.json");
  const record = JSON.parse(readFileSync(file, "utf8"));
  record.config.hooks = { poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran > ${marker}`] }] };
  record.pid = 999_999_999;
  writeFileSync(file, JSON.stringify(record));
  for (const path of [state, join(state, id)]) {
    chownSync(state, 0, 0);
    chownSync(join(state, id), 0, 0);
    chownSync(path, 12345, 12345);
    for (const command of [["state"], ["delete"], ["delete", "--force"], ["start"], ["kill"]]) {
      const { exitCode, stderr } = await it.run(["--root", state, ...command, id]);
      expect([command[0], exitCode, stderr]).toEqual([command[0], 1, expect.stringContaining("belongs to user 12345")]);
    }
    expect((await it.run(["--root", state, "exec", id, "true"])).exitCode).toBe(255);
  }
  expect(existsSync(marker)).toBe(false);
  await it.ok(["delete", "--force", id]);
});

testLower(
  "process.oomScoreAdj may be lower than the caller's where root makes the container, in a user namespace too",
  async () => {
    using it = new Box();
    const bundle = it.bundle({
      args: ["cat", "/proc/self/oom_score_adj"],
      edit: (config) => {
        config.process.oomScoreAdj = -321;
        config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
        config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
      },
    });
    expect(await it.ok(["run", "--bundle", bundle, it.id()])).toBe("-321\n");
  },
);
