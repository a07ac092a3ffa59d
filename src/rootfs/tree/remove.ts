/** Removing trees whose files may belong to subordinate ids. */
import { tryInNamespace } from "../../host/index.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { E } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { runTreeJob } from "./start-worker.ts";

/**
 * Removes a folder or file with all that it holds, as root of a user namespace with the mapping that it was made with. Links are
 * removed, not followed. Idempotent.
 *
 * @throws TsboxError `busy` for what is mounted, `io` when something else cannot be removed
 */
export async function removeTree(path: string, mapping: IdMapping): Promise<void> {
  const name = cstring(path);
  const removed = syscall(SYS.unlinkat, AT_FDCWD, name, 0);
  if (removed === 0 || removed === -E.ENOENT) return;
  const folder = syscall(SYS.unlinkat, AT_FDCWD, name, AT_REMOVEDIR);
  if (folder === 0 || folder === -E.ENOENT) return;
  const result = await tryInNamespace(unpackMapping(mapping), (inside) => {
    inside.add("remove_tree", [null, path], { note: `remove ${path}` });
  });
  // what the small native program cannot do (any depth), or say: the worker tries again, and says why not
  if (!result.ok) await runTreeJob({ kind: "remove", path }, mapping);
}
