/** `exec`: another program in a container that runs, with all that its first one has. */
import { TsboxError } from "../error.ts";
import { SYS } from "../linux/abi.gen.ts";
import { check } from "../linux/errno.ts";
import { openProcess } from "../linux/process.ts";
import { randomHex } from "../linux/random.ts";
import { readText } from "../linux/read-text.ts";
import { syscall } from "../linux/syscall.ts";
import type { Process, RuntimeConfig } from "../oci/index.ts";
import { becomeNative, EXPLAIN_COMMAND } from "../plan/index.ts";
import { compileExec } from "../runtime/index.ts";
import { containerEvent, event, eventsFile } from "./events.ts";
import { containerFolder } from "./folder.ts";
import { readImageFile } from "./image-files.ts";
import { readOptions } from "./options-file.ts";
import { chooseSeccomp } from "./seccomp.ts";
import { chooseCapabilities } from "./spec/capabilities.ts";
import { mergeEnv } from "./spec/environment.ts";
import { type ReadImageFile, resolveUser } from "./spec/user.ts";
import { containerState, readRecord } from "./state.ts";
import { nameOf } from "./stop.ts";

export interface ExecOptions {
  readonly command: readonly string[];
  readonly interactive: boolean;
  readonly tty: boolean;
  readonly detach: boolean;
  readonly privileged: boolean;
  readonly env: readonly string[];
  readonly workdir: string | undefined;
  readonly user: string | undefined;
}

/**
 * This process becomes the new program's supervisor, and ends as it does; with `detach`, with 0 once it runs.
 * @throws TsboxError
 */
export async function execInImageContainer(store: string, id: string, exec: ExecOptions): Promise<never> {
  const record = readRecord(store, id);
  const state = containerState(store, record);
  const cannot = (reason: string) => new TsboxError("busy", `cannot exec in container ${nameOf(record)}: ${reason}`);
  if (state.status === "paused") throw cannot(`it is paused; first: tsbox unpause ${nameOf(record)}`);
  const pidfd = state.status === "running" ? openProcess(state) : undefined;
  if (pidfd === undefined) throw cannot(`container ${nameOf(record)} is not running`);
  // native takes it over
  check("fcntl", syscall(SYS.fcntl, pidfd, 2 /* F_SETFD */, 0));
  const folder = containerFolder(store, id);
  const config = JSON.parse(readText(`${folder}/config.json`)) as RuntimeConfig; // cast: only tsbox writes it
  const { options, mapping } = readOptions(store, id);
  const process = processOf(config, state.pid, exec);
  const privileged = exec.privileged || options.privileged;
  const seccomp = exec.privileged ? undefined : await chooseSeccomp({ ...options, privileged }, { ...config, process });
  const { cgroup } = state;
  // Docker's form; this process is gone once it runs
  const execID = randomHex(32);
  const words = exec.command.join(" ");
  event(store, record, `exec_create: ${words}`, { execID });
  event(store, record, `exec_start: ${words}`, { execID });
  return becomeNative(
    await compileExec({
      options: {
        root: store,
        id,
        process: () => process,
        detach: exec.detach,
        pidFile: undefined,
        consoleSocket: undefined,
        pidfdSocket: undefined,
        preserveFds: 0,
        cgroup: undefined,
        ignorePaused: false,
        log: { path: undefined, format: "text", level: "error" },
      },
      record: {
        ociVersion: config.ociVersion,
        id,
        pid: state.pid,
        startTime: state.startTime,
        maker: { pid: 0, startTime: 0 },
        bundle: folder,
        rootfs: config.root?.path ?? "",
        created: "",
        owner: 0,
        cgroupManager: "cgroupfs",
        cgroup: cgroup === undefined ? undefined : { manager: "cgroupfs", path: cgroup },
        // image containers keep their caller's
        noNewKeyring: true,
        config,
      },
      process,
      mapping,
      pidfd,
      seccomp,
      cgroupOptional: Object.keys(options.resources).length === 0,
      nullStreams: { input: !exec.interactive, output: exec.detach && !exec.tty },
      failure: [EXPLAIN_COMMAND],
      ended: { path: eventsFile(store), event: { ...containerEvent(record, "exec_die"), execID } },
    }),
  );
}

/** @throws TsboxError `usage`, or `command-not-executable` for a user who is not there: 126, as Docker */
function userOf(text: string, readFile: ReadImageFile): ReturnType<typeof resolveUser> {
  try {
    return resolveUser(text, [], readFile);
  } catch (cause) {
    if (!(cause instanceof TsboxError) || cause.code !== "not-found") throw cause;
    throw new TsboxError("command-not-executable", cause.message, { cause });
  }
}

function processOf(config: RuntimeConfig, pid: number, exec: ExecOptions): Process {
  const base = config.process;
  if (base === undefined) throw new TsboxError("internal", "cannot exec: config.json has no process");
  // as the container has them now
  const readFile = (path: string) => readImageFile([`/proc/${pid}/root`], path);
  const user = exec.user === undefined ? undefined : userOf(exec.user, readFile);
  const uid = user?.uid ?? base.user.uid;
  const bounding = exec.privileged ? chooseCapabilities([], [], true) : (base.capabilities?.bounding ?? []);
  const ofRoot = uid === 0 ? bounding : [];
  const groups = user?.groups ?? base.user.additionalGids ?? [];
  const term = exec.tty ? ["TERM=xterm"] : [];
  const home = user?.home === undefined ? [] : [`HOME=${user.home}`];
  const cwd = exec.workdir ?? base.cwd;
  if (!cwd.startsWith("/"))
    throw new TsboxError("usage", `cannot run in ${JSON.stringify(cwd)}: the working folder must be an absolute path`);
  return {
    ...base,
    terminal: exec.tty,
    user: {
      uid,
      gid: user?.gid ?? base.user.gid,
      umask: base.user.umask ?? 0o022,
      ...(groups.length > 0 ? { additionalGids: groups } : {}),
    },
    args: exec.command,
    env: mergeEnv(base.env ?? [], term, home, exec.env),
    cwd,
    capabilities: { bounding, effective: ofRoot, permitted: ofRoot, inheritable: [], ambient: [] },
    noNewPrivileges: exec.privileged ? false : (base.noNewPrivileges ?? false),
  };
}
