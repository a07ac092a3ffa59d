/** `linux.sysctl` of config.json. */
import {
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  PROC_SUPER_MAGIC,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
} from "../linux/abi.gen.ts";
import { encode, type Slot } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

/** Through the container's own procfs, verified, before any of it is made read-only (CVE-2019-19921, CVE-2025-52881). */
export function addSysctl({ inside, root, config, target }: Compilation, proc: Slot): void {
  const entries = Object.entries(config.linux?.sysctl ?? {});
  if (entries.length === 0) return;
  inside.add("openat2", [proc, root, "/proc", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT], {
    note: "open /proc of the container",
  });
  inside.add("require_fs", [proc, PROC_SUPER_MAGIC], { note: "use /proc of the container" });
  for (const [key, value] of entries) {
    const note = `set linux.sysctl ${key}`;
    // a dot separates as a slash does, and either may stand for the other in a name (sysctl(8))
    const path = key.includes("/") ? key : key.replaceAll(".", "/");
    inside.add("openat2", [target, proc, `sys/${path}`, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS], { note });
    inside.add("write", [target, encode(value)], { note });
    inside.add("close", [target]);
  }
  inside.add("close", [proc]);
}
