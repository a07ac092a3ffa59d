/** What `create` and `restore` write down of a new container. */
import { TsboxError } from "../../error.ts";
import { thisProcess } from "../../linux/process.ts";
import { inUserNamespace } from "../../linux/process-state.ts";
import { statPath } from "../../linux/stat.ts";
import type { RuntimeConfig } from "../../oci/index.ts";
import { SUBJECT_PID, SUBJECT_START } from "../../plan/index.ts";
import type { CgroupManager } from "../cgroup/index.ts";
import type { LogTarget, StateRecord } from "./state-folder.ts";

export interface RecordOptions {
  readonly id: string;
  readonly bundle: string;
  readonly noNewKeyring?: boolean;
  readonly cgroupManager: CgroupManager;
  readonly log: LogTarget | undefined;
}

/**
 * Without a process yet, and made by this one.
 * @param verb what fails without a root.path
 * @throws TsboxError `invalid`, `not-found`
 */
export function newRecord(verb: "run" | "restore", options: RecordOptions, config: RuntimeConfig): StateRecord {
  return {
    ociVersion: config.ociVersion,
    id: options.id,
    pid: 0,
    startTime: 0,
    maker: thisProcess(),
    bundle: options.bundle,
    rootfs: findRoot(verb, options.bundle, config),
    created: new Date().toISOString(),
    owner: process.geteuid?.() ?? 0,
    cgroupManager: options.cgroupManager,
    log: options.log,
    ...(options.noNewKeyring ? { noNewKeyring: true } : {}),
    config,
  };
}

function findRoot(verb: string, bundle: string, config: RuntimeConfig): string {
  const path = config.root?.path;
  if (path === undefined || path === "")
    throw new TsboxError("invalid", `cannot ${verb}: config.json has no root.path`);
  const rootfs = path.startsWith("/") ? path : `${bundle}/${path}`;
  let isFolder = false;
  try {
    isFolder = statPath(rootfs).isFolder;
  } catch (cause) {
    throw new TsboxError("not-found", `cannot use root.path ${rootfs}: no such file or directory`, { cause });
  }
  if (!isFolder) throw new TsboxError("invalid", `cannot use root.path ${rootfs}: it is not a folder`);
  return rootfs;
}

/** The record as text, with config.json as it was written. With placeholders, native fills in the pid and start time. */
export function recordText(record: StateRecord, configText: string, placeholders = false): string {
  const { pid, startTime, config: _, ...rest } = record;
  const numbers = placeholders ? [SUBJECT_PID, SUBJECT_START] : [pid, startTime];
  return `${JSON.stringify(rest).slice(0, -1)},"pid":${numbers[0]},"startTime":${numbers[1]},"config":${configText}}`;
}

/** What is asked of the cgroup manager for it. */
export function cgroupRequest({ id, config, cgroupManager, owner }: StateRecord) {
  return {
    id,
    cgroupsPath: config.linux?.cgroupsPath,
    resources: config.linux?.resources,
    manager: cgroupManager,
    rootless: owner !== 0 || inUserNamespace(),
    ...(config.annotations === undefined ? {} : { annotations: config.annotations }),
  };
}
