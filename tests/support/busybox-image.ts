/** A small image that runs: Debian's static busybox, its usual links, and the few files programs expect. */
import { existsSync, readFileSync } from "node:fs";
import { type ImageSpec, writeOciLayout } from "./oci-image.ts";
import { program, type Requirement } from "./skip.ts";
import type { TarEntry } from "./tar.ts";

/** Debian's package busybox-static installs the static program under this name; package busybox a dynamic one. */
export const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path)) ?? "/bin/busybox";

export const busybox: Requirement = program("busybox");

const PASSWD = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
guest:x:1000:1000:guest:/home/guest:/bin/sh
`;

const GROUP = `root:x:0:
daemon:x:1:
users:x:100:guest
guest:x:1000:
`;

/** @returns the entries of the root file system; every applet of busybox is a symbolic link in /bin */
export function busyboxTree(): TarEntry[] {
  const { stdout, success } = Bun.spawnSync([BUSYBOX, "--list"]);
  if (!success) throw new Error(`cannot list the programs in ${BUSYBOX}`);
  const applets = stdout
    .toString()
    .split("\n")
    .filter((name) => name !== "" && name !== "busybox");
  const folders = ["bin", "dev", "etc", "home", "proc", "sys", "usr", "usr/bin", "var"];
  return [
    ...folders.map((path): TarEntry => ({ path: `${path}/`, type: "directory" })),
    { path: "root/", type: "directory", mode: 0o700 },
    { path: "tmp/", type: "directory", mode: 0o1777 },
    { path: "home/guest/", type: "directory", mode: 0o750, uid: 1000, gid: 1000 },
    { path: "etc/passwd", data: PASSWD },
    { path: "etc/group", data: GROUP },
    { path: "bin/busybox", mode: 0o755, data: readFileSync(BUSYBOX) },
    ...applets.map((name): TarEntry => ({ path: `bin/${name}`, type: "symlink", mode: 0o777, target: "busybox" })),
    { path: "usr/bin/env", type: "symlink", mode: 0o777, target: "/bin/busybox" },
  ];
}

/** @returns the image, ready for `writeOciLayout`; `changes` replaces its fields */
export function busyboxImage(changes: Partial<ImageSpec> = {}): ImageSpec {
  return {
    layers: [{ content: busyboxTree() }],
    config: { Cmd: ["sh"], Env: ["PATH=/usr/bin:/bin"], WorkingDir: "/" },
    ...changes,
  };
}

/** Writes the image as a layout into `folder`, tagged "latest", and returns the reference to it. */
export function writeBusyboxLayout(folder: string, changes: Partial<ImageSpec> = {}): string {
  writeOciLayout(folder, busyboxImage(changes));
  return `oci:${folder}:${changes.tag ?? "latest"}`;
}
