/** The device nodes that `--privileged` brings: those that the caller may use anyway. */
import { AT_FDCWD, SYS } from "../linux/abi.gen.ts";
import { statIfPresent } from "../linux/stat.ts";
import { cstring, syscall } from "../linux/syscall.ts";

/** Every container has its own of these. */
const OWN = new Set(["null", "zero", "full", "random", "urandom", "tty", "console", "ptmx"]);
const R_OK = 4;
const W_OK = 2;
const S_IFMT = 0o170000;
const DEVICE_TYPES = new Set([0o020000, 0o060000]);

function isUsable(path: string): boolean {
  const stat = statIfPresent(path);
  if (stat === undefined || !DEVICE_TYPES.has(stat.mode & S_IFMT)) return false;
  return syscall(SYS.faccessat, AT_FDCWD, cstring(path), R_OK | W_OK) === 0;
}

export function privilegedDevices(): string[] {
  const { readdirSync } = process.getBuiltinModule("node:fs");
  const nodes = readdirSync("/dev")
    .filter((name) => !OWN.has(name))
    .map((name) => `/dev/${name}`);
  return [...nodes, "/dev/net/tun"].filter(isUsable);
}
