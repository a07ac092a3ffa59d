/** Helper programs: where they are and which version they say they are. */
import { AT_FDCWD, O_CLOEXEC, O_RDWR, SYS } from "../linux/abi.gen.ts";
import { E, errnoText } from "../linux/errno.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { lacks, type Probe, works } from "./probe.ts";

export interface FoundProgram {
  readonly path: string;
  readonly version: string;
}

/** How each is installed, in the words of Debian, Fedora and Alpine. */
const PACKAGES: Record<string, readonly [string, string, string]> = {
  pasta: ["passt", "passt", "passt"],
  slirp4netns: ["slirp4netns", "slirp4netns", "slirp4netns"],
  "fuse-overlayfs": ["fuse-overlayfs", "fuse-overlayfs", "fuse-overlayfs"],
  fusermount3: ["fuse3", "fuse3", "fuse3"],
};

/** Looks a program up in PATH and asks its version, which starts it. */
export async function probeProgram(name: string): Promise<Probe<FoundProgram | undefined>> {
  const path = Bun.which(name, { PATH: `${process.env.PATH ?? ""}:/usr/bin:/bin:/usr/local/bin` });
  if (path === null) {
    const [apt, dnf, apk] = PACKAGES[name] ?? [name, name, name];
    const remedy = `an administrator runs: apt-get install ${apt}, dnf install ${dnf} or apk add ${apk}`;
    return lacks(undefined, `${name} is not installed`, remedy);
  }
  return works({ path, version: await askVersion(path, name) });
}

async function askVersion(path: string, name: string): Promise<string> {
  const child = Bun.spawn([path, "--version"], { stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: 2000 });
  const text = await new Response(child.stdout).text();
  await child.exited;
  return versionIn(text, name);
}

/** The version in what a program prints for `--version`: the last word of the first line that names the program. */
export function versionIn(text: string, name: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((candidate) => candidate.startsWith(name)) ?? lines[0] ?? "";
  const version = line
    .replace(name, "")
    .replace(/^[\s:]*(version)?[\s:]*/, "")
    .trim();
  return version === "" ? "unknown version" : version;
}

/** Whether a device node can be opened for reading and writing. */
export function probeDevice(path: string, module: string): Probe<string> {
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    syscall(SYS.close, fd);
    return works(path);
  }
  const missing = fd === -E.ENOENT || fd === -E.ENXIO || fd === -E.ENODEV;
  const remedy = missing
    ? `an administrator runs: modprobe ${module} (in a container: --device ${path})`
    : `an administrator runs: chmod 666 ${path}`;
  return lacks(path, `${path}: ${errnoText(-fd)}`, remedy);
}
