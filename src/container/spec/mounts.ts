/** `mounts` of config.json: what every container has, Docker's and podman's alike, and what was asked for. */

import { TsboxError } from "../../error.ts";
import { exists } from "../../linux/read-text.ts";
import type { Mount } from "../../oci/index.ts";
import type { SpecContext } from "./build.ts";
import type { MountRequest, RunOptions } from "./options.ts";

/** @throws TsboxError `usage` when two flags mount at one place */
export function buildMounts(options: RunOptions, context: SpecContext): Mount[] {
  const asked = options.mounts;
  checkDoubles(asked);
  const places = new Set(asked.map(({ destination }) => destination));
  // what is asked for replaces what is there by default, and a /dev replaces all of /dev
  const isKept = ({ destination }: Mount) =>
    !places.has(destination) && !(places.has("/dev") && destination.startsWith("/dev/"));
  // a folder is mounted before what lies in it, in whatever order the flags came
  const placed = [...fileMounts(options, context).filter(isKept), ...asked.map(requestedMount)].toSorted(
    (a, b) => depth(a) - depth(b),
  );
  return [...standardMounts(options, context).filter(isKept), ...placed];
}

/** The last one would hide the others without a word. */
function checkDoubles(requests: readonly MountRequest[]): void {
  const seen = new Map<string, string>();
  for (const { destination, flag } of requests) {
    const other = seen.get(destination);
    if (other !== undefined) throw new TsboxError("usage", `cannot use ${flag}: ${other} mounts at ${destination} too`);
    seen.set(destination, flag);
  }
}

function depth({ destination }: Mount): number {
  return destination.split("/").length;
}

function requestedMount({ type, source, destination, options }: MountRequest): Mount {
  if (type === "bind") return { destination, type: "bind", source, options };
  return { destination, type: "tmpfs", source: "tmpfs", options };
}

function standardMounts(options: RunOptions, context: SpecContext): Mount[] {
  const { mapping, newNetwork } = context;
  // the group "tty" of every distribution; without subordinate ids there is no such group
  const tty = mapping.gids.some(({ container, count }) => container <= 5 && 5 < container + count) ? ["gid=5"] : [];
  const access = options.privileged ? "rw" : "ro";
  const safe = ["nosuid", "noexec", "nodev"];
  // the kernel makes a procfs or sysfs only for who owns the process ids or the network that it shows (user_namespaces(7))
  const [ownPids, ownNetwork] = [
    options.pid !== "host" || mapping.kind === "none",
    newNetwork || mapping.kind === "none",
  ];
  // recursive: below the host's /sys are its cgroups (CVE-2023-25809)
  const recursive = access === "ro" ? ["ro", "rro"] : ["rw"];
  const mounts: Mount[] = [
    ownPids
      ? { destination: "/proc", type: "proc", source: "proc", options: safe }
      : { destination: "/proc", type: "bind", source: "/proc", options: ["rbind", "rprivate", ...safe] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...tty],
    },
    ownNetwork
      ? { destination: "/sys", type: "sysfs", source: "sysfs", options: [...safe, access] }
      : { destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rprivate", ...safe, ...recursive] },
  ];
  if (context.unifiedCgroups) {
    const how = [...safe, "relatime", access];
    mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: how });
  }
  if (options.ipc === "host") {
    // not every host has message queues mounted
    for (const path of ["/dev/mqueue", "/dev/shm"])
      if ((context.hostHas ?? exists)(path)) mounts.push(bind(path, path));
  } else {
    const shm = [...safe, "mode=1777", `size=${options.shmSize}`];
    mounts.push({ destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe });
    if (options.ipc !== "none") mounts.push({ destination: "/dev/shm", type: "tmpfs", source: "shm", options: shm });
  }
  for (const path of context.privilegedDevices)
    mounts.push({ ...bind(path, path), options: ["bind", "rprivate", "nosuid", "noexec"] });
  return mounts;
}

/** Part of the root file system to whoever looks, so read-only when that is. */
function fileMounts({ readOnly }: RunOptions, { files }: SpecContext): Mount[] {
  return Object.entries(files).map(([destination, source]) => bind(source, destination, readOnly ? ["ro"] : []));
}

function bind(source: string, destination: string, more: readonly string[] = []): Mount {
  return { destination, type: "bind", source, options: ["rbind", "rprivate", ...more] };
}
