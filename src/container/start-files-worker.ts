/** Starts `tsbox __container-files` in a user namespace with a container's mapping, with its root mounted where it does not run. */
import { type ErrorCode, TsboxError } from "../error.ts";
import { type IdMapping, unpackMapping } from "../idmap/index.ts";
import { statPath } from "../linux/stat.ts";
import { writeAll } from "../linux/write-text.ts";
import { STDERR, type Stdio, selfCommand, spawnEntered } from "../plan/index.ts";
import { addRootMount, type RootSource } from "../rootfs/index.ts";
import { addOwnMounts, type OwnMount } from "./copy/own-mounts.ts";
import type { FilesJob } from "./files-worker.ts";

export interface FilesWorkerOptions {
  readonly mapping: IdMapping;
  readonly input: Stdio;
  readonly output: Stdio;
  /** Becomes descriptor 3 of the worker: the root of a container that runs. */
  readonly rootFd?: number | undefined;
  /** Of a container that does not run: mounted for the worker alone. */
  readonly mount?: StoppedRoot | undefined;
}

export interface StoppedRoot {
  readonly source: RootSource;
  readonly mounts: readonly OwnMount[];
}

export interface FilesWorker {
  /** What it writes, if `output` is a pipe. */
  readonly output: ReadableStream<Uint8Array> | undefined;
  /** Settles when it has ended. @throws TsboxError what it failed with; `host` when it could not be started */
  finish(): Promise<void>;
}

export function startFilesWorker(job: FilesJob, options: FilesWorkerOptions): FilesWorker {
  const { mount, rootFd } = options;
  const mapping = unpackMapping(options.mapping);
  const [program = "", ...rest] = selfCommand();
  const child = spawnEntered({
    mapping,
    argv: [program, ...rest, "__container-files", JSON.stringify(job)],
    stdio: [options.input, options.output, "pipe", ...(rootFd === undefined ? [] : [rootFd])],
    ...(mount === undefined
      ? {}
      : {
          prepare: (parts) => {
            const { inside, outside } = parts;
            const { source, mounts } = mount;
            const owner = mapping.uids.find(({ container }) => container === 0)?.host;
            // as at a container's first start: the folder was made by the caller, who is not root inside with keep-id
            const chownUpper =
              source.kind !== "folder" &&
              mapping.kind === "subuid" &&
              statPath(`${source.container}/upper`).uid !== owner;
            const context = { ...parts, log: STDERR, chownUpper, userNamespace: mapping.kind !== "none" };
            const { root } = addRootMount(context, source, { root: inside.slot(), helper: outside.slot() });
            addOwnMounts(parts, root, mounts);
          },
        }),
  });
  // casts: these were asked for as pipes
  const log = new Response(child.stderr as ReadableStream<Uint8Array>).text();
  return {
    output: options.output === "pipe" ? (child.stdout as ReadableStream<Uint8Array>) : undefined,
    async finish() {
      const [said, status] = await Promise.all([log, child.exited]);
      if (status !== 0) throw failureOf(said, status);
      if (said !== "") writeAll(2, said);
    },
  };
}

function failureOf(log: string, status: number): TsboxError {
  const last = log.trim().split("\n").at(-1) ?? "";
  try {
    const { code, message } = JSON.parse(last) as { code: ErrorCode; message: string }; // cast: only the worker writes it
    return new TsboxError(code, message);
  } catch {
    const reason = last.replace(/^tsbox: /, "") || `the worker ended with status ${status}`;
    return new TsboxError("host", `cannot work on the container's files: ${reason}`);
  }
}
