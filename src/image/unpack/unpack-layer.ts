/** The parent's side: starts workers and talks to them. */
import { TsboxError } from "../../error.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { Compression, Digest } from "../../oci/index.ts";
import { selfCommand, spawnEntered } from "../../plan/index.ts";
import {
  DEFAULT_LIMITS,
  type Job,
  type Limits,
  type Reply,
  type UnfinishedLayer,
  type UnpackResult,
} from "./protocol.ts";

export interface UnpackOptions {
  /** The blob, which may still be growing; it is opened now. */
  readonly blobPath: string;
  /** An empty folder. */
  readonly destination: string;
  readonly compression: Compression;
  readonly diffID: Digest;
  readonly mapping: IdMapping;
  readonly limits?: Limits;
}

export interface Unpacking {
  /** So many bytes of the blob are there. */
  have(bytes: number): void;
  /** The blob is whole and verified. */
  end(bytes: number): void;
  /** Stops the worker; `result` fails. */
  abort(): void;
  /** @throws TsboxError saying what is wrong with the layer, the disk or the host */
  readonly result: Promise<UnpackResult>;
}

function open(path: string, flags: number): number {
  return check("openat", syscall(SYS.openat, AT_FDCWD, cstring(path), flags | O_CLOEXEC), path);
}

/** Starts a worker that unpacks one layer. The tree is whole when `result` is there, and only then. */
export function unpackLayer(options: UnpackOptions): Unpacking {
  const { compression, diffID, mapping, limits = DEFAULT_LIMITS } = options;
  const blob = open(options.blobPath, O_RDONLY);
  const destination = open(options.destination, O_RDONLY | O_DIRECTORY);
  const job: Job = { kind: "unpack", compression, diffID, mapping: unpackMapping(mapping), limits };
  const worker = startWorker(job, mapping, [blob, destination]);
  syscall(SYS.close, blob);
  syscall(SYS.close, destination);
  let told = 0;
  return {
    have: (bytes) => {
      // each line costs a wake-up; a megabyte more is worth one
      if (bytes - told < 1024 * 1024) return;
      told = bytes;
      worker.say(`have ${bytes}`);
    },
    end: (bytes) => worker.say(`end ${bytes}`),
    abort: () => worker.kill(),
    // cast: an unpack job's reply has a result
    result: worker.reply as Promise<UnpackResult>,
  };
}

/**
 * Gives layers what they take from those below (finish.ts). Does nothing for layers that lack nothing. Not atomic: after a failure
 * the layers are good for nothing but removal.
 *
 * @param job.layers trees of layers of one image, lowest first, finished ones among them (with nothing to do)
 * @param job.lowerPaths trees of the layers below all of them, nearest first
 * @throws TsboxError `invalid` when a hard link's target is in no layer
 */
export async function finishLayers(job: {
  readonly layers: readonly UnfinishedLayer[];
  readonly lowerPaths: readonly string[];
  readonly mapping: IdMapping;
}): Promise<void> {
  const lacking = job.layers.findLastIndex(
    (layer, index) =>
      layer.pendingHardLinks.length > 0 ||
      (layer.whiteouts ?? []).length > 0 ||
      ((layer.impliedFolders.length > 0 || layer.opaqueRoot === true) && index + job.lowerPaths.length > 0),
  );
  if (lacking < 0) return;
  const layers = job.layers
    .slice(0, lacking + 1)
    .map(({ path, impliedFolders, pendingHardLinks, whiteouts = [], opaqueRoot = false }) => ({
      path,
      impliedFolders,
      pendingHardLinks,
      whiteouts,
      opaqueRoot,
    }));
  await startWorker({ kind: "finish", layers, lowerPaths: job.lowerPaths }, job.mapping, []).reply;
}

function startWorker(job: Job, mapping: IdMapping, descriptors: readonly number[]) {
  const [program, ...rest] = selfCommand();
  const child = spawnEntered({
    mapping: unpackMapping(mapping),
    argv: [program ?? "", ...rest, "__unpack"],
    stdio: ["pipe", "pipe", "pipe", ...descriptors],
  });
  const input = child.stdin as Bun.FileSink; // casts: all three were asked for as pipes
  const say = (line: string) => {
    try {
      input.write(`${line}\n`);
      input.flush();
    } catch {
      // it has ended; what it has to say of that comes as its reply
    }
  };
  say(JSON.stringify(job));
  const reply = readReply(child).finally(() => input.end());
  return { say, reply, kill: () => child.kill("SIGKILL") };
}

async function readReply(child: ReturnType<typeof spawnEntered>): Promise<UnpackResult | null> {
  const [text, log, status] = await Promise.all([
    new Response(child.stdout as ReadableStream<Uint8Array>).text(),
    new Response(child.stderr as ReadableStream<Uint8Array>).text(),
    child.exited,
  ]);
  if (status !== 0 || text === "") {
    const said = log
      .trim()
      .replace(/^tsbox: /, "")
      .split("\n")
      .at(-1);
    throw new TsboxError("host", said || `cannot unpack: the worker ended with status ${status}`);
  }
  const reply = JSON.parse(text) as Reply; // cast: only the worker writes it
  if ("error" in reply) throw new TsboxError(reply.error.code, reply.error.message);
  return reply.ok;
}
