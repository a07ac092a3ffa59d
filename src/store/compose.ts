/**
 * Storing a blob that is made here, whose digest is known only when its last byte is. It grows in its lease's folder, which is garbage once the
 * process ends, however it ends; then it is flushed and gets its name, whole or not at all.
 */
import { randomHex } from "../linux/random.ts";
import { type Digest, digestHex, parseDigest } from "../oci/index.ts";
import { writing } from "./failure.ts";
import type { Lease } from "./lease.ts";
import { fs } from "./node-fs.ts";

export interface Composed {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface Composer extends Disposable {
  /** @throws TsboxError `no-space`, `denied`, `io` */
  write(bytes: Uint8Array): void;
  /** Flushes it and puts it in its place; the lease needs it from then on. @throws TsboxError */
  finish(): Composed;
}

export function composeBlob(root: string, lease: Lease): Composer {
  const path = `${lease.folder}/blob-${randomHex(8)}`;
  const what = "a layer";
  let fd = writing(what, path, () => fs().openSync(path, "wx", 0o644));
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  const close = () => {
    if (fd >= 0) fs().closeSync(fd);
    fd = -1;
  };
  return {
    write(bytes) {
      writing(what, path, () => {
        for (let done = 0; done < bytes.length; ) done += fs().writeSync(fd, bytes, done, bytes.length - done);
      });
      hash.update(bytes);
      size += bytes.length;
    },
    finish() {
      const digest = parseDigest(`sha256:${hash.digest("hex")}`);
      lease.needBlobs([digest]);
      writing(what, path, () => {
        fs().fdatasyncSync(fd);
        close();
        // the same bytes, if it is there already
        fs().renameSync(path, `${root}/blobs/sha256/${digestHex(digest)}`);
      });
      return { digest, size };
    },
    [Symbol.dispose]() {
      close();
      fs().rmSync(path, { force: true });
    },
  };
}
