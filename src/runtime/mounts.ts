/** `mounts` of config.json: each is made detached, then attached by descriptor at a place resolved inside the root. */
import { TsboxError } from "../error.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  CGROUP2_SUPER_MAGIC,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  MS_PRIVATE,
  O_PATH,
  OPEN_TREE_CLONE,
  PROC_SUPER_MAGIC,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFREG,
} from "../linux/abi.gen.ts";
import { statPath } from "../linux/stat.ts";
import { statfs } from "../linux/statfs.ts";
import type { Mount } from "../oci/index.ts";
import { RECOVER_DENIED, RECOVER_MISSING } from "../plan/index.ts";
import type { Compilation } from "./context.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";

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
  refuseOverProc(mount, isBind, field);
  if (options.copyUp) throw new TsboxError("unsupported", `cannot run: ${field}.options: tmpcopyup is not built yet`);
  if (options.idmap)
    throw new TsboxError("unsupported", `cannot run: ${field}.options: ${options.idmap} is not built yet`);
  if (mount.uidMappings !== undefined || mount.gidMappings !== undefined) {
    throw new TsboxError("unsupported", `cannot run: ${field}.uidMappings: id-mapped mounts are not built yet`);
  }
  if (isBind) addBind(compilation, mount, options, field);
  else if (mount.type === "cgroup") addCgroup(compilation, mount, options, field);
  else addFileSystem(compilation, mount, mount.type ?? "none", options, field);
}

function normalized(path: string): string {
  return `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`;
}

/** Security labels and sysctls are written there: nothing but procfs may be at /proc (CVE-2019-16884, CVE-2019-19921). */
function refuseOverProc(mount: Mount, isBind: boolean, field: string): void {
  const path = normalized(mount.destination);
  if (path === "/") throw new TsboxError("invalid", `cannot run: ${field}.destination: cannot mount over the root`);
  if (path === "/proc" && isBind && mount.source !== "/proc") {
    throw new TsboxError("invalid", `cannot run: ${field}: only procfs may be mounted at /proc`);
  }
  if (path.startsWith("/proc/") && !PROC_FILES.has(path)) {
    throw new TsboxError("invalid", `cannot run: ${field}: cannot mount ${path} inside /proc`);
  }
}

/** Opens the place of a mount in slot `target`, made where it is missing. */
function addTarget(compilation: Compilation, path: string, type: number, followLinks: boolean): void {
  const { inside, target, root } = compilation;
  const note = `make the mount point ${path} in the container`;
  if (followLinks) {
    inside.add("make_in", [target, root, path, type === S_IFDIR ? 0o755 : 0o644, type], { note });
    return;
  }
  const missing = inside.label();
  const done = inside.label();
  inside.add("openat2", [target, root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS], {
    note: `use ${path} of the image, which must not be a symbolic link`,
    recover: RECOVER_MISSING,
    to: missing,
  });
  inside.add("jump", [], { to: done });
  inside.place(missing);
  inside.add("make_in", [target, root, path, 0o755, type], { note });
  inside.place(done);
}

/** Attaches slot `mount` at slot `target` and sets what the options ask for. */
function addAttach(compilation: Compilation, options: MountOptions, note: string, own: boolean): void {
  const { inside, mount, target } = compilation;
  const { set, clear, setAll, clearAll } = options;
  if (own && (set | clear) !== 0)
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH, set, clear, 0, null], { note });
  if ((setAll | clearAll) !== 0) {
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH | AT_RECURSIVE, setAll, clearAll, 0, null], { note });
  }
  // runtime-spec says rprivate where a bind mount says nothing; a new file system's mount is private already
  const propagation = options.propagation ?? (own ? MS_PRIVATE : undefined);
  const recursive = options.propagation === undefined || options.propagationAll ? AT_RECURSIVE : 0;
  if (propagation !== undefined) {
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH | recursive, 0, 0, propagation, null], { note });
  }
  inside.add("move_mount", [mount, target], { note });
  inside.add("close", [target]);
  inside.add("close", [mount]);
}

