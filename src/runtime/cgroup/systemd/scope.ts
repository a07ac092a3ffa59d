/** A container's transient scope, made by systemd; its limits are properties of it. systemd.scope(5), "CGROUP_DELEGATION.md" of systemd. */
import { TsboxError } from "../../../error.ts";
import { SYS } from "../../../linux/abi.gen.ts";
import { readShortText } from "../../../linux/read-text.ts";
import { syscall } from "../../../linux/syscall.ts";
import type { LinuxResources } from "../../../oci/index.ts";
import { removeTree } from "../remove.ts";
import type { CgroupRequest, CgroupState, PreparedCgroup } from "../types.ts";
import { Manager } from "./manager.ts";
import type { Variant } from "./marshal.ts";
import { startPlaceholder } from "./placeholder.ts";
import { annotationProperties, limitProperties, type Property } from "./properties.ts";

export interface ScopeName {
  readonly slice: string;
  readonly unit: string;
}

/**
 * `slice:prefix:name` of cgroupsPath, each part of which may be empty.
 * @throws TsboxError `invalid`
 */
export function scopeName({ cgroupsPath = "", id, rootless }: CgroupRequest): ScopeName {
  const otherwise = rootless ? "user.slice" : "system.slice";
  if (cgroupsPath === "") return { slice: otherwise, unit: `tsbox-${id}.scope` };
  const bad = (why: string) =>
    new TsboxError("invalid", `cannot use linux.cgroupsPath ${JSON.stringify(cgroupsPath)} with systemd: ${why}`);
  const parts = cgroupsPath.split(":");
  // callers look for these words of runc's
  if (parts.length !== 3) throw bad('expected cgroupsPath to be of format "slice:prefix:name"');
  const [slice = "", prefix = "", name = ""] = parts;
  const unit = `${prefix === "" ? "" : `${prefix}-`}${name === "" ? id : name}.scope`;
  if (slice !== "" && !/^(-|[^-/]+(-[^-/]+)*)\.slice$/.test(slice)) throw bad(`"${slice}" is no slice`);
  if (name.endsWith(".slice")) throw bad("a container is a scope, not a slice");
  // systemd.unit(5): what names of units are made of
  if (!/^[a-zA-Z0-9:_.\\@-]{1,255}$/.test(unit)) throw bad(`"${unit}" is no name of a unit`);
  return { slice: slice === "" ? otherwise : slice, unit };
}

const yes: Variant = { signature: "b", value: true };

/** All properties of the scope but its process. */
export function scopeProperties(request: CgroupRequest, { slice }: ScopeName): Property[] {
  const properties = new Map<string, Variant>([
    ["Description", { signature: "s", value: `container ${request.id} of tsbox` }],
    ["Slice", { signature: "s", value: slice }],
    // the container has the cgroup to itself: systemd makes nothing in it and enables all controllers that it has
    ["Delegate", yes],
    ["CPUAccounting", yes],
    ["MemoryAccounting", yes],
    ["IOAccounting", yes],
    ["TasksAccounting", yes],
    // does not stop when the machine shuts down before what the container needs, unless asked
    ["DefaultDependencies", { signature: "b", value: false }],
    // a container that was killed leaves no failed unit behind
    ["CollectMode", { signature: "s", value: "inactive-or-failed" }],
    ...limitProperties(request.resources),
    ...annotationProperties(request.annotations),
  ]);
  return [...properties];
}

/**
 * Starts the scope with a placeholder in it.
 * @throws TsboxError `host` with systemd's reason, `invalid`; nothing is left behind
 */
export function prepareScope(request: CgroupRequest, mount: string): PreparedCgroup {
  const name = scopeName(request);
  const properties = scopeProperties(request, name);
  using manager = Manager.connect(request.rootless);
  const { pid, hold } = startPlaceholder();
  try {
    manager.startTransient(name.unit, [...properties, ["PIDs", { signature: "au", value: [pid] }]]);
    const cgroup = cgroupIn(pid, name.unit);
    if (!cgroup.endsWith(`/${name.unit}`)) {
      manager.stop(name.unit);
      throw new TsboxError("host", `cannot start ${name.unit}: systemd left the process in ${cgroup || "no cgroup"}`);
    }
    const state = { manager: "systemd", path: `${mount}${cgroup}`, unit: name.unit, user: request.rootless } as const;
    return { state, hold };
  } catch (error) {
    syscall(SYS.close, hold);
    throw error;
  }
}

/** systemd tells that a job is done from its own loop; the move of the process, which it may leave to the system's manager, has half a second. */
const MOVING = 500;

/** The cgroup of a process, once it is that of the unit. */
function cgroupIn(pid: number, unit: string): string {
  for (const end = Date.now() + MOVING; ; Bun.sleepSync(2)) {
    const cgroup = /^0::(.*)$/m.exec(readShortText(`/proc/${pid}/cgroup`) ?? "")?.[1] ?? "";
    if (cgroup.endsWith(`/${unit}`) || Date.now() >= end) return cgroup;
  }
}

/** Ends a scope in which no container came to run. */
export function abandonScope({ state, hold }: PreparedCgroup): void {
  if (hold !== undefined) syscall(SYS.close, hold);
  stopScope(state);
  removeTree(state.path);
}

/** Stops the scope and waits for it; one that is gone is no failure. */
export function stopScope({ unit, user }: CgroupState): void {
  if (unit === undefined) return;
  const manager = reachable(user ?? false);
  if (manager === undefined) return;
  using open = manager;
  open.stop(unit);
}

/** A manager that cannot be reached from here (a hook without XDG_RUNTIME_DIR, a session that ended) drops a scope without processes by itself. */
function reachable(user: boolean): Manager | undefined {
  try {
    return Manager.connect(user);
  } catch {
    return undefined;
  }
}

/** @param memoryLimit what memory.max is now */
export function setScopeProperties(state: CgroupState, resources: LinuxResources, memoryLimit?: number): void {
  const properties = limitProperties(resources, memoryLimit);
  if (state.unit === undefined || properties.length === 0) return;
  using manager = Manager.connect(state.user ?? false);
  manager.setProperties(state.unit, properties);
}
