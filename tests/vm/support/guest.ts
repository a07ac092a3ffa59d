/**
 * What a machine's first root file system holds: busybox, tsbox and the programs it calls, with the libraries they are
 * linked to, a user with subordinate ids, and an image.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { BUSYBOX, writeBusyboxLayout } from "../../support/busybox-image.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { TSBOX } from "../../support/tsbox.ts";
import type { CpioEntry } from "./cpio.ts";

/** Where `tsbox run` finds busybox's image in the machine. */
export const GUEST_IMAGE = "oci:/image:latest";

const PROGRAMS = ["newuidmap", "newgidmap", "fuse-overlayfs", "fusermount3"];
const SETUID = ["newuidmap", "newgidmap", "fusermount3"];

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000:u:/home/u:/bin/sh\n";
const GROUP = "root:x:0:\nu:x:1000:\n";

/** @throws Error when a program is missing, or is linked to a library that is not there */
export function guestFiles(): CpioEntry[] {
  const programs = PROGRAMS.map((name) => {
    const path = Bun.which(name);
    if (path === null) throw new Error(`the machine needs the program ${name}`);
    return { path, mode: SETUID.includes(name) ? 0o4755 : 0o755 };
  });
  const libraries = new Set([TSBOX, ...programs.map(({ path }) => path)].flatMap(librariesOf));
  const applets = Bun.spawnSync([BUSYBOX, "--list"]).stdout.toString().split("\n");
  const isApplet = (name: string) => name !== "" && name !== "busybox";
  return [
    { path: "/init", data: readFileSync(join(import.meta.dir, "init.sh")) },
    { path: "/bin/busybox", data: readFileSync(BUSYBOX) },
    ...applets.filter(isApplet).map((name): CpioEntry => ({ path: `/bin/${name}`, type: "symlink", data: "busybox" })),
    { path: "/bin/tsbox", data: readFileSync(TSBOX) },
    ...programs.map(
      ({ path, mode }): CpioEntry => ({ path: `/usr/bin/${path.split("/").pop()}`, mode, data: readFileSync(path) }),
    ),
    ...[...libraries].map((path): CpioEntry => ({ path, data: readFileSync(path) })),
    { path: "/etc/passwd", mode: 0o644, data: PASSWD },
    { path: "/etc/group", mode: 0o644, data: GROUP },
    { path: "/etc/subuid", mode: 0o644, data: "u:100000:65536\n" },
    { path: "/etc/subgid", mode: 0o644, data: "u:100000:65536\n" },
    { path: "/etc/hosts", mode: 0o644, data: "127.0.0.1 localhost\n" },
    { path: "/etc/resolv.conf", mode: 0o644, data: "" },
    { path: "/home/u", type: "directory", mode: 0o700, uid: 1000, gid: 1000 },
    { path: "/root", type: "directory", mode: 0o700 },
    { path: "/tmp", type: "directory", mode: 0o1777 },
    ...["/dev", "/proc", "/sys", "/run", "/new"].map((path): CpioEntry => ({ path, type: "directory" })),
    // The kernel opens it before anything is mounted.
    { path: "/dev/console", type: "character-device", mode: 0o600, device: [5, 1] },
    ...imageFiles(),
  ];
}

function imageFiles(): CpioEntry[] {
  using folder = temporaryFolder();
  writeBusyboxLayout(folder.join("image"));
  return readdirSync(folder.join("image"), { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(folder.join("image", name)).isFile())
    .map((name) => ({ path: `/image/${name}`, mode: 0o644, data: readFileSync(folder.join("image", name)) }));
}

/** The shared libraries of a program and its loader, under the names by which it asks for them. */
export function librariesOf(program: string): string[] {
  const text = Bun.spawnSync(["ldd", program]).stdout.toString();
  if (text.includes("not found")) throw new Error(`${program} lacks a library: ${text}`);
  return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? "");
}
