/** `process.apparmorProfile`, `process.selinuxLabel` and `linux.mountLabel` of config.json. */
import { TsboxError } from "../error.ts";
import { O_DIRECTORY, O_PATH, O_WRONLY, PROC_SUPER_MAGIC } from "../linux/abi.gen.ts";
import { exists, readShortText } from "../linux/read-text.ts";
import type { Process, RuntimeConfig } from "../oci/index.ts";
import { encode, type Program, RECOVER_MISSING, type Slot } from "../plan/index.ts";

const APPARMOR = "/sys/module/apparmor/parameters/enabled";
const SELINUX = "/sys/fs/selinux/enforce";

const refuse = (field: string, module: string) =>
  new TsboxError("unsupported", `cannot run: ${field}: ${module} is not enabled on this host`);

/** "unconfined" is what a host without AppArmor gives everybody. */
function profileOf({ apparmorProfile = "" }: Process): string {
  if (apparmorProfile === "" || readShortText(APPARMOR)?.startsWith("Y")) return apparmorProfile;
  if (apparmorProfile === "unconfined") return "";
  throw refuse("process.apparmorProfile", "AppArmor");
}

function selinuxLabelOf({ selinuxLabel = "" }: Process): string {
  if (selinuxLabel !== "" && !exists(SELINUX)) throw refuse("process.selinuxLabel", "SELinux");
  return selinuxLabel;
}

/**
 * Appends to `outside` what {@link addLabels} needs: procfs as the caller has it. The container's own could be anything
 * (CVE-2019-16884).
 * @returns undefined when the process has no label
 * @throws TsboxError naming the field of a security module that is not there
 */
export function openLabels(outside: Program, process: Process): Slot | undefined {
  if (profileOf(process) === "" && selinuxLabelOf(process) === "") return undefined;
  const proc = outside.slot();
  outside.add("openat2", [proc, null, "/proc", O_PATH | O_DIRECTORY, 0, 0], { note: "open /proc" });
  outside.add("require_fs", [proc, PROC_SUPER_MAGIC], { note: "use /proc" });
  return proc;
}

/** Appends what the next execve of `inside` becomes; before no_new_privs, which would forbid it. Closes `proc`. */
export function addLabels(inside: Program, process: Process, proc: Slot | undefined): void {
  if (proc === undefined) return;
  const profile = profileOf(process);
  const label = selinuxLabelOf(process);
  if (profile !== "") {
    const note = `set process.apparmorProfile to ${profile}`;
    const [older, done] = [inside.label(), inside.label()];
    const data = encode(`exec ${profile}`);
    // where several security modules are stacked, the file without a name may belong to another
    inside.add("write_file", [proc, "self/attr/apparmor/exec", data, O_WRONLY], {
      note,
      recover: RECOVER_MISSING,
      to: older,
    });
    inside.add("jump", [], { to: done });
    inside.place(older);
    inside.add("write_file", [proc, "self/attr/exec", data, O_WRONLY], { note });
    inside.place(done);
  }
  if (label !== "") {
    inside.add("write_file", [proc, "self/attr/exec", encode(label), O_WRONLY], {
      note: `set process.selinuxLabel to ${label}`,
    });
  }
  // it leads to the host
  inside.add("close", [proc]);
}

/** Kinds of file system that take no label of their own. */
const UNLABELLED = new Set(["proc", "sysfs", "mqueue", "cgroup", "cgroup2"]);

/**
 * `linux.mountLabel` as an option of a new file system (mount(8), "context").
 * @throws TsboxError when SELinux is not there
 */
export function labelOption({ linux }: RuntimeConfig, type: string): string | undefined {
  const label = linux?.mountLabel ?? "";
  if (label === "") return undefined;
  if (!exists(SELINUX)) throw refuse("linux.mountLabel", "SELinux");
  return UNLABELLED.has(type) ? undefined : `context=${label}`;
}
