/** The processes of a cgroup: listed, signalled, frozen. cgroup-v2.rst "Core Interface Files". */
import { TsboxError } from "../../error.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { E, errnoText, SyscallError } from "../../linux/errno.ts";
import { readShortText } from "../../linux/read-text.ts";
import { syscall } from "../../linux/syscall.ts";
import { readKey, readWords, writeCgroupFile } from "./files.ts";

const SIGKILL = 9;
const FOLDER = 4;
const FREEZING_FOR_A_SIGNAL = 500;
const FREEZING = 10_000;

/** The cgroups in a cgroup, one level down; none when it is gone. */
export function cgroupsIn(path: string): string[] {
  try {
    // names there are one character for each byte
    return listFolder(Buffer.from(path).toString("latin1"))
      .filter(({ type }) => type === FOLDER)
      .map(({ name }) => `${path}/${Buffer.from(name, "latin1").toString()}`);
  } catch (error) {
    // gone, or being removed just now
    if (error instanceof SyscallError && (error.errno === E.ENOENT || error.errno === E.ENODEV)) return [];
    throw error;
  }
}

/**
 * Pids of all processes in a cgroup and below. A threaded cgroup cannot list its own (EOPNOTSUPP); its domain, above, lists them.
 * Processes that this pid namespace does not see are shown as 0 and left out.
 */
export function processesBelow(path: string): number[] {
  const own = readWords(`${path}/cgroup.procs`)
    .map(Number)
    .filter((pid) => pid > 0);
  return [...own, ...cgroupsIn(path).flatMap(processesBelow)];
}

function cgroupOf(pid: number): string | undefined {
  return /^0::(.*)$/m.exec(readShortText(`/proc/${pid}/cgroup`) ?? "")?.[1];
}

/**
 * Signals a process if it is (still) in a cgroup of that name. The pidfd is taken before the look: if the pid was given to another process
 * in between, either the look shows that other's cgroup, or the pidfd is of one that has ended.
 */
function signalMember(pid: number, belongs: (cgroup: string) => boolean, signal: number): void {
  const pidfd = syscall(SYS.pidfd_open, pid, 0);
  if (pidfd < 0) return;
  try {
    const cgroup = cgroupOf(pid);
    if (cgroup === undefined || !belongs(cgroup)) return;
    const result = syscall(SYS.pidfd_send_signal, pidfd, signal, 0, 0);
    if (result < 0 && result !== -E.ESRCH) {
      throw new TsboxError("denied", `cannot send signal ${signal} to process ${pid}: ${errnoText(-result)}`);
    }
  } finally {
    syscall(SYS.close, pidfd);
  }
}

/** Signals every process once; children that are made meanwhile too, because the cgroup is frozen for the time of it. */
export function signalAll(path: string, mount: string, signal: number): void {
  if (signal === SIGKILL) {
    // since Linux 5.14; also kills what is being forked
    const result = writeCgroupFile(`${path}/cgroup.kill`, "1");
    if (result === 0) return;
    if (result === -E.ENODEV) return;
  }
  const wasFrozen = readShortText(`${path}/cgroup.freeze`)?.trim() === "1";
  const frozen = wasFrozen || writeCgroupFile(`${path}/cgroup.freeze`, "1") === 0;
  try {
    // what sleeps uninterruptibly freezes late; such a process does not fork either
    for (const end = Date.now() + FREEZING_FOR_A_SIGNAL; frozen && Date.now() < end; Bun.sleepSync(1)) {
      if (readKey(`${path}/cgroup.events`, "frozen") !== 0) break;
    }
    const name = path.slice(mount.length);
    const belongs = (cgroup: string) => cgroup === name || cgroup.startsWith(`${name}/`);
    for (const pid of processesBelow(path)) signalMember(pid, belongs, signal);
  } finally {
    if (frozen && !wasFrozen) writeCgroupFile(`${path}/cgroup.freeze`, "0");
  }
}

/**
 * Freezes or thaws, and waits until it is so.
 * @throws TsboxError `denied`, `not-found`, or `busy` when processes do not stop within ten seconds (they are thawed again)
 */
export async function setFrozen(path: string, mount: string, frozen: boolean): Promise<void> {
  const verb = frozen ? "freeze" : "thaw";
  const own = cgroupOf(process.pid);
  const name = path.slice(mount.length);
  if (frozen && own !== undefined && (own === name || own.startsWith(`${name}/`))) {
    throw new TsboxError("denied", `cannot freeze ${path}: tsbox itself runs in it`);
  }
  const result = writeCgroupFile(`${path}/cgroup.freeze`, frozen ? "1" : "0");
  if (result < 0) {
    const gone = result === -E.ENOENT || result === -E.ENODEV;
    throw new TsboxError(gone ? "not-found" : "denied", `cannot ${verb} ${path}: ${errnoText(-result)}`);
  }
  const wanted = frozen ? 1 : 0;
  for (const end = Date.now() + FREEZING; Date.now() < end; await Bun.sleep(1)) {
    const now = readKey(`${path}/cgroup.events`, "frozen");
    if (now === wanted) return;
    if (now === undefined) throw new TsboxError("not-found", `cannot ${verb} ${path}: it is gone`);
  }
  if (!frozen) throw new TsboxError("busy", `cannot thaw ${path}: a cgroup above it is frozen`);
  writeCgroupFile(`${path}/cgroup.freeze`, "0");
  throw new TsboxError("busy", `cannot freeze ${path}: its processes did not stop within ten seconds`);
}
