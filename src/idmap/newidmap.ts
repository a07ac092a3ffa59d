/** newuidmap and newgidmap: where they are, and whether the kernel would let them do their work. newuidmap(1). */
import { SyscallError } from "../linux/errno.ts";
import { CAP_SETGID, CAP_SETUID, filePermittedCapabilities } from "../linux/file-capabilities.ts";
import { hasNoNewPrivs } from "../linux/process-state.ts";
import { exists } from "../linux/read-text.ts";
import { statPath } from "../linux/stat.ts";
import { isNosuid } from "../linux/statfs.ts";
import type { IdRange } from "./mapping.ts";
import type { Obstacle } from "./obstacle.ts";
import type { IdKind } from "./subid.ts";

/** Folders of administrators, in which alone the helpers are looked for: PATH belongs to the caller. The last is NixOS's. */
export const HELPER_FOLDERS = [
  "/usr/bin",
  "/bin",
  "/usr/local/bin",
  "/usr/sbin",
  "/sbin",
  "/run/wrappers/bin",
] as const;

const S_ISUID = 0o4000;
const INSTALL = "apt-get install uidmap, dnf install shadow-utils or apk add shadow-uidmap";

/**
 * The arguments of newuidmap or newgidmap that write a map: `newuidmap PID 0 1000 1 1 100000 65536`.
 *
 * @param pid decimal, or the placeholder that the native program replaces
 */
export function helperArguments(kind: IdKind, pid: string, ranges: readonly IdRange[]): string[] {
  const numbers = ranges.flatMap((range) => [range.container, range.host, range.count].map(String));
  return [kind === "uid" ? "newuidmap" : "newgidmap", pid, ...numbers];
}

/** What keeps newuidmap and newgidmap from working, or undefined. Costs a few system calls, starts nothing. */
export function helperObstacle(folders: readonly string[] = HELPER_FOLDERS): Obstacle | undefined {
  const paths: string[] = [];
  for (const kind of ["uid", "gid"] as const) {
    const found = findHelper(kind, folders);
    if (typeof found !== "string") return found;
    paths.push(found);
  }
  const [path = ""] = paths;
  if (hasNoNewPrivs()) {
    return {
      code: "no-new-privs",
      why: "no_new_privs is set on this process, so newuidmap gets no privileges",
      remedy: "start tsbox outside the sandbox or service that sets it (systemd: NoNewPrivileges=no)",
    };
  }
  // the two come in one package and lie side by side
  if (isNosuid(path)) {
    return {
      code: "nosuid",
      why: `${path} is on a file system mounted nosuid`,
      remedy: `an administrator runs: mount -o remount,suid "$(findmnt -no TARGET -T ${path})"`,
    };
  }
  return undefined;
}

/** The path of one helper, or why the file cannot do its work. */
export function findHelper(kind: IdKind, folders: readonly string[] = HELPER_FOLDERS): string | Obstacle {
  const name = kind === "uid" ? "newuidmap" : "newgidmap";
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    if (!exists(path)) continue;
    const { mode, uid } = statPath(path);
    if (((mode & S_ISUID) !== 0 && uid === 0) || grants(path, kind)) return path;
    return {
      code: `powerless-${name}`,
      why: `${path} has neither root's setuid bit nor file capabilities`,
      remedy: `an administrator runs: chown root ${path} && chmod u+s ${path}`,
    };
  }
  return { code: `no-${name}`, why: `${name} is not installed`, remedy: `an administrator runs: ${INSTALL}` };
}

function grants(path: string, kind: IdKind): boolean {
  try {
    return ((filePermittedCapabilities(path) >> (kind === "uid" ? CAP_SETUID : CAP_SETGID)) & 1) === 1;
  } catch (error) {
    if (error instanceof SyscallError) return false; // a file that cannot be asked about cannot be run either
    throw error;
  }
}
