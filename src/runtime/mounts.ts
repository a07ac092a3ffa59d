/** `mounts` of config.json: each is made detached, then attached by descriptor at a place resolved inside the root. */
import { TsboxError } from "../error.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  CGROUP2_SUPER_MAGIC,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  O_PATH,
  OPEN_TREE_CLONE,
  PROC_SUPER_MAGIC,
  RESOLVE_IN_ROOT,
  S_IFDIR,
  S_IFREG,
} from "../linux/abi.gen.ts";
import { reasonOf } from "../linux/errno.ts";
import { statPath } from "../linux/stat.ts";
import { statfs } from "../linux/statfs.ts";
import type { Mount } from "../oci/index.ts";
import { RECOVER_DENIED } from "../plan/index.ts";
import type { Compilation } from "./context.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";
import { addReadOnlyLater, addVolumeMount, isToBeFilled, labelOption } from "./rare-fields.ts";

/** Files of /proc that may be replaced one by one, as runc allows for lxcfs. */
const PROC_FILES = new Set(
  "cpuinfo diskstats meminfo stat swaps uptime loadavg slabinfo net/dev sys/kernel/ns_last_pid sys/crypto/fips_enabled"
    .split(" ")
    .map((name) => `/proc/${name}`),
);

/** Appends one mount. @throws TsboxError naming the field */
export function addMount(compilation: Compilation, mount: Mount, index: number): void {
  const field = `mounts[${index}]`;
  const options = parseMountOptions(mount.options, `${field}.options`);
  const isBind = options.bind !== undefined || mount.type === "bind";
  refuseOverProc(mount, isBind, options.remount, field);
  if (options.copyUp && mount.type !== "tmpfs")
    throw new TsboxError("invalid", `cannot run: ${field}.options: tmpcopyup is for tmpfs`);
  if (options.remount) {
    addRemount(compilation, mount, options, field);
    return;
  }
  const prepared = compilation.prepared?.get(index);
  if (prepared !== undefined) {
    const note = `bind ${mount.source} at ${mount.destination}`;
    const type = !isBind || isFolder(mount.source ?? "", note) ? S_IFDIR : S_IFREG;
    const moved = { ...compilation, mount: prepared };
    addAttach(moved, mount.destination, type, options, { note, bind: true, links: true });
    return;
  }
  const volume = compilation.volumes?.find(({ destination }) => destination === mount.destination);
  if (isBind && volume !== undefined)
    addVolumeMount(compilation, volume, mount, options, (...how) => addAttach(compilation, ...how));
  else if (isBind) addBind(compilation, mount, options, field);
  else if (mount.type === "cgroup") addCgroup(compilation, mount, options, index);
  else addFileSystem(compilation, mount, mount.type ?? "none", options, index);
}

function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Security labels and sysctls are written there: nothing but procfs may be at /proc (CVE-2019-16884, CVE-2019-19921). */
function refuseOverProc(mount: Mount, isBind: boolean, remount: boolean, field: string): void {
  const path = normalized(mount.destination);
  if (path === "/") throw new TsboxError("invalid", `cannot run: ${field}.destination: cannot mount over the root`);
  const isProc = isBind ? mount.source === "/proc" : mount.type === "proc";
  if (path === "/proc" && !isProc && !remount) {
    throw new TsboxError("invalid", `cannot run: ${field}: only procfs may be mounted at /proc`);
  }
  if (path.startsWith("/proc/") && !PROC_FILES.has(path)) {
    throw new TsboxError("invalid", `cannot run: ${field}: cannot mount ${path} inside /proc`);
  }
}

/** Sets what the options ask for on slot `mount` and attaches it at the destination, made where it is missing. */
function addAttach(
  compilation: Compilation,
  path: string,
  type: number,
  options: MountOptions,
  how: { note: string; bind: boolean; links: boolean },
): void {
  const { inside, mount, root } = compilation;
  const { note, bind } = how;
  const { set, clear, setAll, clearAll } = options;
  if (bind && (set | clear) !== 0)
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH, set, clear, 0, null], { note });
  if ((setAll | clearAll) !== 0) {
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH | AT_RECURSIVE, setAll, clearAll, 0, null], { note });
  }
  // runtime-spec says rprivate where a bind mount says nothing; a new file system's mount is private already
  const propagation = options.propagation ?? (bind ? MS_PRIVATE : undefined);
  const recursive = options.propagation === undefined || options.propagationAll ? AT_RECURSIVE : 0;
  if (propagation !== undefined) {
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH | recursive, 0, 0, propagation, null], { note });
  }
  const place = normalized(path);
  // native/mounts.c: /proc itself by no link, and nothing by a link into it
  const links = how.links && place !== "/proc" ? (PROC_FILES.has(place) ? 2 : 1) : 0;
  inside.add("attach", [mount, root, path, type, links], { note });
}

/** @throws TsboxError `not-found`, in the words of a mount that fails */
function isFolder(source: string, note: string): boolean {
  try {
    return statPath(source).isFolder;
  } catch (cause) {
    throw new TsboxError("not-found", `cannot ${note}: ${reasonOf(cause)}`, { cause });
  }
}

function addBind(compilation: Compilation, mount: Mount, options: MountOptions, field: string): void {
  const source = mount.source;
  if (source === undefined || source === "")
    throw new TsboxError("invalid", `cannot run: ${field}.source: a bind mount needs one`);
  const note = `bind ${source} at ${mount.destination}`;
  const type = isFolder(source, note) ? S_IFDIR : S_IFREG;
  const recursive = options.bind === "bind" ? 0 : AT_RECURSIVE;
  const { inside, hostSources } = compilation;
  if (hostSources === undefined)
    inside.add("open_tree", [compilation.mount, null, source, OPEN_TREE_CLONE | recursive], { note });
  else {
    hostSources.add(source, recursive !== 0, note);
    inside.add("recv_fd", [compilation.mount, hostSources.take], { note });
  }
  addAttach(compilation, mount.destination, type, options, { note, bind: true, links: true });
}

