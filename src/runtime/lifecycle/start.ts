/** `start`: lets a created container run its program. */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_WRONLY, SYS } from "../../linux/abi.gen.ts";
import { check, E } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { hasHooks } from "../hooks.ts";
import { readRecord, type StateRecord, stateFolder, statusOf } from "./state-folder.ts";

const POLLERR = 8;

/**
 * @param warn told what failed without being a reason to stop, such as a poststop hook
 * @throws TsboxError; a container whose program could not be executed is stopped, one whose hook failed is gone (runtime.md,
 * "Lifecycle", steps 7 and 9: it goes on with step 12)
 */
export async function startContainer(root: string, id: string, warn: (message: string) => void): Promise<void> {
  const record = readRecord(root, id);
  const folder = stateFolder(root, id);
  const status = statusOf(root, record);
  if (status === "stopped")
    throw new TsboxError("busy", `cannot start container "${id}": container not running: it has stopped`);
  if (status !== "created")
    throw new TsboxError("busy", `cannot start container "${id}" in the "${status}" state: it is not created`);
  const fifo = cstring(`${folder}/start`);
  const fd = syscall(SYS.openat, AT_FDCWD, fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  // nobody waits at the other end
  if (fd === -E.ENXIO)
    throw new TsboxError("busy", `cannot start container "${id}": container not running: its process has ended`);
  // of two that start it at once, one removes the name
  const removed = fd < 0 ? fd : syscall(SYS.unlinkat, AT_FDCWD, fifo, 0);
  if (removed === -E.ENOENT)
    throw new TsboxError("busy", `cannot start container "${id}" in the "running" state: it has been started already`);
  check("openat", removed, `${folder}/start`);
  check("write", syscall(SYS.write, fd, new Uint8Array([1]), 1), `${folder}/start`);
  awaitProgram(fd);
  syscall(SYS.close, fd);
  const failure = await failureOf(folder, record.config.process?.args?.[0] ?? "");
  if (failure?.context.op === "hook") await discard(root, record, warn);
  if (failure !== undefined) throw failure;
  if (!hasHooks(record.config.hooks, "poststart")) return;
  const { runHooks } = await import("./run-hooks.ts");
  await runHooks(record, "poststart", "running", (error) => {
    throw error;
  }).catch(async (error) => {
    await discard(root, record, warn);
    throw error;
  });
}

async function discard(root: string, record: StateRecord, warn: (message: string) => void): Promise<void> {
  const { discardContainer } = await import("./discard.ts");
  await discardContainer(root, record, warn);
}

/** The reader's end is closed by execve, or by the process's end: then the writer's reports an error. poll(2) */
function awaitProgram(fd: number): void {
  const polled = new DataView(new ArrayBuffer(8));
  polled.setInt32(0, fd, true);
  const buffer = new Uint8Array(polled.buffer);
  for (;;) {
    const result = syscall(SYS.ppoll, buffer, 1, null, null, 8);
    if (result === -E.EINTR) continue;
    check("ppoll", result);
    if (polled.getInt16(6, true) & POLLERR) return;
  }
}

/** What native wrote where `report_to` said: struct report, then the operation's note. */
async function failureOf(folder: string, program: string): Promise<TsboxError | undefined> {
  const path = `${folder}/report`;
  const buffer = new Uint8Array(4096);
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(path), O_CLOEXEC);
  if (fd < 0) return undefined;
  const size = syscall(SYS.read, fd, buffer, buffer.length);
  syscall(SYS.close, fd);
  if (size < 16) return undefined;
  const { failureInWords } = await import("../../plan/index.ts");
  return failureInWords(buffer.subarray(0, size), program);
}
