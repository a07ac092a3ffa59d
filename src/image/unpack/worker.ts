/** The worker: `tsbox __unpack`, root of a user namespace. See protocol.ts. */
import { TsboxError } from "../../error.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { compileHotCode } from "../../linux/engine.ts";
import { check, errnoText, SyscallError } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { digestAlgorithm } from "../../oci/index.ts";
import { finish } from "./finish.ts";
import { growingFile, type NextLine } from "./growing-file.ts";
import type { Job, Reply, UnpackJob, UnpackResult } from "./protocol.ts";
import { TarParser } from "./tar/parser.ts";
import { TreeWriter } from "./tree-writer.ts";

const BLOB = 3;
const DESTINATION = 4;

/** @returns the exit status; the outcome itself is the line on standard output */
export async function unpackWorkerMain(): Promise<number> {
  compileHotCode();
  const reply = await work().catch(failureReply);
  await Bun.write(Bun.stdout, `${JSON.stringify(reply)}\n`);
  return 0;
}

async function work(): Promise<Reply> {
  const lines = console[Symbol.asyncIterator]();
  const next: NextLine = async () => {
    const { value, done } = await lines.next();
    return done ? undefined : value;
  };
  const job = JSON.parse((await next()) ?? "null") as Job; // cast: only tsbox starts it
  if (job.kind === "finish") {
    finish(job);
    return { ok: null };
  }
  return { ok: await unpack(job, next) };
}

/** From here on the tree is the root: all that may be needed of the host is loaded before. */
async function confine(): Promise<typeof import("./decompress.ts")> {
  const loaded = await import("./decompress.ts");
  check("fchdir", syscall(SYS.fchdir, DESTINATION));
  check("chroot", syscall(SYS.chroot, cstring(".")));
  // what is made in the tree is to be root's, of the mode it is made with: nothing is inherited from where the store is
  syscall(SYS.umask, 0);
  check("fchown", syscall(SYS.fchown, DESTINATION, 0, 0));
  check("fchmod", syscall(SYS.fchmod, DESTINATION, 0o755));
  syscall(SYS.removexattr, cstring("."), cstring("system.posix_acl_default"));
  return loaded;
}

async function unpack(job: UnpackJob, next: NextLine): Promise<UnpackResult> {
  const { decompress } = await confine();
  const hash = new Bun.CryptoHasher(digestAlgorithm(job.diffID));
  using writer = new TreeWriter(job.mapping, job.limits);
  const parser = new TarParser(writer);
  const { limits } = job;
  let read = 0;
  let made = 0;
  const blob = growingFile(BLOB, next, (size) => {
    read += size;
  });
  for await (const chunk of decompress(blob, job.compression)) {
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
