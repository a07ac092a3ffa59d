/** Mount options of config.json (runtime-spec config.md, "Linux mount options") as what the kernel takes. */
import { TsboxError } from "../error.ts";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../linux/abi.gen.ts";

export interface MountOptions {
  /** MOUNT_ATTR_* to set and clear on the mount itself. */
  readonly set: number;
  readonly clear: number;
  /** The same for the mount and all below it. */
  readonly setAll: number;
  readonly clearAll: number;
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE. */
  readonly propagation: number | undefined;
  readonly propagationAll: boolean;
  readonly bind: "bind" | "rbind" | undefined;
  readonly copyUp: boolean;
  /** Change the mount that is there instead of making one. */
  readonly remount: boolean;
  readonly idmap: "idmap" | "ridmap" | undefined;
  /** What is left for the file system: a flag, or a key with its value. */
  readonly data: readonly (readonly [key: string, value: string | null])[];
}

/** set, clear. Changing how access times are kept means clearing the old way first (mount_setattr(2)). */
const ATTRIBUTES: Record<string, readonly [number, number]> = {
  ro: [MOUNT_ATTR_RDONLY, 0],
  rw: [0, MOUNT_ATTR_RDONLY],
  nosuid: [MOUNT_ATTR_NOSUID, 0],
  suid: [0, MOUNT_ATTR_NOSUID],
  nodev: [MOUNT_ATTR_NODEV, 0],
  dev: [0, MOUNT_ATTR_NODEV],
  noexec: [MOUNT_ATTR_NOEXEC, 0],
  exec: [0, MOUNT_ATTR_NOEXEC],
  nosymfollow: [MOUNT_ATTR_NOSYMFOLLOW, 0],
  symfollow: [0, MOUNT_ATTR_NOSYMFOLLOW],
  nodiratime: [MOUNT_ATTR_NODIRATIME, 0],
  diratime: [0, MOUNT_ATTR_NODIRATIME],
  relatime: [0, MOUNT_ATTR__ATIME],
  norelatime: [0, MOUNT_ATTR__ATIME],
  noatime: [MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME],
  atime: [0, MOUNT_ATTR__ATIME],
  strictatime: [MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME],
  nostrictatime: [0, MOUNT_ATTR__ATIME],
};

const PROPAGATION: Record<string, number> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** Flags of a superblock, which fsconfig(2) takes by these names; negative forms are what is there anyway. */
const SUPERBLOCK = new Set(["sync", "dirsync", "lazytime", "mand"]);
/** `silent` is about the kernel's log and `iversion` is the file systems' own affair since Linux 6: fsconfig(2) knows neither. */
const NOTHING = new Set([...["defaults", "async", "nolazytime", "nomand", "iversion", "noiversion", "loud", "silent"]]);

/**
 * @param options as in config.json; later ones win over earlier ones
 * @param field for messages: `mounts[3].options`
 * @throws TsboxError `invalid` for contradictions
 */
export function parseMountOptions(options: readonly string[] | undefined, field: string): MountOptions {
  let [set, clear, setAll, clearAll] = [0, 0, 0, 0];
  let propagation: number | undefined;
  let propagationAll = false;
  let bind: MountOptions["bind"];
  let idmap: MountOptions["idmap"];
  let copyUp = false;
  let remount = false;
  const data: [string, string | null][] = [];
  for (const option of options ?? []) {
    const own = ATTRIBUTES[option];
    const all = option.startsWith("r") ? ATTRIBUTES[option.slice(1)] : undefined;
    const shared = PROPAGATION[option];
    const sharedAll = option.startsWith("r") ? PROPAGATION[option.slice(1)] : undefined;
    if (own !== undefined) {
      set = (set & ~own[1]) | own[0];
      clear = (clear & ~own[0]) | own[1];
    } else if (all !== undefined) {
      setAll = (setAll & ~all[1]) | all[0];
      clearAll = (clearAll & ~all[0]) | all[1];
    } else if (shared !== undefined || sharedAll !== undefined) {
      propagation = shared ?? sharedAll;
      propagationAll = sharedAll !== undefined;
    } else if (option === "bind" || option === "rbind") bind = option;
    else if (option === "idmap" || option === "ridmap") idmap = option;
    else if (option === "tmpcopyup") copyUp = true;
    else if (option === "remount") remount = true;
    else if (SUPERBLOCK.has(option)) data.push([option, null]);
    // podman 5 writes an empty one for each tmpfs of --systemd=always
    else if (option !== "" && !NOTHING.has(option)) {
      const at = option.indexOf("=");
      if (at === 0) throw new TsboxError("invalid", `cannot mount: ${field}: "${option}" is not an option`);
      data.push(at < 0 ? [option, null] : [option.slice(0, at), option.slice(at + 1)]);
    }
  }
  return { set, clear, setAll, clearAll, propagation, propagationAll, bind, copyUp, remount, idmap, data };
}

/** Every option that is not left to a file system. */
export function mountOptionNames(): string[] {
  const both = [...Object.keys(ATTRIBUTES), ...Object.keys(PROPAGATION)].flatMap((name) => [name, `r${name}`]);
  return [
    ...new Set([...both, ...SUPERBLOCK, ...NOTHING, "bind", "rbind", "idmap", "ridmap", "remount", "tmpcopyup"]),
  ].sort();
}
