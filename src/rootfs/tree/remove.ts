/** Removing trees whose files may belong to subordinate ids. */
import { TsboxError } from "../../error.ts";
import { tryInNamespace } from "../../host/index.ts";
import { type IdMapping, unpackMapping } from "../../idmap/index.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { E } from "../../linux/errno.ts";
import { cstring, syscall } from "../../linux/syscall.ts";

/**
 * Removes a folder or file with all that it holds, as root of a user namespace with the mapping that it was made with. Links are
 * removed, not followed. Idempotent.
 *
 * @throws TsboxError `io` when something cannot be removed
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
  if (!result.ok)
    throw new TsboxError("io", `cannot ${result.step}: ${result.errno}${result.log === "" ? "" : ` (${result.log})`}`, {
      context: { path },
    });
}
