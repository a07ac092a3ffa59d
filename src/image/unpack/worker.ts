/** The worker: `tsbox __unpack`, root of a user namespace. See protocol.ts. */
import { TsboxError } from "../../error.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { compileHotCode } from "../../linux/engine.ts";
import { errnoText, SyscallError } from "../../linux/errno.ts";
import { receiveDescriptors } from "../../linux/pass-descriptors.ts";
import { syscall } from "../../linux/syscall.ts";
import { digestAlgorithm } from "../../oci/index.ts";
import { Confinement } from "./confinement.ts";
import type { decompress as Decompress } from "./decompress.ts";
import { finish } from "./finish.ts";
import { growingFile, type NextLine } from "./growing-file.ts";
import type { Job, Reply, UnpackJob, UnpackResult } from "./protocol.ts";
import { TarParser } from "./tar/parser.ts";
import { TreeWriter } from "./tree-writer.ts";

const SOCKET = 3;

/** @returns the exit status; the outcomes themselves are lines on standard output */
export async function unpackWorkerMain(): Promise<number> {
  compileHotCode();
  const lines = console[Symbol.asyncIterator]();
  const next: NextLine = async () => {
    const { value, done } = await lines.next();
    return done ? undefined : value;
  };
  const confinement = new Confinement();
  for (let line = await next(); line !== undefined; line = await next()) {
    const reply = await work(JSON.parse(line), confinement, next).catch(failureReply); // cast: only tsbox starts it
    await Bun.write(Bun.stdout, `${JSON.stringify(reply)}\n`);
    if ("error" in reply) break;
  }
  return 0;
}

async function work(job: Job, confinement: Confinement, next: NextLine): Promise<Reply> {
  confinement.leave();
  if (job.kind === "finish") {
    finish(job);
    return { ok: null };
  }
  // from here on the tree is the root: all that may be needed of the host is loaded before
  const { decompress } = await import("./decompress.ts");
  const [blob = -1, destination = -1] = receiveDescriptors(SOCKET, 2);
  confinement.enter(destination);
  try {
    return { ok: await unpack(job, blob, next, decompress) };
  } finally {
    syscall(SYS.close, blob);
  }
}

async function unpack(
  job: UnpackJob,
  descriptor: number,
  next: NextLine,
  decompress: typeof Decompress,
): Promise<UnpackResult> {
  const hash = new Bun.CryptoHasher(digestAlgorithm(job.diffID));
  using writer = new TreeWriter(job.mapping, job.limits);
  const parser = new TarParser(writer);
  const { limits } = job;
  let read = 0;
  let made = 0;
  const blob = growingFile(descriptor, next, (size) => {
    read += size;
  });
  for await (const chunk of decompress(blob, job.compression, job.crowded)) {
    made += chunk.length;
    if (made > limits.bytes || (made > limits.unboundedBytes && made > read * limits.ratio)) {
      throw new TsboxError("invalid", `cannot unpack: ${read} bytes of the layer expand to more than ${made}`);
    }
    hash.update(chunk);
    parser.push(chunk);
  }
  parser.finish();
  const digest = `${digestAlgorithm(job.diffID)}:${hash.digest("hex")}`;
  if (digest !== job.diffID) {
    throw new TsboxError(
      "integrity",
      `cannot unpack: the uncompressed layer's digest is ${digest} instead of ${job.diffID}`,
    );
  }
  return writer.finish();
}

function failureReply(error: unknown): Reply {
  if (error instanceof TsboxError) return { error: { code: error.code, message: error.message } };
  if (error instanceof SyscallError)
    return {
      error: { code: "io", message: `cannot unpack: ${error.syscall} ${error.path ?? ""}: ${errnoText(error.errno)}` },
    };
  return {
    error: { code: "internal", message: `cannot unpack: ${error instanceof Error ? error.message : String(error)}` },
  };
}
