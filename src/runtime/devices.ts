/** Device nodes and the links that every container has in /dev (runtime-spec config-linux.md, "Default Devices"). */
import { TsboxError } from "../error.ts";
import {
  AT_EMPTY_PATH,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFREG,
} from "../linux/abi.gen.ts";
import type { LinuxDevice } from "../oci/index.ts";
import { RECOVER_EXISTS, type Slot } from "../plan/index.ts";
import { type Compilation, isRootless } from "./context.ts";

const DEFAULTS: readonly LinuxDevice[] = [
  ["/dev/null", 1, 3],
  ["/dev/zero", 1, 5],
  ["/dev/full", 1, 7],
  ["/dev/random", 1, 8],
  ["/dev/urandom", 1, 9],
  ["/dev/tty", 5, 0],
].map(([path, major, minor]) => ({ path, type: "c", major, minor, fileMode: 0o666, uid: 0, gid: 0 }) as LinuxDevice); // cast: the rows above

const LINKS = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["/proc/kcore", "core"],
  ["pts/ptmx", "ptmx"],
] as const;

const TYPES: Record<string, number> = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO };

/** A device number as `mknodat` takes it (linux/kdev_t.h, new_encode_dev). */
function encodeDevice(major: number, minor: number): number {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}

/** major << 32 | minor, as `require_device` takes it. */
export function deviceNumber(major: number, minor: number): bigint {
  return (BigInt(major) << 32n) | BigInt(minor);
}

/** Appends the nodes of config.json and the default ones, and the links. `dev` receives the container's /dev. */
export function addDevices(compilation: Compilation, dev: Slot): void {
  const { inside, root, config } = compilation;
  const devices = [...(config.linux?.devices ?? [])];
  const given = new Set(devices.map((device) => device.path));
  const all = [...DEFAULTS.filter((device) => !given.has(device.path)), ...devices];
  const bound = isRootless(compilation.mapping);
  for (const device of all) {
    if (bound) addBoundDevice(compilation, device);
    else addMadeDevice(compilation, device);
  }
  // opened now, and inside the root: the image's /dev may have been a link (CVE-2026-41579)
  inside.add("openat2", [dev, root, "/dev", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT], {
    note: "open /dev of the container",
  });
  for (const [to, name] of LINKS) {
    inside.add("symlinkat", [to, dev, name], { note: `link /dev/${name}`, recover: RECOVER_EXISTS });
  }
}

function typeOf(device: LinuxDevice): number {
  const type = TYPES[device.type];
  if (type === undefined)
    throw new TsboxError("invalid", `cannot run: linux.devices: ${device.path}: type "${device.type}"`);
  return type;
}

/** Podman writes the type of the file into `fileMode` too; `type` is what counts. */
const permissionsOf = ({ fileMode }: LinuxDevice): number => (fileMode ?? 0o666) & 0o7777;

/** In a user namespace a node cannot be made: the host's is bound, after a check that it is that device. */
function addBoundDevice(compilation: Compilation, device: LinuxDevice): void {
  const { inside, root, target } = compilation;
  const note = `bind the host's ${device.path}`;
  const type = typeOf(device);
  if (type === S_IFIFO) {
    inside.add("make_in", [target, root, device.path, permissionsOf(device), S_IFIFO], {
      note: `make ${device.path}`,
    });
    const { uid = 0, gid = 0 } = device;
    inside.add("fchownat", [target, "", uid, gid, AT_EMPTY_PATH], { note: `give ${device.path} to ${uid}:${gid}` });
    inside.add("close", [target]);
    return;
  }
  inside.add(
    "bind_device",
    [root, hostPath(device), device.path, type, deviceNumber(device.major ?? 0, device.minor ?? 0)],
    { note },
  );
}

/** `--device HOST:CONTAINER` keeps the host's path beside the standard fields. */
function hostPath(device: LinuxDevice & { readonly hostPath?: string }): string {
  return device.hostPath ?? device.path;
}

function addMadeDevice(compilation: Compilation, device: LinuxDevice): void {
  const { inside, root, target } = compilation;
  const at = device.path.lastIndexOf("/");
  const [folder, name] = [device.path.slice(0, at), device.path.slice(at + 1)];
  const note = `make the device ${device.path}`;
  inside.add("make_in", [target, root, folder === "" ? "/" : folder, 0o755, 0o040000], { note });
  const mode = typeOf(device) | permissionsOf(device);
  inside.add("mknodat", [target, name, mode, encodeDevice(device.major ?? 0, device.minor ?? 0)], {
    note,
    recover: RECOVER_EXISTS,
  });
  inside.add("fchownat", [target, name, device.uid ?? 0, device.gid ?? 0, 0x100], { note });
  inside.add("close", [target]);
}

/** Binds a pseudo terminal's other end, which the plan holds open, as /dev/console. */
export function addConsole(compilation: Compilation, terminal: Slot): void {
  const { inside, root, mount } = compilation;
  const note = "bind the terminal as /dev/console";
  inside.add("open_tree", [mount, terminal, "", OPEN_TREE_CLONE | AT_EMPTY_PATH], { note });
  inside.add("attach", [mount, root, "/dev/console", S_IFREG, 1], { note });
}
