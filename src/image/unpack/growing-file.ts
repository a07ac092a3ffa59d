/** Reads a blob while it is still being written, as far as the parent says that it is there. */
import { TsboxError } from "../../error.ts";
import { SYS } from "../../linux/abi.gen.ts";
import { check } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";

/** Lines of the parent, one after the other; undefined when there are no more. */
export type NextLine = () => Promise<string | undefined>;

const CHUNK = 1024 * 1024;

/**
 * @param fd the blob; not closed here
 * @param onRead told of each piece's size
 * @throws TsboxError when the parent gives up or goes away
 */
export async function* growingFile(
  fd: number,
  next: NextLine,
  onRead: (size: number) => void,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  let valid = 0;
  let whole = false;
  for (;;) {
    while (at < valid) {
      // a buffer of its own each time: the decompressor keeps it while the next is read
      const buffer = new Uint8Array(Math.min(CHUNK, valid - at));
      const size = check("pread64", syscall(SYS.pread64, fd, buffer, buffer.length, at), "the blob");
      if (size === 0) throw new TsboxError("integrity", "cannot unpack: the blob is shorter than it was said to be");
      at += size;
      onRead(size);
      yield buffer.subarray(0, size);
    }
    if (whole) return;
    const line = await next();
    const [word, number] = (line ?? "").split(" ");
    if (word !== "have" && word !== "end") throw new TsboxError("io", "cannot unpack: the download was given up");
    valid = Number(number);
    whole = word === "end";
  }
}
