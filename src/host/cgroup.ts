/** Control groups: whether limits can be set. cgroups(7). */
import { readHostFile } from "../idmap/index.ts";
import { AT_FDCWD, CGROUP2_SUPER_MAGIC, SYS } from "../linux/abi.gen.ts";
import { exists } from "../linux/read-text.ts";
import { statfs } from "../linux/statfs.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { lacks, type Probe, works } from "./probe.ts";

export interface Cgroups {
  readonly version: "v2" | "v1 or hybrid" | "none";
  /** The cgroup of this process, as a path under the mount point; undefined without v2. */
  readonly own: string | undefined;
  /** The highest cgroup above (or equal to) the own one in which this user may make others. */
  readonly delegated: string | undefined;
  /** Controllers that can be used in the delegated one: `cpu`, `memory`, `pids`, ... */
  readonly controllers: readonly string[];
  /** Whether systemd's manager of this user can be asked for a delegated scope. */
  readonly userManager: boolean;
}

const MOUNT = "/sys/fs/cgroup";
const WANTED = ["cpu", "memory", "pids"] as const;
const ENABLE =
  "an administrator runs: systemctl set-property user@$(id -u).service Delegate='cpu cpuset io memory pids'";

/** Where limits could be set. Reads only. */
export function probeCgroups(env: Record<string, string | undefined> = process.env): Probe<Cgroups> {
  const runtime = env.XDG_RUNTIME_DIR;
  const userManager = runtime !== undefined && exists(`${runtime}/systemd/private`);
  if (!exists(MOUNT) || statfs(MOUNT).type !== CGROUP2_SUPER_MAGIC) {
    const version = exists(`${MOUNT}/memory`) || exists(`${MOUNT}/unified`) ? "v1 or hybrid" : "none";
    const value: Cgroups = { version, own: undefined, delegated: undefined, controllers: [], userManager };
    return lacks(
      value,
      version === "none" ? "no cgroups are mounted" : "the host uses cgroup v1, which cannot be delegated safely",
      "an administrator boots with systemd.unified_cgroup_hierarchy=1",
    );
  }
  const own = /^0::(.*)$/m.exec(readHostFile("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  const delegated = highestWritable(own);
  const controllers = (readHostFile(`${MOUNT}${delegated ?? own}/cgroup.controllers`) ?? "")
    .split(/\s+/)
    .filter(Boolean);
  const value: Cgroups = { version: "v2", own, delegated, controllers, userManager };
  if (delegated === undefined && !userManager) {
    return lacks(value, "no cgroup is delegated to you", "log in through systemd (ssh, a console, machinectl shell)");
  }
  const missing = WANTED.filter((name) => !controllers.includes(name));
  if (missing.length > 0) return lacks(value, `the controllers ${missing.join(", ")} are not delegated`, ENABLE);
  return works(value);
}

const W_OK = 2;

function highestWritable(own: string): string | undefined {
  let found: string | undefined;
  const may = (path: string) =>
    syscall(SYS.faccessat, AT_FDCWD, cstring(`${MOUNT}${path}`), W_OK) === 0 &&
    syscall(SYS.faccessat, AT_FDCWD, cstring(`${MOUNT}${path}/cgroup.procs`), W_OK) === 0;
  for (let path = own; path !== "" && path !== "/"; path = path.slice(0, path.lastIndexOf("/"))) {
    if (may(path)) found = path;
  }
  return found;
}
