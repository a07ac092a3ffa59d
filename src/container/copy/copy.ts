/** `tsbox cp`: one side writes an archive, the other unpacks it, with a pipe between them and nothing on disk. */
import { TsboxError } from "../../error.ts";
import { chooseMapping, type IdMapping } from "../../idmap/index.ts";
import { O_CLOEXEC, SYS } from "../../linux/abi.gen.ts";
import { compileHotCode } from "../../linux/engine.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import type { Stdio } from "../../plan/index.ts";
import { explainFilesError, type FilesJob } from "../files-worker.ts";
import { type FilesWorker, startFilesWorker } from "../start-files-worker.ts";
import { copyIn } from "./copy-in.ts";
import { copyOut } from "./copy-out.ts";
import { type OpenedRoot, openContainerRoot } from "./open-root.ts";
import { ByteOutput } from "./stream.ts";

/** One end of a copy. */
export type CopySide =
  | { readonly kind: "container"; readonly id: string; readonly path: string; readonly shown: string }
  | { readonly kind: "host"; readonly path: string; readonly shown: string }
  /** Standard input or output, as an archive. */
  | { readonly kind: "stream" };

export interface CopyOptions {
  /** Keep owners: they are the container's ids, which on the host are the caller's and subordinate ones. */
  readonly archive: boolean;
  readonly followLink: boolean;
}

/**
 * Guarantees nothing if it fails half way: part of it is there then.
 * @param store the store's folder
 * @throws TsboxError
 */
export async function copyFiles(store: string, from: CopySide, to: CopySide, options: CopyOptions): Promise<void> {
  compileHotCode();
  using opened = new DisposableStack();
  const open = async (side: CopySide) =>
    side.kind === "container" ? opened.use(await openContainerRoot(store, side.id)) : undefined;
  // the one that does not run is locked, so a container is not opened twice
  const same = from.kind === "container" && to.kind === "container" && from.id === to.id;
  if (same) refuseInto(from.path, to.path, to.shown);
  const source = await open(from);
  if (same && source?.mount !== undefined)
    throw new TsboxError("unsupported", `cannot copy to ${to.shown}: the container is to run for a copy within it`);
  const target = same ? source : await open(to);
  const mapping = source?.mapping ?? target?.mapping ?? chooseMapping().mapping;
  const ends = from.kind === "stream" || to.kind === "stream" ? undefined : makePipe();
  const reader = to.kind === "stream" ? undefined : unpack(from, to, options, target, mapping, ends?.read ?? "inherit");
  const writer =
    from.kind === "stream" ? undefined : pack(from, to, options, source, mapping, ends?.write ?? "inherit");
  await finishBoth(writer, reader, ends);
}

/** A side that a worker does already has its end of the pipe; the other is done here, and closes its end. */
type Work = FilesWorker | { readonly run: () => void };

function pack(
  from: CopySide,
  to: CopySide,
  options: CopyOptions,
  root: OpenedRoot | undefined,
  mapping: IdMapping,
  output: Stdio,
): Work {
  if (from.kind === "stream") throw new TsboxError("internal", "cannot copy: standard input is an archive already");
  const { path, contents } = splitContents(from.path);
  const base = baseName(path);
  // between two sides any name does: the other one gives it its own
  const name = to.kind !== "stream" ? "source" : contents || base === "" ? "." : base;
  const job = {
    kind: "copy-out",
    root: root?.name ?? "host",
    path: latin1(contents ? `${path}/` : from.path),
    follow: options.followLink,
    name: latin1(name),
    ownersRecorded: mapping.kind === "single",
    shown: from.shown,
  } as const;
  return start(job, options, root, mapping, "ignore", output, () =>
    copyOut(job, new ByteOutput(typeof output === "number" ? output : 1)),
  );
}

