/** `exec`: another process in a container that is there. */
import { TsboxError } from "../../error.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { openProcess } from "../../linux/process.ts";
import { exists, readText } from "../../linux/read-text.ts";
import { syscall } from "../../linux/syscall.ts";
import type { Process, RuntimeConfig } from "../../oci/index.ts";
import { becomeNative } from "../../plan/index.ts";
import { compileExec } from "./exec-plan.ts";
import { fullStatusOf, type LogTarget, readRecord } from "./state-folder.ts";

export interface ExecOptions {
  readonly root: string;
  readonly id: string;
  /** What to run, from the process of config.json. */
  readonly process: (config: RuntimeConfig) => Process;
  readonly detach: boolean;
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly preserveFds: number;
  /** A cgroup below the container's. */
  readonly cgroup: string | undefined;
  readonly ignorePaused: boolean;
  readonly log: LogTarget;
}

/**
 * This process becomes the native program, which ends as the new process does, or with 0 when that is detached.
 * @throws TsboxError
 */
export async function execInContainer(options: ExecOptions): Promise<never> {
  const { root, id } = options;
  const record = readRecord(root, id);
  const status = await fullStatusOf(root, record);
  const refuse = (reason: string) => new TsboxError("busy", `cannot exec in container "${id}": ${reason}`);
  if (status === "paused" && !options.ignorePaused) throw refuse("it is paused; --ignore-paused waits for it");
  if (status === "stopped" || status === "creating") throw refuse(`container not running: it is ${status}`);
  const process = options.process(record.config);
  if (process.terminal && options.detach && options.consoleSocket === undefined)
    throw new TsboxError("usage", "cannot use a terminal: with --detach it needs --console-socket");
  if (options.preserveFds > 0) (await import("./preserve.ts")).preserveDescriptors(options.preserveFds);
  const pidfd = openProcess(record);
  if (pidfd === undefined) throw refuse("container not running");
  // native takes it over
  check("fcntl", syscall(SYS.fcntl, pidfd, 2 /* F_SETFD */, 0));
  const { seccomp } = record.config.linux ?? {};
  const compiled =
    seccomp === undefined ? undefined : await (await import("./compiled-seccomp.ts")).compiledSeccomp(root, seccomp);
  return becomeNative(compileExec({ options, record, process, pidfd, seccomp: compiled }));
}

/** `--process FILE`. @throws TsboxError */
export async function readProcess(path: string): Promise<Process> {
  if (!exists(path)) throw new TsboxError("not-found", `cannot read ${path}: no such file or directory`);
  const { parseProcess } = await import("../../oci/index.ts");
  return await parseProcess(readText(path), path);
}
