/** `process.apparmorProfile`, `process.selinuxLabel` and `linux.mountLabel` of config.json. */
import { TsboxError } from "../error.ts";
import { O_DIRECTORY, O_PATH, O_WRONLY, PROC_SUPER_MAGIC } from "../linux/abi.gen.ts";
import { exists, readShortText } from "../linux/read-text.ts";
import type { Process, RuntimeConfig } from "../oci/index.ts";
import { encode, type Program, RECOVER_MISSING, type Slot } from "../plan/index.ts";

const APPARMOR = "/sys/module/apparmor/parameters/enabled";
const SELINUX = "/sys/fs/selinux/enforce";

/** The security modules that give labels. */
export interface SecurityModules {
  readonly apparmor: boolean;
  readonly selinux: boolean;
}

function enabledModules(): SecurityModules {
  return { apparmor: readShortText(APPARMOR)?.startsWith("Y") === true, selinux: exists(SELINUX) };
}

/** What the program becomes, and where the kernel is told so. */
export interface Labels {
  readonly proc: Slot;
  readonly profile: string;
  readonly selinux: string;
}

const refuse = (field: string, label: string, module: string) =>
  new TsboxError("unsupported", `cannot run: ${field} ${label}: ${module} is not enabled on this host`);

/**
 * Appends to `outside` what {@link addLabels} needs: procfs as the caller has it. The container's own could be anything
 * (CVE-2019-16884).
 * @returns undefined when the process has no label
 * @throws TsboxError naming the field of a security module that is not there
 */
export function openLabels(
  outside: Program,
  { apparmorProfile: profile = "", selinuxLabel: selinux = "" }: Process,
  modules?: SecurityModules,
): Labels | undefined {
  if (profile === "" && selinux === "") return undefined;
  const enabled = modules ?? enabledModules();
  if (selinux !== "" && !enabled.selinux) throw refuse("process.selinuxLabel", selinux, "SELinux");
  if (profile !== "" && !enabled.apparmor) {
    // "unconfined" is what such a host gives everybody
    if (profile !== "unconfined") throw refuse("process.apparmorProfile", profile, "AppArmor");
    if (selinux === "") return undefined;
  }
  const proc = outside.slot();
  outside.add("openat2", [proc, null, "/proc", O_PATH | O_DIRECTORY, 0, 0], { note: "open /proc" });
  outside.add("require_fs", [proc, PROC_SUPER_MAGIC], { note: "use /proc" });
  return { proc, profile: enabled.apparmor ? profile : "", selinux };
}

/** Appends what the next execve of `inside` becomes; before no_new_privs, which may forbid it. Closes what was open for it. */
export function addLabels(inside: Program, labels: Labels | undefined): void {
  if (labels === undefined) return;
  const { proc, profile, selinux } = labels;
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
  if (selinux !== "") {
    inside.add("write_file", [proc, "self/attr/exec", encode(selinux), O_WRONLY], {
      note: `set process.selinuxLabel to ${selinux}`,
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
export function labelOption({ linux }: RuntimeConfig, type: string, modules?: SecurityModules): string | undefined {
  const label = linux?.mountLabel ?? "";
  if (label === "") return undefined;
  if (!(modules ?? enabledModules()).selinux) throw refuse("linux.mountLabel", label, "SELinux");
  return UNLABELLED.has(type) ? undefined : `context=${label}`;
}
