/** The cases of `../cgroup.test.ts`, each run in a mount namespace with cgroup2; `CGROUP` is a cgroup to work in. Prints what it saw as JSON. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { SYS } from "../../../src/linux/abi.gen.ts";
import { syscall } from "../../../src/linux/syscall.ts";
import type { LinuxResources } from "../../../src/oci/index.ts";
import * as cgroup from "../../../src/runtime/cgroup/index.ts";
import { Manager, managerAddresses } from "../../../src/runtime/cgroup/systemd/manager.ts";

const MOUNT = "/sys/fs/cgroup";
const base = process.env.CGROUP ?? "";
const below = base.slice(MOUNT.length);

const request = (cgroupsPath: string | undefined, more: Partial<cgroup.CgroupRequest> = {}): cgroup.CgroupRequest => ({
  id: "c1",
  cgroupsPath,
  resources: undefined,
  manager: "cgroupfs",
  rootless: false,
  ...more,
});

async function prepared(asked: cgroup.CgroupRequest): Promise<cgroup.PreparedCgroup> {
  const made = await cgroup.prepareCgroup(asked);
  if (made === undefined) throw new Error("no cgroup was made");
  return made;
}

async function failure(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "no failure";
}

/** The last words of a failure, after the last colon that follows a path. */
const reason = async (work: () => unknown) => (await failure(work)).replace(/^.*?: /s, "");

function startIn(path: string, script: string): Bun.Subprocess<"ignore", "pipe", "ignore"> {
  return Bun.spawn(["sh", "-c", `echo $$ > ${path}/cgroup.procs && { ${script}; }`], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
}

async function until(what: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !what(); i++) await Bun.sleep(10);
}

const folders = (path: string) =>
  readdirSync(path, { withFileTypes: true })
    .filter((one) => one.isDirectory())
    .map(({ name }) => name);
const text = (path: string) => readFileSync(path, "utf8").trim();

async function make() {
  const { state } = await prepared(request(`${below}/a/b`));
  const again = await prepared(request(`${below}/a/b`));
  const child = startIn(state.path, "sleep 100");
  await until(() => cgroup.cgroupProcesses(state).length > 0);
  const busy = await reason(() => cgroup.prepareCgroup(request(`${below}/a/b`)));
  const upward = await reason(() => cgroup.prepareCgroup(request(`${below}/a/../../x`)));
  const controller = text(`${state.path}/cgroup.controllers`).split(" ")[0] ?? "";
  const unified = { [`${controller}.1GB.max`]: "0" };
  const internal = await failure(() => cgroup.prepareCgroup(request(`${below}/a/b/c`, { resources: { unified } })));
  cgroup.killCgroup(state, 9);
  await child.exited;
  cgroup.removeCgroup({ manager: "cgroupfs", path: `${base}/a` });
  return {
    path: state.path.slice(base.length),
    again: again.state.path.slice(base.length),
    busy,
    upward,
    internal: /has processes of its own/.exec(internal)?.[0] ?? internal,
    leftovers: folders(base).filter((name) => name !== "own"),
  };
}

async function processes() {
  const { state } = await prepared(request(`${below}/p`));
  mkdirSync(`${state.path}/inner`);
  const events = () => text(`${state.path}/cgroup.events`).split("\n")[1];
  const start = () => [startIn(state.path, "sleep 100 & wait"), startIn(`${state.path}/inner`, "sleep 100 & wait")];
  start();
  await until(() => cgroup.cgroupProcesses(state).length === 4);
  const listed = cgroup.cgroupProcesses(state).length;
  await cgroup.freezeCgroup(state, true);
  const frozen = [cgroup.isFrozen(state), events()];
  // it stays frozen, whatever a signal does
  cgroup.killCgroup(state, 10);
  const stays = cgroup.isFrozen(state);
  await cgroup.freezeCgroup(state, false);
  const thawed = [cgroup.isFrozen(state), events()];
  await until(() => cgroup.cgroupProcesses(state).length === 0);
  const afterSignal = cgroup.cgroupProcesses(state).length;
  start();
  await until(() => cgroup.cgroupProcesses(state).length === 4);
  const busy = await reason(() => cgroup.removeCgroup(state));
  await cgroup.freezeCgroup(state, true);
  cgroup.killCgroup(state, 9);
  await until(() => cgroup.cgroupProcesses(state).length === 0);
  const killedWhileFrozen = cgroup.cgroupProcesses(state).length;
  cgroup.removeCgroup(state);
  const removed = !existsSync(state.path);
  cgroup.removeCgroup(state);
  cgroup.killCgroup(state, 9);
  cgroup.killCgroup(state, 15);
  const gone = [cgroup.cgroupProcesses(state), cgroup.isFrozen(state), cgroup.cgroupOomCount(state) ?? null];
  return {
    listed,
    frozen,
    thawed,
    stays,
    afterSignal,
    killedWhileFrozen,
    busy,
    removed,
    removedAgain: true,
    gone,
  };
}

