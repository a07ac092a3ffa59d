/**
 * Cgroups on a real kernel: in a mount namespace of their own, where /sys/fs/cgroup is cgroup2 even if the host's is not. What is limited there
 * depends on the controllers that the host leaves to v2; freezing, killing, device filters and delegation need none.
 */
import { afterAll, expect } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { native, program, type Requirement, requires, root } from "../support/skip.ts";

const systemd = "/lib/systemd/systemd";
const hasSystemd: Requirement = {
  what: "systemd, to run as a user's manager",
  inCI: false,
  met: () => Bun.spawnSync(["test", "-x", systemd]).exitCode === 0,
};

const test = requires(root, native, program("unshare"));
const testSystemd = requires(root, native, program("unshare"), hasSystemd);

const scratch = `/tmp/tsbox-cgroup-test-${process.pid}`;
mkdirSync(scratch, { mode: 0o777 });
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const steps = join(ROOT, "tests/root/support/cgroup-steps.ts");
const bun = join(ROOT, "node_modules/.bin/bun");

/** Runs one case of `cgroup-steps.ts` in a cgroup of its own; what it saw comes back as JSON. */
async function observe(name: string, before = "", as: readonly string[] = []): Promise<Record<string, unknown>> {
  const cgroup = `/sys/fs/cgroup/tsbox-test-${process.pid}-${name}`;
  const script = `
    umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup || exit 99
    mkdir -p "$CGROUP/own" && echo $$ > "$CGROUP/own/cgroup.procs" || exit 98
    ${before}
    "$@"; status=$?
    echo $$ > /sys/fs/cgroup/cgroup.procs
    echo 1 > "$CGROUP/cgroup.kill"; sleep 0.2
    find "$CGROUP" -depth -type d -exec rmdir {} + 
    exit $status`;
  const child = Bun.spawn(
    ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", ...as, bun, steps, name],
    {
      env: { ...process.env, CGROUP: cgroup, SCRATCH: scratch },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

test("a cgroup is made with those above it, used while it is empty, and refused while processes run in it", async () => {
  expect(await observe("make")).toEqual({
    path: "/a/b",
    again: "/a/b",
    busy: "processes run in it already",
    upward: '".." is no name for a cgroup',
    internal: "has processes of its own",
    leftovers: [],
  });
});

test("processes are listed, frozen, signalled and killed with those in cgroups below", async () => {
  expect(await observe("processes")).toEqual({
    listed: 4,
    frozen: [true, "frozen 1"],
    thawed: [false, "frozen 0"],
    stays: true,
    afterSignal: 0,
    killedWhileFrozen: 0,
    busy: "processes still run in it",
    removed: true,
    removedAgain: true,
    gone: [[], false, null],
  });
});

test("a signal to a cgroup whose processes fork all the time reaches every one of them", async () => {
  expect(await observe("forks")).toEqual({ left: 0 });
});

test("devices are filtered by the kernel, and an update replaces the filter", async () => {
  expect(await observe("devices")).toEqual({
    // null is one of the devices that every container may use
    first: { null: "ok", fuse: "ok", kmsg: "denied" },
    updated: { null: "ok", fuse: "denied", kmsg: "ok" },
    everything: { null: "ok", fuse: "ok", kmsg: "ok" },
    filters: [1, 1, 0],
  });
});

test("a limit that the kernel refuses leaves no cgroup behind", async () => {
  const { error, left } = await observe("refused");
  expect(error).toMatch(
    /cannot limit linux\.resources\.unified\["cgroup\.max\.depth"\]: cgroup\.max\.depth refuses "x"/,
  );
  expect(left).toEqual([]);
});

test("limits are written, updated and reported", async () => {
  expect(await observe("limits")).toEqual({
    written: ["3", "10"],
    updated: ["5", "10"],
    stats: ["blkio", "cpu", "cpuset", "hugetlb", "intel_rdt", "memory", "network_interfaces", "pids"],
    busy: true,
  });
});

const delegate = `chown tsbox-ci "$CGROUP" "$CGROUP"/cgroup.procs "$CGROUP"/cgroup.subtree_control "$CGROUP"/own "$CGROUP"/own/cgroup.procs`;
const user = ["setpriv", "--reuid=tsbox-ci", "--regid=tsbox-ci", "--init-groups"];

test("a user finds the subtree that is delegated to them, whatever path was asked for", async () => {
  expect(await observe("delegated", delegate, user)).toEqual({
    unnamed: "/tsbox-c1",
    relative: "/x/y",
    absolute: "/libpod_parent/libpod-1",
    own: "/own2/c1",
    devices: "not filtered",
  });
});

test("a user without a delegated subtree gets no cgroup, and an error when a limit was asked for", async () => {
  const { without, error } = await observe("undelegated", "", user);
  expect(without).toBeNull();
  expect(error).toMatch(/^cannot limit pids\.limit: no cgroup is delegated to you; /);
});

const manager = `
  ${delegate}
  mount -t tmpfs none /run
  export XDG_RUNTIME_DIR=/run/user/4242 HOME="$SCRATCH"
  mkdir -p /run/systemd/system /run/user/4242
  chown tsbox-ci /run/user/4242; chmod 700 /run/user/4242
  mkdir "$CGROUP/user.service"; chown -R tsbox-ci "$CGROUP/user.service"; echo $$ > "$CGROUP/user.service/cgroup.procs"
  setpriv --reuid=tsbox-ci --regid=tsbox-ci --init-groups ${systemd} --user >"$SCRATCH/systemd.log" 2>&1 &
  for i in $(seq 300); do [ -S /run/user/4242/systemd/private ] && break; sleep 0.1; done`;

testSystemd(
  "systemd's manager of a user makes, changes and removes scopes",
  async () => {
    expect(await observe("systemd", manager, user)).toEqual({
      path: "user.slice/user-test.slice/tsbox-c1.scope",
      unit: {
        Slice: "user-test.slice",
        Delegate: "yes",
        TasksMax: "infinity",
        TimeoutStopUSec: "5s",
        ActiveState: "active",
      },
      placeholder: [1, 0],
      exists: "already loaded",
      unknown: "unknown property",
      abandoned: "inactive",
      updated: "55",
      busy: "processes still run in it",
      removed: [false, "inactive"],
      failedName: ["failed", "active"],
      sockets: ["bus", "systemd"],
      withoutBus: ["44", "inactive"],
    });
  },
  120_000,
);
