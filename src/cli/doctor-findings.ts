/** What `tsbox doctor` says about each thing, made from the probes. */
import {
  type Cgroups,
  type FoundProgram,
  type Ids,
  type Kernel,
  type Probe,
  probeCgroups,
  probeDevice,
  probeIds,
  probeKernel,
  probeMemfdExec,
  probeNamespaces,
  probeOverlay,
  probeProgram,
  probeSeccomp,
  probeStorage,
  probeUserNamespace,
  readSecurityModules,
  type SecurityModules,
  type Storage,
} from "../host/index.ts";
import { readSysctl, userNamespaceSwitches } from "../idmap/index.ts";
import { exists } from "../linux/read-text.ts";

export interface Finding {
  readonly name: string;
  /** `less`: containers run, with something missing. `no`: they cannot. */
  readonly state: "ok" | "less" | "no";
  readonly detail: string;
  /** What tsbox does without it. */
  readonly instead?: string;
  readonly remedy?: string;
  /** The probe's answer, for `--json`. */
  readonly value?: unknown;
}

/** Turns a probe into a finding. `instead` absent: containers cannot run without it. */
function finding(name: string, probe: Probe<unknown>, detail: string, instead?: string): Finding {
  if (probe.ok) return { name, state: "ok", detail, value: probe.value };
  return {
    name,
    state: instead === undefined ? "no" : "less",
    detail: probe.why ?? detail,
    ...(instead === undefined ? {} : { instead }),
    ...(probe.remedy === undefined ? {} : { remedy: probe.remedy }),
    value: probe.value,
  };
}

/** Where the store is, whether it exists or not. */
export function storageFolder(env: Record<string, string | undefined> = process.env): string {
  const data = env.XDG_DATA_HOME || `${env.HOME ?? "/root"}/.local/share`;
  return `${data}/tsbox`;
}

/** Probes everything. Makes namespaces, and a trial overlay below the storage folder. */
export async function diagnose(folder: string = storageFolder()): Promise<Finding[]> {
  const userNamespace = await probeUserNamespace();
  const findings: Finding[] = [
    kernel(probeKernel()),
    finding("namespaces", probeNamespaces(exists), "all eight kinds"),
    finding(
      "user namespaces",
      userNamespace,
      `work, at most ${readSysctl("user.max_user_namespaces") ?? "any number"}`,
    ),
    // a switch that is set without effect here (a profile, a capability) is not worth a line
    ...(userNamespace.ok ? [] : userNamespaceSwitches().slice(1)).map(({ why, remedy }) => ({
      name: "",
      state: "no" as const,
      detail: why,
      remedy,
    })),
  ];
  if (userNamespace.ok) findings.push(ids(await probeIds()));
  findings.push(storage(probeStorage(folder)));
  findings.push(...(await rootFileSystem(folder, userNamespace.ok)));
  findings.push(...(await network()));
  findings.push(
    cgroups(probeCgroups()),
    finding("memfd", probeMemfdExec(), "programs run from memory"),
    finding("seccomp", probeSeccomp(), probeSeccomp().value.filtered ? "works, inside another filter" : "works"),
    modules(readSecurityModules()),
    terminals(),
  );
  return findings;
}

function kernel(probe: Probe<Kernel>): Finding {
  return finding("kernel", probe, `Linux ${probe.value.release}, ${probe.value.architecture}`);
}

function ids(probe: Probe<Ids>): Finding {
  const { mapping, count } = probe.value;
  const detail =
    mapping.kind === "none" ? "root, without a user namespace" : `${count} ids, by newuidmap and newgidmap`;
  const instead =
    count === 1
      ? "only your own id is mapped; owners that images ask for are noted, not applied"
      : "users above are refused";
  return finding("ids", probe, detail, instead);
}

function storage(probe: Probe<Storage>): Finding {
  const { path, type, reflink, available } = probe.value;
  const space = `${(available / 1e9).toFixed(1)} GB free`;
  const detail = `${path}: ${type}, ${space}, ${reflink ? "reflinks" : "no reflinks"}`;
  return finding("storage", probe, detail, "tried all the same; the upper folder goes to a tmpfs where it must");
}

async function rootFileSystem(folder: string, userNamespace: boolean): Promise<Finding[]> {
  const overlay: Probe<boolean> = userNamespace
    ? await probeOverlay(folder, { fresh: true })
    : { ok: false, value: false, why: "not tried, because user namespaces do not work" };
  const device = probeDevice("/dev/fuse", "fuse");
  const [fuse, mounter] = [await probeProgram("fuse-overlayfs"), await probeProgram("fusermount3")];
  const usable = fuse.ok && device.ok;
  const missing = [device, fuse].find((probe) => !probe.ok);
  const next = usable ? "fuse-overlayfs" : "each container gets a copy of its image's files";
  // without need of it, fuse is worth no warning
  const spare = overlay.ok
    ? "not needed, the kernel's overlay works"
    : "each container gets a copy of its image's files";
  return [
    finding("overlay", overlay, "mounted by the kernel", next),
    missing === undefined
      ? finding("fuse-overlayfs", mounter.ok ? fuse : mounter, versionOf(fuse), "works without fusermount3 too")
      : { ...finding("fuse-overlayfs", missing, "", spare), ...(overlay.ok ? { state: "ok" as const } : {}) },
  ];
}

function versionOf(probe: Probe<FoundProgram | undefined>): string {
  return probe.value === undefined ? "" : `${probe.value.path}, ${probe.value.version}`;
}

async function network(): Promise<Finding[]> {
  const tun = probeDevice("/dev/net/tun", "tun");
  const [pasta, slirp] = [await probeProgram("pasta"), await probeProgram("slirp4netns")];
  const host = "the host's network";
  const start = readSysctl("net.ipv4.ip_unprivileged_port_start") ?? 1024;
  const findings = [
    finding("pasta", pasta, versionOf(pasta), slirp.ok && tun.ok ? "slirp4netns" : host),
    finding("slirp4netns", slirp, versionOf(slirp), pasta.ok ? "not needed, there is pasta" : host),
    finding("/dev/net/tun", tun, "can be opened", host),
    { name: "ports", state: "ok" as const, detail: `from ${start} on can be published`, value: start },
  ];
  return findings.map((one) =>
    one.name === "slirp4netns" && pasta.ok && one.state === "less" ? { ...one, state: "ok" as const } : one,
  );
}

function cgroups(probe: Probe<Cgroups>): Finding {
  const { delegated, controllers, userManager } = probe.value;
  const where = delegated ?? (userManager ? "through systemd's user manager" : "nowhere");
  return finding(
    "cgroups",
    probe,
    `v2, ${where}: ${controllers.join(" ")}`,
    "containers run without limits; --memory, --cpus and --pids-limit are errors",
  );
}

function modules(value: SecurityModules): Finding {
  const words = [
    `AppArmor ${value.apparmor ? "on" : "off"}`,
    `SELinux ${value.selinux}`,
    ...(value.yama === undefined ? [] : [`Yama ${value.yama}`]),
    ...(value.noNewPrivs ? ["no_new_privs set"] : []),
  ];
  return { name: "security modules", state: "ok", detail: words.join(", "), value };
}

function terminals(): Finding {
  const probe = probeDevice("/dev/ptmx", "devpts");
  return finding("terminals", probe, "can be made", "-t is an error");
}
