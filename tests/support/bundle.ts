/** Runtime bundles (runtime-spec, bundle.md) with busybox as root file system, for this runtime and for others. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUSYBOX } from "./busybox-image.ts";

export type BundleOptions = {
  /** the program and its arguments; `["/bin/true"]` if not given */
  readonly args?: readonly string[];
  /** changes to config.json, made last */
  readonly edit?: (config: BundleConfig) => void;
};

/** The part of config.json that tests change by name; everything else may be added. */
export type BundleConfig = {
  ociVersion: string;
  process: {
    args: string[];
    env: string[];
    cwd: string;
    terminal?: boolean;
    user: { uid: number; gid: number };
  } & Json;
  root: { path: string; readonly?: boolean };
  mounts: ({ destination: string } & Json)[];
  linux: { namespaces: { type: string; path?: string }[] } & Json;
} & Json;

type Json = { [name: string]: unknown };

const APPLETS = ["sh", "true", "false", "cat", "echo", "id", "ls", "mount", "sleep", "stat", "test", "touch", "tty"];

/**
 * Writes a bundle into `folder` that an unprivileged user can run: user, mount, pid, ipc, uts and cgroup namespaces,
 * root mapped to this user, the network of the host.
 *
 * @returns `folder`
 */
export function writeBundle(folder: string, options: BundleOptions = {}): string {
  const bin = join(folder, "rootfs/bin");
  mkdirSync(bin, { recursive: true });
  for (const name of ["dev", "etc", "proc", "sys", "tmp"]) mkdirSync(join(folder, "rootfs", name));
  copyFileSync(BUSYBOX, join(bin, "busybox"));
  for (const name of APPLETS) symlinkSync("busybox", join(bin, name));
  const config: BundleConfig = {
    ociVersion: "1.0.2",
    process: {
      args: [...(options.args ?? ["/bin/true"])],
      env: ["PATH=/bin"],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      noNewPrivileges: true,
    },
    root: { path: "rootfs" },
    hostname: "bundle",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666", "mode=0620"],
      },
    ],
    linux: {
      uidMappings: [{ containerID: 0, hostID: process.getuid?.() ?? 0, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: process.getgid?.() ?? 0, size: 1 }],
      namespaces: ["user", "mount", "pid", "ipc", "uts", "cgroup"].map((type) => ({ type })),
    },
  };
  options.edit?.(config);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config, null, 2));
  return folder;
}