/** Changes what the mount at the destination allows; an option that is not given stays as it is. */
function addRemount(compilation: Compilation, mount: Mount, options: MountOptions, field: string): void {
  const { inside, target, root } = compilation;
  const note = `remount ${mount.destination}`;
  if (options.data.length > 0)
    throw new TsboxError("unsupported", `cannot run: ${field}.options: ${options.data[0]?.[0]} cannot be remounted`);
  inside.add("openat2", [target, root, mount.destination, O_PATH, 0, RESOLVE_IN_ROOT], { note });
  const { set, clear, setAll, clearAll, propagation = 0 } = options;
  if ((set | clear) !== 0) inside.add("mount_setattr", [target, "", AT_EMPTY_PATH, set, clear, 0, null], { note });
  if ((setAll | clearAll) !== 0)
    inside.add("mount_setattr", [target, "", AT_EMPTY_PATH | AT_RECURSIVE, setAll, clearAll, 0, null], { note });
  if (propagation !== 0) {
    const all = options.propagationAll ? AT_RECURSIVE : 0;
    inside.add("mount_setattr", [target, "", AT_EMPTY_PATH | all, 0, 0, propagation, null], { note });
  }
  inside.add("close", [target]);
}

/** Where the kernel refuses a new instance because a namespace is shared with the host, the host's own is bound. */
const FALLBACK: Record<string, string> = {
  sysfs: "/sys",
  proc: "/proc",
  mqueue: "/dev/mqueue",
  cgroup2: "/sys/fs/cgroup",
};

function addFileSystem(compilation: Compilation, mount: Mount, type: string, given: MountOptions, index: number): void {
  const { inside, mount: slot } = compilation;
  const note = `mount ${type} at ${mount.destination}`;
  const links = type !== "proc" && type !== "sysfs";
  const fallback = FALLBACK[type];
  if (type === "none" || type === "")
    throw new TsboxError("invalid", `cannot run: mounts[${index}].type: it is missing`);
  const later =
    type === "tmpfs" &&
    ((given.set | given.setAll) & MOUNT_ATTR_RDONLY) !== 0 &&
    isToBeFilled(compilation, normalized(mount.destination), index, normalized);
  const writable = { ...given, set: given.set & ~MOUNT_ATTR_RDONLY, setAll: given.setAll & ~MOUNT_ATTR_RDONLY };
  const options = later ? writable : given;
  const [refused, attached] = [inside.label(), inside.label()];
  const parameters: string[] = mount.source ? [`source=${mount.source}`] : [];
  const label = labelOption(compilation.config, type);
  if (label !== undefined && !options.data.some(([key]) => key === "context")) parameters.push(label);
  for (const [key, value] of options.data) {
    // devpts is always a new instance since Linux 4.7
    if (type !== "devpts" || key !== "newinstance") parameters.push(value === null ? key : `${key}=${value}`);
  }
  const recover = fallback === undefined ? {} : { recover: RECOVER_DENIED, to: refused };
  const keepsMode = options.data.some(([key]) => key === "mode");
  const copies = type === "tmpfs" && options.copyUp;
  const inherits = type === "tmpfs" && (copies || !keepsMode);
  const attributes = inherits ? options.set & ~MOUNT_ATTR_RDONLY : options.set;
  inside.add("new_mount", [slot, type, parameters, attributes], { note, ...recover });
  if (inherits) {
    inside.add("inherit_folder", [slot, compilation.root, mount.destination, keepsMode ? 0 : 1, copies ? 1 : 0], {
      note: copies ? `copy ${mount.destination} into the tmpfs that covers it` : note,
    });
    if (attributes !== options.set)
      inside.add("mount_setattr", [slot, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, null], { note });
  }
  if (later) addReadOnlyLater(compilation, note);
  addAttach(compilation, mount.destination, S_IFDIR, options, { note, bind: false, links });
  if (fallback === undefined) return;
  inside.add("jump", [], { to: attached });
  inside.place(refused);
  inside.add("open_tree", [slot, null, fallback, OPEN_TREE_CLONE | AT_RECURSIVE], {
    note: `${note}, by binding the host's`,
  });
  if (type === "proc") inside.add("require_fs", [slot, PROC_SUPER_MAGIC], { note: "use the host's /proc" });
  // how it is mounted holds for all that the host has mounted below, such as its cgroups (CVE-2023-25809)
  const below = { ...options, set: 0, clear: 0, setAll: options.set | options.setAll };
  addAttach(compilation, mount.destination, S_IFDIR, below, { note, bind: true, links });
  inside.place(attached);
}

/** `type: cgroup` is whatever the host has (runtime-spec, "cgroup ownership"); with version 1 that is a tree of mounts to bind. */
function addCgroup(compilation: Compilation, mount: Mount, options: MountOptions, index: number): void {
  if (isUnified()) {
    addFileSystem(compilation, mount, "cgroup2", { ...options, data: [] }, index);
    return;
  }
  addBind(
    compilation,
    { ...mount, type: "bind", source: "/sys/fs/cgroup" },
    { ...options, data: [] },
    `mounts[${index}]`,
  );
}

function isUnified(): boolean {
  return statfs("/sys/fs/cgroup").type === CGROUP2_SUPER_MAGIC;
}
