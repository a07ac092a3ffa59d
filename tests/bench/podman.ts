/**
 * podman as its documentation recommends it to a rootless user: overlay storage, and the fastest runtime that works on
 * this machine (crun refuses hosts where version 1 and 2 of cgroups are mixed, as containers of CI services often are).
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeBusyboxLayout } from "../support/busybox-image.ts";

export type Podman = {
  /** "podman 5.4.2 with crun 1.21 on native overlay" */
  readonly version: string;
  /** The command line with `folder` as podman's storage, made if missing; only one podman at a time may use it. */
  command(folder: string, ...args: string[]): string[];
  readonly env: Readonly<Record<string, string>>;
  /** Ends the process that keeps podman's user namespace for its next command, and otherwise stays for ever. */
  end(): void;
};

/**
 * @param folder a new one for what podman needs meanwhile, on the file system of its storage and ours: layers on their way are
 *   otherwise in /var/tmp, which may be memory
 * @throws Error when podman runs containers with neither crun nor runc
 */
export function findPodman(given: Readonly<Record<string, string>>, folder: string): Podman {
  const env = { ...given, TMPDIR: folder };
  const reasons: string[] = [];
  const image = writeBusyboxLayout(join(folder, "probe"));
  for (const runtime of ["crun", "runc"]) {
    const command = (storage: string, ...args: string[]) => {
      mkdirSync(storage, { recursive: true });
      const roots = ["--root", join(storage, "root"), "--runroot", join(storage, "run")];
      const how = [
        "--storage-driver=overlay",
        "--cgroup-manager=cgroupfs",
        "--events-backend=file",
        `--runtime=${runtime}`,
      ];
      return ["podman", ...roots, ...how, ...args];
    };
    const probe = command(join(folder, runtime), "run", "--rm", "--network=host", image, "true");
    const { success, stderr } = Bun.spawnSync(probe, { env, cwd: "/" });
    if (success) {
      const version = `${versionOf("podman")} with ${versionOf(runtime)} on ${driver(command(join(folder, runtime), "info"), env)}`;
      const end = () => void Bun.spawnSync(command(join(folder, runtime), "system", "migrate"), { env, cwd: "/" });
      return { version, command, env, end };
    }
    reasons.push(`${runtime}: ${stderr.toString().trim()}`);
  }
  throw new Error(`cannot run podman as this user: ${reasons.join("; ")}`);
}

/** What mounts podman's root file systems; rows are fair where that is what mounts tsbox's: the kernel. */
function driver(info: readonly string[], env: Readonly<Record<string, string>>): string {
  const format = "{{.Store.GraphDriverName}} {{json .Store.GraphOptions}}";
  const { stdout } = Bun.spawnSync([...info, `--format=${format}`], { env, cwd: "/" });
  const [, name, options = ""] = /^(\w+) (.*)/.exec(stdout.toString()) ?? [];
  const program = /"overlay\.mount_program":.*?"([^"]*\/[^"]*)"/.exec(options)?.[1];
  return program ?? (name === "overlay" ? "native overlay" : (name ?? "an unknown driver"));
}

/** "crun 1.8.1" out of "crun version 1.8.1\ncommit: ...". */
export function versionOf(program: string): string {
  const text = Bun.spawnSync([program, "--version"]).stdout.toString();
  return `${program} ${text.match(/\d+(\.\d+)+/)?.[0] ?? "of unknown version"}`;
}
