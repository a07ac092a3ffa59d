/** `linux.sysctl` of config.json. */
import { TsboxError } from "../error.ts";
import {
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  PROC_SUPER_MAGIC,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
} from "../linux/abi.gen.ts";
import type { NamespaceType, RuntimeConfig } from "../oci/index.ts";
import { encode, type Slot } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

/** Files of /proc/sys/kernel that an ipc namespace has of its own: ipc_namespaces(7), and the *_next_id of CRIU. */
const IPC =
  /^kernel\/(msgmax|msgmnb|msgmni|msg_next_id|sem|sem_next_id|shmall|shmmax|shmmni|shm_next_id|shm_rmid_forced)$/;

const refuse = (key: string, reason: string) =>
  new TsboxError("invalid", `cannot run: linux.sysctl: ${key}: ${reason}`);

/**
 * Through the container's own procfs, verified, before any of it is made read-only (CVE-2019-19921, CVE-2025-52881).
 * @throws TsboxError naming the key of one that the container has not of its own: it would be the host's
 */
export function addSysctl({ inside, root, config, target }: Compilation, proc: Slot): void {
  const entries = Object.entries(config.linux?.sysctl ?? {});
  if (entries.length === 0) return;
  inside.add("openat2", [proc, root, "/proc", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT], {
    note: "open /proc of the container",
  });
  inside.add("require_fs", [proc, PROC_SUPER_MAGIC], { note: "use /proc of the container" });
  for (const [key, value] of entries) {
    const note = `set linux.sysctl ${key}`;
    const path = sysctlPath(key);
    checkNamespace(config, key, path);
    if (path === "kernel/domainname") {
      // the file is for the host's root only, whoever the namespace belongs to; the call is not
      inside.add("setdomainname", [encode(value)], { note });
      continue;
    }
    inside.add("openat2", [target, proc, `sys/${path}`, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS], { note });
    inside.add("write", [target, encode(value)], { note });
    inside.add("close", [target]);
  }
  inside.add("close", [proc]);
}

/**
 * Below /proc/sys. Whichever of dot and slash comes first is the separator; the other one then stands for a dot in a name,
 * as in `net/ipv4/conf/eth0.100/forwarding` (sysctl.d(5)).
 */
export function sysctlPath(key: string): string {
  const dot = key.indexOf(".");
  const slash = key.indexOf("/");
  const path =
    slash >= 0 && (dot < 0 || slash < dot) ? key : key.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
  // net/../kernel/x would be named after one namespace and belong to another
  if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw refuse(key, "it is not the name of a sysctl");
  return path;
}

/** The kernel has most of /proc/sys once for all containers. */
function checkNamespace(config: RuntimeConfig, key: string, path: string): void {
  const needed = namespaceOf(path);
  if (needed === undefined) throw refuse(key, "it is not in a namespace, so that it would be the host's");
  const { namespaces = [] } = config.linux ?? {};
  if (!namespaces.some(({ type }) => type === needed))
    throw refuse(key, `without a ${needed} namespace in linux.namespaces it would be the host's`);
  if (path === "kernel/domainname" && config.domainname !== undefined) throw refuse(key, "domainname says so already");
  if (path === "kernel/hostname") throw refuse(key, "hostname is the field for it");
}

function namespaceOf(path: string): NamespaceType | undefined {
  if (path.startsWith("net/")) return "network";
  if (path.startsWith("fs/mqueue/") || IPC.test(path)) return "ipc";
  if (path === "kernel/domainname" || path === "kernel/hostname") return "uts";
  if (path.startsWith("user/")) return "user";
  return undefined;
}