function addBind(compilation: Compilation, mount: Mount, options: MountOptions, field: string): void {
  const source = mount.source;
  if (source === undefined || source === "")
    throw new TsboxError("invalid", `cannot run: ${field}.source: a bind mount needs one`);
  const note = `bind ${source} at ${mount.destination}`;
  const type = statPath(source).isFolder ? S_IFDIR : S_IFREG;
  const recursive = options.bind === "bind" ? 0 : AT_RECURSIVE;
  compilation.inside.add("open_tree", [compilation.mount, null, source, OPEN_TREE_CLONE | recursive], { note });
  addTarget(compilation, mount.destination, type, true);
  addAttach(compilation, options, note, true);
}

/** Where the kernel refuses a new instance because a namespace is shared with the host, the host's own is bound. */
const FALLBACK: Record<string, string> = {
  sysfs: "/sys",
  proc: "/proc",
  mqueue: "/dev/mqueue",
  cgroup2: "/sys/fs/cgroup",
};

function addFileSystem(
  compilation: Compilation,
  mount: Mount,
  type: string,
  options: MountOptions,
  field: string,
): void {
  const { inside, mount: slot } = compilation;
  const note = `mount ${type} at ${mount.destination}`;
  const links = type !== "proc" && type !== "sysfs";
  const fallback = FALLBACK[type];
  const refused = inside.label();
  const attached = inside.label();
  const recover = fallback === undefined ? {} : { recover: RECOVER_DENIED, to: refused };
  if (type === "none" || type === "") throw new TsboxError("invalid", `cannot run: ${field}.type: it is missing`);

  inside.add("fsopen", [compilation.target, type], { note, ...recover });
  const source = mount.source;
  if (source !== undefined && source !== "")
    inside.add("fsconfig", [compilation.target, FSCONFIG_SET_STRING, "source", source, 0], { note });
  for (const [key, value] of options.data) {
    // devpts is always a new instance since Linux 4.7
    if (type === "devpts" && key === "newinstance") continue;
    const command = value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    inside.add("fsconfig", [compilation.target, command, key, value, 0], { note: `${note}: option ${key}` });
  }
  inside.add("fsconfig", [compilation.target, FSCONFIG_CMD_CREATE, null, null, 0], { note, ...recover });
  inside.add("fsmount", [slot, compilation.target, options.set], { note, ...recover });
  inside.add("close", [compilation.target]);
  addTarget(compilation, mount.destination, S_IFDIR, links);
  addAttach(compilation, options, note, false);
  if (fallback === undefined) return;
  inside.add("jump", [], { to: attached });
  inside.place(refused);
  inside.add("open_tree", [slot, null, fallback, OPEN_TREE_CLONE | AT_RECURSIVE], {
    note: `${note}, by binding the host's`,
  });
  if (type === "proc") inside.add("require_fs", [slot, PROC_SUPER_MAGIC], { note: "use the host's /proc" });
  addTarget(compilation, mount.destination, S_IFDIR, links);
  // how it is mounted holds for all that the host has mounted below, such as its cgroups (CVE-2023-25809)
  addAttach(compilation, { ...options, set: 0, clear: 0, setAll: options.set | options.setAll }, note, true);
  inside.place(attached);
}

/** `type: cgroup` is whatever the host has (runtime-spec, "cgroup ownership"); with version 1 that is a tree of mounts to bind. */
function addCgroup(compilation: Compilation, mount: Mount, options: MountOptions, field: string): void {
  if (isUnified()) {
    addFileSystem(compilation, mount, "cgroup2", { ...options, data: [] }, field);
    return;
  }
  addBind(compilation, { ...mount, type: "bind", source: "/sys/fs/cgroup" }, { ...options, data: [] }, field);
}

function isUnified(): boolean {
  return statfs("/sys/fs/cgroup").type === CGROUP2_SUPER_MAGIC;
}
