/**
 * Which mounts of a container CRIU must leave alone: those whose file system belongs to the host. CRIU calls them external; a
 * checkpoint names each by where it is in the container, and restore says by that name what is to be mounted there.
 */
import { readText } from "../../../linux/read-text.ts";
import { statPath } from "../../../linux/stat.ts";
import type { RuntimeConfig } from "../../../oci/index.ts";
import { isBindMount, withAbsoluteSources } from "../../mount-sources.ts";

/** A line of proc_pid_mountinfo(5). */
export interface MountLine {
  readonly id: number;
  /** The mount below which it is. */
  readonly parent: number;
  /** `major:minor` */
  readonly device: string;
  /** What of the file system is mounted. */
  readonly root: string;
  readonly place: string;
  readonly type: string;
}

/** What restore must know of a mount; plain JSON. */
export interface ExternalMount {
  /** Absolute, in the container. */
  readonly place: string;
  /** Absolute, on the host that made the checkpoint. */
  readonly source: string;
}

/** A place in the root file system itself on which something is mounted. */
export interface MountPoint {
  readonly place: string;
  readonly isFolder: boolean;
}

/** CRIU makes these anew in the container's namespaces, though the host's file system may be the same one. */
const OF_NAMESPACES: readonly string[] = ["proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts"];

const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));

/** @param of a pid, or `self` */
export function mountsOf(of: number | "self"): MountLine[] {
  return readText(`/proc/${of}/mountinfo`)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id, parent, device = "", root = "", place = ""] = line.split(" ");
      const type = / - (\S+)/.exec(line)?.[1] ?? "";
      return { id: Number(id), parent: Number(parent), device, root: unescaped(root), place: unescaped(place), type };
    });
}

/** @param host the mounts of whoever makes the checkpoint */
export function externalMounts(inside: readonly MountLine[], host: readonly MountLine[]): ExternalMount[] {
  const found: ExternalMount[] = [];
  for (const { device, root, place, type } of inside) {
    if (place === "/" || OF_NAMESPACES.includes(type)) continue;
    const source = sourceOf(device, root, host);
    if (source === undefined || found.some((other) => other.place === place)) continue;
    found.push({ place, source });
  }
  return found;
}

/** @param inside of the container whose first process is `pid` */
export function mountPoints(pid: number, inside: readonly MountLine[]): MountPoint[] {
  const root = inside.find(({ place }) => place === "/")?.id;
  return inside
    .filter(({ parent, id }) => parent === root && id !== root)
    .map(({ place }) => ({ place, isFolder: statPath(`/proc/${pid}/root${place}`).isFolder }));
}

/** Where the host sees a part of a file system; undefined when it does not see that file system at all. */
function sourceOf(device: string, root: string, host: readonly MountLine[]): string | undefined {
  const mounts = host.filter((mount) => mount.device === device);
  for (const mount of mounts) {
    const above = mount.root === "/" ? "" : mount.root;
    if (root !== mount.root && !root.startsWith(`${above}/`)) continue;
    const rest = root.slice(above.length);
    const path = `${mount.place === "/" ? "" : mount.place}${rest === "/" ? "" : rest}`;
    return path === "" ? "/" : path;
  }
  return mounts.length > 0 ? root : undefined;
}

/** What is mounted at restore: what config.json says now, else what was there. */
export function sourceAtRestore({ place, source }: ExternalMount, config: RuntimeConfig, bundle: string): string {
  const mount = withAbsoluteSources(config, bundle).mounts?.findLast(
    (each) => isBindMount(each) && each.destination.replace(/\/+$/, "") === place,
  );
  return mount?.source ?? source;
}