async function forks() {
  const { state } = await prepared(request(`${below}/f`));
  startIn(state.path, "f() { while :; do (sleep 0.01; f) & sleep 0.005; exit; done; }; f & f & f & f & wait");
  await until(() => cgroup.cgroupProcesses(state).length > 8);
  // SIGUSR1 ends a shell that does not expect it
  cgroup.killCgroup(state, 10);
  await until(() => cgroup.cgroupProcesses(state).length === 0);
  const left = cgroup.cgroupProcesses(state).length;
  cgroup.killCgroup(state, 9);
  cgroup.removeCgroup(state);
  return { left };
}

async function devices() {
  const only = (major: number, minor: number): LinuxResources => ({
    devices: [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major, minor, access: "rwm" },
    ],
  });
  const [fuse, kmsg] = [only(10, 229), only(1, 11)];
  const { state } = await prepared(request(`${below}/d`, { resources: fuse }));
  const look = async () => {
    const script = "for d in null fuse kmsg; do if (: < /dev/$d); then echo $d ok; else echo $d denied; fi; done";
    const lines = await new Response(startIn(state.path, script).stdout).text();
    return Object.fromEntries(
      lines
        .trim()
        .split("\n")
        .map((line) => line.split(" ")),
    );
  };
  const filters: number[] = [];
  const note = () => filters.push(attached(state.path));
  const first = await look();
  note();
  await cgroup.updateCgroup(state, kmsg);
  const updated = await look();
  note();
  await cgroup.updateCgroup(state, { devices: [{ allow: true, type: "a" }] });
  const everything = await look();
  note();
  cgroup.removeCgroup(state);
  return { first, updated, everything, filters };
}

/** How many device filters are on a cgroup: BPF_PROG_QUERY, which this reads on its own. */
function attached(path: string): number {
  const fd = syscall(SYS.openat, -100, Buffer.from(`${path}\0`), 0);
  const attributes = new Uint32Array(16);
  attributes[0] = fd;
  attributes[1] = 6;
  const result = syscall(SYS.bpf, 16, attributes, 64);
  syscall(SYS.close, fd);
  if (result < 0) throw new Error(`BPF_PROG_QUERY: ${result}`);
  return attributes[6] ?? -1;
}

async function refused() {
  const resources = { unified: { "cgroup.max.descendants": "3", "cgroup.max.depth": "x" } };
  const error = await failure(() => cgroup.prepareCgroup(request(`${below}/r`, { resources })));
  return { error, left: folders(base).filter((name) => name !== "own") };
}

async function limits() {
  const unified = { "cgroup.max.descendants": "3", "cgroup.max.depth": "10" };
  const { state } = await prepared(request(`${below}/l`, { resources: { unified } }));
  const read = () => Object.keys(unified).map((file) => text(`${state.path}/${file}`));
  const written = read();
  await cgroup.updateCgroup(state, { unified: { "cgroup.max.descendants": "5" } });
  const updated = read();
  const child = startIn(state.path, "while :; do :; done");
  const total = () => JSON.parse(JSON.stringify(cgroup.cgroupStats(state))).cpu.usage.total;
  await until(() => total() > 1_000_000);
  const stats = Object.keys(cgroup.cgroupStats(state)).filter((key) => key !== "rdma");
  const busy = total() > 1_000_000;
  child.kill(9);
  await child.exited;
  cgroup.removeCgroup(state);
  return { written, updated, stats: stats.sort(), busy };
}

async function delegated() {
  const rootless = { rootless: true };
  const make = async (path: string | undefined, resources?: LinuxResources) => {
    const { state } = await prepared(request(path, { ...rootless, resources }));
    // it can be moved into, which is what cloning into it needs
    const child = startIn(state.path, "sleep 100");
    await until(() => cgroup.cgroupProcesses(state).includes(child.pid));
    if (!cgroup.cgroupProcesses(state).includes(child.pid)) throw new Error(`cannot move into ${state.path}`);
    cgroup.killCgroup(state, 9);
    await child.exited;
    cgroup.removeCgroup(state);
    return state.path.slice(base.length);
  };
  return {
    unnamed: await make(undefined),
    relative: await make("x/y"),
    absolute: await make("/libpod_parent/libpod-1"),
    own: await make(`${below}/own2/c1`),
    devices: (await make(undefined, { devices: [{ allow: false }] })) === "/tsbox-c1" ? "not filtered" : "",
  };
}

async function undelegated() {
  const without = (await cgroup.prepareCgroup(request(undefined, { rootless: true }))) ?? null;
  const resources = { pids: { limit: 5 } };
  return { without, error: await failure(() => cgroup.prepareCgroup(request("/x", { rootless: true, resources }))) };
}

