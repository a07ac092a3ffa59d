/** Failures as callers of runtimes want them: a line on standard error, and one in the log that `--log` names. */
import { isTsboxError } from "../../error.ts";
import { AT_FDCWD, O_APPEND, O_CLOEXEC, O_CREAT, O_WRONLY, SYS } from "../../linux/abi.gen.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { writeAll } from "../../linux/write-text.ts";
import type { LogTarget } from "../../runtime/lifecycle/index.ts";

export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isTsboxError(error)) return error.message;
  return error.name === "SyscallError"
    ? `cannot ${error.message}`
    : `cannot go on: ${error.message} (TSBOX_DEBUG=1 shows where)`;
}

/** Never throws: the failure itself must not be lost behind another. */
export function reportFailure(error: unknown, log: LogTarget | undefined): void {
  const message = sentenceOf(error);
  writeLog(log, "error", message);
  try {
    writeAll(2, `tsbox: ${message}\n`);
  } catch {
    // standard error is closed: the log and the exit status have to say it alone
  }
  if (process.env.TSBOX_DEBUG) console.error(error);
}

/** A line as logrus writes it, which podman and containerd read: the `msg` of the last error is what they show. */
export function writeLog(log: LogTarget | undefined, level: "error" | "warning", message: string): void {
  if (log?.path === undefined) return;
  const time = new Date().toISOString();
  const line =
    log.format === "json"
      ? JSON.stringify({ level, msg: message, time })
      : `time="${time}" level=${level} msg=${JSON.stringify(message)}`;
  const fd = syscall(SYS.openat, AT_FDCWD, cstring(log.path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644);
  if (fd < 0) return;
  try {
    writeAll(fd, `${line}\n`);
  } catch {
    // a full disk: standard error has it
  }
  syscall(SYS.close, fd);
}

/** What went wrong without ending the command. */
export function warn(log: LogTarget): (message: string) => void {
  return (message) => {
    writeLog(log, "warning", message);
    writeAll(2, `tsbox: ${message}\n`);
  };
}
