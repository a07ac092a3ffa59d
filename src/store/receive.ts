/**
 * Bringing a blob in. Its bytes go to `tmp/partial-<algorithm>-<hex>`, a name made of the digest, so that a pull that was killed is gone on
 * with by the next one, and so that two pulls of one blob meet there: the second waits for the first one's lock.
 *
 * That lock is the only one held across the network. It is on one blob, nobody but another who wants the same bytes waits for
 * it, and without it both would download the same or write to one file.
 */
import { TsboxError } from "../error.ts";
import { type FileLock, lockFileWhenFree } from "../linux/lock.ts";
import { statFd, statIfPresent } from "../linux/stat.ts";
import { type Descriptor, digestAlgorithm, digestHex } from "../oci/index.ts";
import { abortable } from "./abortable.ts";
import { writeFailure, writing } from "./failure.ts";
import { hashFile } from "./hash-file.ts";
import { prepareLayout } from "./layout.ts";
import { fs } from "./node-fs.ts";

/** `present`: it was there. `shared`: another process brought it while this one waited. */
export type Received = "present" | "received" | "shared";

export interface ReceiveOptions {
  /** The blob's bytes from there on. What is more than the descriptor's size is refused. */
  open(offset: number): Promise<AsyncIterable<Uint8Array>>;
  /** The growing file: an open descriptor, valid until the promise settles, and its name until it is renamed. */
  readonly onFile?: (fd: number, path: string) => void;
  /** How many bytes from the start are in the file. They are verified only when all are there. */
  readonly onProgress?: (bytes: number) => void;
  /** Another process is at it and has come so far. */
  readonly onWaiting?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

export const PARTIAL_PREFIX = "partial-";

/** @param target where the blob belongs. Guarantees and failures: {@link receiveBlob} of the class `Blobs`. */
export async function receiveBlob(
  root: string,
  target: string,
  descriptor: Descriptor,
  options: ReceiveOptions,
): Promise<Received> {
  const isThere = () => statIfPresent(target)?.size === descriptor.size;
  if (isThere()) return "present";
  const partial = `${root}/tmp/${PARTIAL_PREFIX}${digestAlgorithm(descriptor.digest)}-${digestHex(descriptor.digest)}`;
  prepareLayout(root);
  using lock = await lockPartial(partial, descriptor, options);
  if (isThere()) {
    fs().rmSync(partial, { force: true });
    return "shared";
  }
  options.onFile?.(lock.fd, partial);
  const resumed = await fill(lock, partial, descriptor, options);
  if (resumed === "corrupt") {
    // what an earlier pull left may have been damaged by a power cut: once more, from the start
    fs().ftruncateSync(lock.fd, 0);
    await fill(lock, partial, descriptor, options);
  }
  await publish(root, lock, partial, target, descriptor);
  return "received";
}

async function lockPartial(partial: string, { digest }: Descriptor, options: ReceiveOptions): Promise<FileLock> {
  const onWaiting = () => options.onWaiting?.(statIfPresent(partial)?.size ?? 0);
  try {
    return await lockFileWhenFree(partial, { mode: "exclusive", signal: options.signal, onWaiting });
  } catch (error) {
    throw writeFailure(error, `blob ${digest}`, partial);
  }
}

/**
 * Completes the partial file.
 * @returns `corrupt` when it does not have the digest although only part of it came now
 * @throws TsboxError `integrity`; the file is removed when its content is known to be wrong
 */
async function fill(
  lock: FileLock,
  path: string,
  descriptor: Descriptor,
  options: ReceiveOptions,
): Promise<"whole" | "corrupt"> {
  const { digest, size } = descriptor;
  if (statFd(lock.fd).size > size) fs().ftruncateSync(lock.fd, 0);
  const hash = new Bun.CryptoHasher(digestAlgorithm(digest));
  const start = await hashFile(path, hash, options.signal);
  options.onProgress?.(start);
  let at = start;
  if (at < size) {
    for await (const chunk of abortable(options.open(at), options.signal)) {
      if (at + chunk.length > size)
        throw refuse(path, `blob ${digest}`, `it has more than the ${size} bytes it should have`);
      writeChunk(lock.fd, chunk, at, path, digest);
      hash.update(chunk);
      at += chunk.length;
      options.onProgress?.(at);
    }
  }
  // kept: the next try goes on from there
  if (at < size)
    throw new TsboxError("integrity", `cannot store blob ${digest}: it ended after ${at} of ${size} bytes`);
  const actual = `${digestAlgorithm(digest)}:${hash.digest("hex")}`;
  if (actual === digest) return "whole";
  if (start > 0) return "corrupt";
  throw refuse(path, `blob ${digest}`, `its digest is ${actual}`);
}

function refuse(path: string, what: string, reason: string): TsboxError {
  fs().rmSync(path, { force: true });
  return new TsboxError("integrity", `cannot store ${what}: ${reason}`);
}

function writeChunk(fd: number, chunk: Uint8Array, at: number, path: string, digest: string): void {
  try {
    for (let done = 0; done < chunk.length; ) done += fs().writeSync(fd, chunk, done, chunk.length - done, at + done);
  } catch (error) {
    const failure = writeFailure(error, `blob ${digest}`, path);
    // on a full disk the part that came is in everybody's way
    if (failure instanceof TsboxError && failure.code === "no-space") fs().rmSync(path, { force: true });
    throw failure;
  }
}

async function publish(root: string, lock: FileLock, partial: string, target: string, { digest }: Descriptor) {
  try {
    await new Promise<void>((resolve, reject) =>
      fs().fdatasync(lock.fd, (error) => (error ? reject(error) : resolve())),
    );
    fs().fchmodSync(lock.fd, 0o644);
  } catch (error) {
    throw writeFailure(error, `blob ${digest}`, partial);
  }
  writing(`blob ${digest}`, target, () => {
    fs().mkdirSync(`${root}/blobs/${digestAlgorithm(digest)}`, { recursive: true, mode: 0o700 });
    fs().renameSync(partial, target);
  });
}
