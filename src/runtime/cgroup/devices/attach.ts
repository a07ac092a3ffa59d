/** Loads the program of device rules and attaches it to a cgroup, in place of the one that tsbox attached before. bpf(2). */
import { TsboxError } from "../../../error.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, SYS } from "../../../linux/abi.gen.ts";
import { check, E, errnoText } from "../../../linux/errno.ts";
import { address, cstring, syscall } from "../../../linux/syscall.ts";
import type { LinuxDeviceCgroup } from "../../../oci/index.ts";
import { DEFAULT_DEVICE_RULES, deviceProgram } from "./program.ts";

// enum bpf_cmd, bpf_prog_type, bpf_attach_type; include/uapi/linux/bpf.h
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
const BPF_PROG_DETACH = 9;
const BPF_PROG_GET_FD_BY_ID = 13;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_PROG_QUERY = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
const BPF_CGROUP_DEVICE = 6;
/** Others (systemd, a cgroup above) may attach theirs too; all of them must allow. */
const BPF_F_ALLOW_MULTI = 2;
const BPF_F_REPLACE = 4;

/** Ours is told from systemd's by its name. At most 15 characters. */
const NAME = "tsbox_devices";
const MOST_PROGRAMS = 64;

/** `union bpf_attr`, as far as it is used here, filled by offset. */
class Attributes {
  readonly bytes = new Uint8Array(128);
  readonly #view = new DataView(this.bytes.buffer);
  /** What the kernel is pointed at stays until the call is over. */
  readonly #kept: unknown[] = [];
  u32(at: number, value: number): this {
    this.#view.setUint32(at, value, true);
    return this;
  }
  pointer(at: number, buffer: Uint8Array | Uint32Array): this {
    this.#kept.push(buffer);
    this.#view.setBigUint64(at, BigInt(address(buffer)), true);
    return this;
  }
  read(at: number): number {
    return this.#view.getUint32(at, true);
  }
  call(command: number): number {
    const result = syscall(SYS.bpf, command, this.bytes, this.bytes.length);
    this.#kept.length = 0;
    return result;
  }
}

function cannot(step: string, path: string, errno: number): TsboxError {
  const why =
    errno === E.ENOSYS || (errno === E.EINVAL && step === "load")
      ? "this kernel has no eBPF for devices (CONFIG_CGROUP_BPF)"
      : errno === E.EPERM && step === "attach"
        ? "a cgroup above has a filter that admits no other, or CAP_SYS_ADMIN is missing"
        : errnoText(errno);
  return new TsboxError("host", `cannot limit linux.resources.devices: cannot ${step} the filter for ${path}: ${why}`);
}

function load(program: Uint8Array, path: string): number {
  const license = cstring("Apache-2.0");
  const attributes = new Attributes()
    .u32(0, BPF_PROG_TYPE_CGROUP_DEVICE)
    .u32(4, program.length / 8)
    .pointer(8, program)
    .pointer(16, license);
  attributes.bytes.set(new TextEncoder().encode(NAME), 48);
  attributes.u32(68, BPF_CGROUP_DEVICE);
  const fd = attributes.call(BPF_PROG_LOAD);
  if (fd < 0) throw cannot("load", path, -fd);
  return fd;
}

/** Descriptors of the programs of ours that are attached to this very cgroup. */
function attachedPrograms(cgroup: number, path: string): number[] {
  const ids = new Uint32Array(MOST_PROGRAMS);
  const query = new Attributes().u32(0, cgroup).u32(4, BPF_CGROUP_DEVICE).pointer(16, ids).u32(24, ids.length);
  const result = query.call(BPF_PROG_QUERY);
  if (result < 0) throw cannot("look for", path, -result);
  const found: number[] = [];
  for (const id of ids.subarray(0, query.read(24))) {
    const fd = new Attributes().u32(0, id).call(BPF_PROG_GET_FD_BY_ID);
    if (fd < 0) continue;
    if (nameOf(fd) === NAME) found.push(fd);
    else syscall(SYS.close, fd);
  }
  return found;
}

/** struct bpf_prog_info: name at 64, 16 bytes. */
function nameOf(program: number): string {
  const info = new Uint8Array(128);
  const result = new Attributes().u32(0, program).u32(4, info.length).pointer(8, info).call(BPF_OBJ_GET_INFO_BY_FD);
  if (result < 0) return "";
  const name = info.subarray(64, 80);
  return new TextDecoder().decode(name.subarray(0, Math.max(name.indexOf(0), 0)));
}

/**
 * From here on the processes of a cgroup reach only the devices that the rules and `DEFAULT_DEVICE_RULES` allow. Rules that allow everything need no filter. The
 * filter of an earlier call is replaced in one step: there is no moment without one.
 *
 * @throws TsboxError `invalid` for a bad rule, `host` when the kernel refuses
 */
export function setDeviceRules(path: string, rules: readonly LinuxDeviceCgroup[]): void {
  const program = deviceProgram([...rules, ...DEFAULT_DEVICE_RULES]);
  const cgroup = check(
    "openat",
    syscall(SYS.openat, AT_FDCWD, cstring(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    path,
  );
  const open = [cgroup];
  try {
    const [old, ...more] = attachedPrograms(cgroup, path);
    open.push(...(old === undefined ? [] : [old]), ...more);
    if (program !== undefined) {
      const fresh = load(program, path);
      open.push(fresh);
      const attach = new Attributes().u32(0, cgroup).u32(4, fresh).u32(8, BPF_CGROUP_DEVICE);
      if (old === undefined) attach.u32(12, BPF_F_ALLOW_MULTI);
      else attach.u32(12, BPF_F_ALLOW_MULTI | BPF_F_REPLACE).u32(16, old);
      const result = attach.call(BPF_PROG_ATTACH);
      if (result < 0) throw cannot("attach", path, -result);
    }
    const superfluous = program === undefined && old !== undefined ? [old, ...more] : more;
    for (const fd of superfluous) {
      const result = new Attributes().u32(0, cgroup).u32(4, fd).u32(8, BPF_CGROUP_DEVICE).call(BPF_PROG_DETACH);
      if (result < 0) throw cannot("remove", path, -result);
    }
  } finally {
    for (const fd of open) syscall(SYS.close, fd);
  }
}

/** Whether this process may attach filters: root's capabilities in the initial user namespace. */
export function mayFilterDevices(readText: (path: string) => string | undefined): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText("/proc/self/status") ?? "")?.[1] ?? "0";
  const initial = /^\s*0\s+0\s+4294967295\s*$/.test(readText("/proc/self/uid_map") ?? "");
  const CAP_SYS_ADMIN = 21n;
  return initial && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}
