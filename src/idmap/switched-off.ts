/** The ways in which a host switches user namespaces off. user_namespaces(7), namespaces(7). */
import { readHostFile, readSysctl } from "./host-files.ts";
import type { Obstacle } from "./obstacle.ts";

interface Switch {
  readonly name: string;
  readonly blocks: (value: number) => boolean;
  readonly why: string;
  readonly value: number;
}

const SWITCHES: readonly Switch[] = [
  {
    name: "user.max_user_namespaces",
    blocks: (value) => value === 0,
    why: "no user namespace is allowed",
    value: 15000,
  },
  // A namespace of every kind is made together with the user namespace. namespaces(7), "/proc/sys/user".
  ...(["mnt", "pid", "ipc", "uts", "net", "cgroup"] as const).map((kind) => ({
    name: `user.max_${kind}_namespaces`,
    blocks: (value: number) => value === 0,
    why: `no namespace of the kind ${kind} is allowed`,
    value: 15000,
  })),
  // Debian's and Ubuntu's kernels
  {
    name: "kernel.unprivileged_userns_clone",
    blocks: (value) => value === 0,
    why: "user namespaces are reserved to root",
    value: 1,
  },
  // Ubuntu 23.10 and later: the namespace is made, but without capabilities in it
  {
    name: "kernel.apparmor_restrict_unprivileged_userns",
    blocks: (value) => value === 1,
    why: "AppArmor takes all capabilities from user namespaces of programs without a profile",
    value: 0,
  },
];

function permanent(name: string, value: number): string {
  return `an administrator runs: echo ${name}=${value} > /etc/sysctl.d/99-userns.conf && sysctl --system`;
}

/**
 * The settings that keep this user from making (useful) user namespaces, most certain first. Reads a handful of files
 * under `/proc`. An empty list does not prove that it works; only trying does.
 *
 * @param root put before every path; a folder in tests
 */
export function userNamespaceSwitches(root = ""): Obstacle[] {
  const found: Obstacle[] = [];
  for (const { name, blocks, why, value } of SWITCHES) {
    const now = readSysctl(name, root);
    if (now === undefined || !blocks(now)) continue;
    if (name.includes("apparmor") && hasAppArmorProfile(root)) continue;
    found.push({ code: name, why: `${why} (${name}=${now})`, remedy: permanent(name, value) });
  }
  return found;
}

/** A program that has a profile is not restricted by the AppArmor switch, only by what the profile says. */
function hasAppArmorProfile(root: string): boolean {
  const label =
    readHostFile("/proc/self/attr/apparmor/current", root) ?? readHostFile("/proc/self/attr/current", root) ?? "";
  return label.trim() !== "" && !label.startsWith("unconfined");
}

/**
 * Why making a user namespace failed, after it did, from the kernel's answer and the host's settings.
 *
 * @param errno positive errno value of clone or unshare (`ENOSPC`, `EPERM`, ...) as a name
 */
export function explainUserNamespaceFailure(errno: string, root = ""): Obstacle {
  const [first] = userNamespaceSwitches(root);
  if (first !== undefined) return first;
  if (errno === "ENOSPC" || errno === "EUSERS") {
    const limit = readSysctl("user.max_user_namespaces", root);
    return {
      code: "userns-limit",
      why: `the limit of user namespaces is used up${limit === undefined ? "" : ` (user.max_user_namespaces=${limit})`}, or they are nested 32 deep`,
      remedy: permanent("user.max_user_namespaces", Math.max(15000, 2 * (limit ?? 0))),
    };
  }
  if (errno === "EINVAL" || errno === "ENOSYS") {
    return {
      code: "no-userns",
      why: "the kernel is built without user namespaces",
      remedy: "use a kernel with CONFIG_USER_NS=y",
    };
  }
  const status = readHostFile("/proc/self/status", root) ?? "";
  if (/^Seccomp:\s*2$/m.test(status)) {
    return {
      code: "seccomp",
      why: "a seccomp filter refuses new user namespaces, as in a container started by Docker or Kubernetes",
      remedy:
        "start the outer container with --security-opt seccomp=unconfined (Kubernetes: seccompProfile Unconfined) and --security-opt systempaths=unconfined",
    };
  }
  if (insideChroot(root)) {
    return {
      code: "chroot",
      why: "this process runs in a chroot, where the kernel refuses user namespaces",
      remedy: "start tsbox outside the chroot",
    };
  }
  return {
    code: "refused",
    why: `the kernel or a security module refuses new user namespaces (${errno})`,
    remedy: "an administrator looks at: journalctl -k | grep -iE 'apparmor|selinux|audit'",
  };
}

/** In a chroot, the process's root is not the root of its mount namespace, so no mount is listed at `/`. proc_pid_mountinfo(5). */
function insideChroot(root: string): boolean {
  const mounts = readHostFile("/proc/self/mountinfo", root);
  return mounts !== undefined && mounts !== "" && !mounts.split("\n").some((line) => line.split(" ")[4] === "/");
}