async function systemd() {
  const show = (unit: string, names: string): Record<string, string> => {
    const { stdout } = Bun.spawnSync(["systemctl", "--user", "show", unit, "-p", names]);
    return Object.fromEntries(
      stdout
        .toString()
        .trim()
        .split("\n")
        .map((line) => line.split(/=(.*)/s)),
    );
  };
  const active = (unit: string) => show(unit, "ActiveState").ActiveState;
  const scope = (name: string, more: Partial<cgroup.CgroupRequest> = {}) =>
    request(`user-test.slice:tsbox:${name}`, { manager: "systemd", rootless: true, ...more });
  const annotations = {
    "org.systemd.property.TimeoutStopSec": "5",
    "org.systemd.property.TasksMax": "uint64 18446744073709551615",
  };
  const { state, hold = -1 } = await prepared(scope("c1", { annotations }));
  const unit = show(state.unit ?? "", "Slice,Delegate,TasksMax,TimeoutStopUSec,ActiveState");
  const find = (message: string, pattern: RegExp) => pattern.exec(message)?.[0] ?? message;
  const exists = find(await failure(() => cgroup.prepareCgroup(scope("c1"))), /already loaded/);
  const bad = { "org.systemd.property.NoSuchThing": "true" };
  const unknown = find(
    await failure(() => cgroup.prepareCgroup(scope("c2", { annotations: bad }))),
    /unknown property/,
  );
  // fails after the scope was started: nothing of it may stay
  await failure(() => cgroup.prepareCgroup(scope("c3", { resources: { unified: { "cgroup.max.depth": "x" } } })));
  const abandoned = active("tsbox-c3.scope");
  const before = cgroup.cgroupProcesses(state);
  const child = startIn(state.path, "sleep 100");
  await until(() => cgroup.cgroupProcesses(state).includes(child.pid));
  syscall(SYS.close, hold);
  await until(() => !cgroup.cgroupProcesses(state).some((pid) => before.includes(pid)));
  const placeholder = [
    before.length,
    cgroup.cgroupProcesses(state).filter((pid) => pid !== child.pid && !isChildOf(pid, child.pid)).length,
  ];
  // the controller is the host's to have; the property is systemd's
  await failure(() => cgroup.updateCgroup(state, { pids: { limit: 55 } }));
  const updated = show(state.unit ?? "", "TasksMax").TasksMax;
  const busy = await reason(() => cgroup.removeCgroup(state));
  cgroup.killCgroup(state, 9);
  cgroup.removeCgroup(state);
  cgroup.removeCgroup(state);
  const removed = [existsSync(state.path), active(state.unit ?? "")];
  // a unit of that name that failed is in the way until it is forgotten
  const failing = await prepared(
    scope("c4", {
      annotations: { "org.systemd.property.CollectMode": "'inactive'", "org.systemd.property.RuntimeMaxSec": "0.1" },
    }),
  );
  await until(() => active("tsbox-c4.scope") === "failed");
  const failed = active("tsbox-c4.scope");
  syscall(SYS.close, failing.hold ?? -1);
  const fresh = await prepared(scope("c4"));
  const failedName = [failed, active("tsbox-c4.scope")];
  // the same without a bus, through systemd's own socket
  const sockets = managerAddresses(true);
  using direct = Manager.connect(
    true,
    sockets.filter((one) => one.direct),
  );
  direct.setProperties("tsbox-c4.scope", [["TasksMax", { signature: "t", value: 44n }]]);
  const withoutBus = [show("tsbox-c4.scope", "TasksMax").TasksMax];
  direct.stop("tsbox-c4.scope");
  withoutBus.push(active("tsbox-c4.scope"));
  direct.stop("tsbox-c4.scope");
  syscall(SYS.close, fresh.hold ?? -1);
  cgroup.removeCgroup(fresh.state);
  return {
    path: state.path.split("/user.service/")[1],
    unit,
    placeholder,
    exists,
    unknown,
    abandoned,
    updated,
    busy,
    removed,
    failedName,
    sockets: sockets.map(({ direct }) => (direct ? "systemd" : "bus")),
    withoutBus,
  };
}

function isChildOf(pid: number, parent: number): boolean {
  try {
    return text(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[1] === String(parent);
  } catch {
    return false; // it has ended
  }
}

const cases: Record<string, () => Promise<object>> = {
  make,
  processes,
  forks,
  devices,
  refused,
  limits,
  delegated,
  undelegated,
  systemd,
};
const chosen = cases[process.argv[2] ?? ""];
if (chosen === undefined || base === "") throw new Error("which case, and where?");
writeFileSync(1, `${JSON.stringify(await chosen())}\n`);