function unpack(
  from: CopySide,
  to: CopySide,
  options: CopyOptions,
  root: OpenedRoot | undefined,
  mapping: IdMapping,
  input: Stdio,
): Work {
  if (to.kind === "stream") throw new TsboxError("internal", "cannot copy: standard output takes an archive as it is");
  const stream = from.kind === "stream";
  const source = stream ? undefined : splitContents(from.path);
  const base = source === undefined || source.contents ? "" : baseName(source.path);
  const destination = splitContents(to.path);
  const keeps = options.archive || stream;
  const job = {
    kind: "copy-in",
    root: root?.name ?? "host",
    path: latin1(destination.contents ? `${destination.path}/` : to.path),
    base: base === "" ? undefined : latin1(base),
    archive: stream,
    owner: keeps ? "archive" : root === undefined ? "caller" : "root",
    ownersRecorded: mapping.kind === "single",
    shown: to.shown,
  } as const;
  return start(job, options, root, mapping, input, "ignore", () => copyIn(job, typeof input === "number" ? input : 0));
}

/** On the host's side subordinate ids are met only when owners are kept; otherwise this process can do the work. */
function start(
  job: FilesJob,
  { archive }: CopyOptions,
  root: OpenedRoot | undefined,
  mapping: IdMapping,
  input: Stdio,
  output: Stdio,
  here: () => void,
): Work {
  if (root === undefined && (!archive || mapping.kind === "none")) return { run: here };
  return startFilesWorker(job, { mapping, input, output, rootFd: root?.rootFd, mount: root?.mount });
}

interface Ends {
  readonly read: number;
  readonly write: number;
}

function makePipe(): Ends {
  const fds = new Int32Array(2);
  check("pipe2", syscall(SYS.pipe2, fds, O_CLOEXEC));
  return { read: fds[0] ?? -1, write: fds[1] ?? -1 };
}

async function finishBoth(writer: Work | undefined, reader: Work | undefined, ends: Ends | undefined): Promise<void> {
  const close = (fd: number | undefined) => fd !== undefined && syscall(SYS.close, fd);
  let failure: unknown;
  // the ends that workers have are closed here, so that each sees the other's end
  if (writer !== undefined && "finish" in writer) close(ends?.write);
  if (reader !== undefined && "finish" in reader) close(ends?.read);
  for (const [work, end] of [
    [writer, ends?.write],
    [reader, ends?.read],
  ] as const) {
    if (work === undefined || "finish" in work) continue;
    try {
      work.run();
    } catch (error) {
      failure = error;
    }
    close(end);
  }
  const results = await Promise.allSettled(
    [writer, reader].map((work) => (work && "finish" in work ? work.finish() : undefined)),
  );
  const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  // a pipe that nobody reads, or an archive that ends early, is what the other side's failure looks like from here
  const all = [...reasons, ...(failure === undefined ? [] : [failure])];
  const cause = all.find((error) => !isConsequence(error)) ?? all[0];
  if (cause !== undefined) throw explainFilesError(cause, "copy");
}

function isConsequence(error: unknown): boolean {
  if (error instanceof SyscallError) return error.errno === E.EPIPE;
  return error instanceof TsboxError && /truncated|broken pipe/.test(error.message);
}

/** A folder that is copied into itself would not end. */
function refuseInto(from: string, to: string, shown: string): void {
  const parts = (path: string) => path.split("/").filter((part) => part !== "" && part !== ".");
  const [outer, inner] = [parts(from), parts(to)];
  if (outer.every((part, i) => inner[i] === part))
    throw new TsboxError("usage", `cannot copy to ${shown}: it is in what is copied`);
}

/** `folder/.`: what is in it. */
function splitContents(path: string): { path: string; contents: boolean } {
  const match = /^(.*\/)\.\/*$/.exec(path);
  return match === null ? { path, contents: false } : { path: match[1]?.replace(/\/+$/, "") ?? "", contents: true };
}

function baseName(path: string): string {
  const base = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return base === "." || base === ".." ? "" : base;
}

/** One character for each byte. */
function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
