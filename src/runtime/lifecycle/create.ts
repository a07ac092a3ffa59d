/** `create` and `run` of a bundle. runtime-spec runtime.md, "Lifecycle" */
import { TsboxError } from "../../error.ts";
import type { IdMapping } from "../../idmap/index.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_WRONLY,
  S_IFIFO,
  SYS,
} from "../../linux/abi.gen.ts";
import { check, reasonOf } from "../../linux/errno.ts";
import { readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolder, makeFolders, writeText } from "../../linux/write-text.ts";
import { parseRuntimeConfig, type RuntimeConfig } from "../../oci/index.ts";
import { becomeNative } from "../../plan/index.ts";
import type { CgroupManager, CgroupState } from "../cgroup/index.ts";
import { mappingOf } from "./mapping.ts";
import { cgroupRequest, newRecord, recordText } from "./new-record.ts";
import { compileLifecycle, type LifecycleMode } from "./plan.ts";
import { checkId, checkOwner, type LogTarget, type StateRecord, stateFolder } from "./state-folder.ts";

export interface CreateOptions {
  /** Folder of all states. */
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  readonly mode: LifecycleMode;
  /** `run` only: the state stays when the container has ended. */
  readonly keep: boolean;
  readonly pidFile: string | undefined;
  readonly consoleSocket: string | undefined;
  readonly pidfdSocket: string | undefined;
  readonly preserveFds: number;
  /** Variables for the program beside those of config.json, as NAME=VALUE. */
  readonly environment: readonly string[];
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly cgroupManager: CgroupManager;
  readonly log: LogTarget | undefined;
  /** Told what is not as config.json has it without being a failure. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Print the plan and make nothing. */
  readonly explain?: boolean;
}

/**
 * Makes the container. This process becomes the native program, which ends with 0 when the container is created or started in
 * the background, and as the program does when it is run in the foreground.
 *
 * @throws TsboxError; nothing of the container is left behind then
 */
export async function createContainer(options: CreateOptions): Promise<Uint8Array> {
  const { root, id } = options;
  checkId(id);
  if (/[\x00-\x1f]/.test(root)) throw new TsboxError("usage", "cannot use --root: the path has control characters");
  const text = readConfig(options.bundle);
  const config = await parseRuntimeConfig(text, `${options.bundle}/config.json`);
  if (text.includes("\\u0000")) (await import("./zero-bytes.ts")).refuseZeroBytes(config);
  if (config.annotations !== undefined && Object.hasOwn(config.annotations, ""))
    throw new TsboxError("invalid", "cannot run: annotations: a name must not be empty");
  checkTerminal(config, options);
  const record = newRecord("run", options, config);
  const mapping = mappingOf(config);
  if (options.explain) return await compile(options, record, mapping, {});
  if (options.preserveFds > 0) (await import("./preserve.ts")).preserveDescriptors(options.preserveFds);
  const folder = stateFolder(root, id);
  makeFolders(root, 0o700);
  checkOwner(root);
  if (!makeFolder(folder, 0o700)) throw new TsboxError("exists", `container with id "${id}" already exists`);
  let cgroup: CgroupState | undefined;
  try {
    if (options.mode === "create") makeStartFiles(folder);
    // who finds only this knows where to clean up
    writeText(`${folder}/state.json`, recordText(record, text));
    const prepared = await makeCgroup(record);
    cgroup = prepared?.state;
    const final = { ...record, cgroup };
    if (cgroup !== undefined) replaceText(`${folder}/state.json`, recordText(final, text));
    const folderFd = options.mode === "run" && !options.keep ? openFolder(folder) : undefined;
    return becomeNative(await compile(options, final, mapping, { text, hold: prepared?.hold, folderFd }));
  } catch (error) {
    const { discardContainer } = await import("./discard.ts");
    await discardContainer(root, { ...record, cgroup });
    throw error;
  }
}

function readConfig(bundle: string): string {
  try {
    return readText(`${bundle}/config.json`);
  } catch (cause) {
    throw new TsboxError("not-found", `cannot read ${bundle}/config.json: ${reasonOf(cause)}`, { cause });
  }
}

/** A terminal needs somebody at its other end: a socket when tsbox goes away, its own terminal when it stays. */
function checkTerminal(config: RuntimeConfig, { mode, consoleSocket }: CreateOptions): void {
  const terminal = config.process?.terminal === true;
  if (terminal && mode !== "run" && consoleSocket === undefined)
    throw new TsboxError(
      "usage",
      "cannot use process.terminal: tsbox does not stay, so that it needs --console-socket",
    );
  if (!terminal && consoleSocket !== undefined)
    throw new TsboxError("usage", "cannot use --console-socket: config.json does not ask for process.terminal");
}

/** Whoever reads sees the old text or the new one. */
function replaceText(path: string, text: string): void {
  writeText(`${path}.new`, text);
  const result = syscall(SYS.renameat2, AT_FDCWD, cstring(`${path}.new`), AT_FDCWD, cstring(path), 0);
  check("renameat2", result, path);
}

/** The fifo on which a created container waits, and the file in which it tells what failed after that. */
function makeStartFiles(folder: string): void {
  const fifo = `${folder}/start`;
  check("mknodat", syscall(SYS.mknodat, AT_FDCWD, cstring(fifo), S_IFIFO | 0o600, 0), fifo);
  const report = `${folder}/report`;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  syscall(SYS.close, check("openat", syscall(SYS.openat, AT_FDCWD, cstring(report), flags, 0o600), report));
}

/** For native, so that it survives exec. */
function openFolder(folder: string): number {
  return check("openat", syscall(SYS.openat, AT_FDCWD, cstring(folder), O_PATH | O_DIRECTORY), folder);
}

async function makeCgroup(record: StateRecord) {
  if (record.cgroupManager === "disabled") return undefined;
  const { prepareCgroup } = await import("../cgroup/index.ts");
  return await prepareCgroup(cgroupRequest(record));
}

async function compile(
  options: CreateOptions,
  record: StateRecord,
  mapping: IdMapping,
  more: { readonly text?: string; readonly hold?: number | undefined; readonly folderFd?: number | undefined },
): Promise<Uint8Array> {
  const seccomp = record.config.linux?.seccomp;
  const compiled =
    seccomp === undefined
      ? undefined
      : await (await import("./compiled-seccomp.ts")).compiledSeccomp(options.root, seccomp);
  return compileLifecycle({
    options,
    record,
    mapping,
    seccomp: compiled,
    stateText: recordText(record, more.text ?? "{}", true),
    hold: more.hold,
    folderFd: more.folderFd,
  });
}
