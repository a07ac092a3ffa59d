/** Removing a folder with all it holds, inside the tree that the process is confined to. */
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { listFolder } from "../../linux/directory.ts";
import { check } from "../../linux/errno.ts";
import { syscall } from "../../linux/syscall.ts";
import { kernelPath } from "./bytes.ts";

const FOLDER = 4;

/** Without recursion, so that no depth of folders is too much. Links are removed, not followed. @throws SyscallError */
export function removeInside(path: string): void {
  const pending = [path];
  while (pending.length > 0) {
    const folder = pending.at(-1) ?? path;
    const before = pending.length;
    for (const { name, type } of listFolder(folder)) {
      const entry = folder === "" ? name : `${folder}/${name}`;
      if (type === FOLDER) pending.push(entry);
      else check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, kernelPath(entry), 0), entry);
    }
    if (pending.length > before) continue;
    pending.pop();
    if (folder !== "") check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, kernelPath(folder), AT_REMOVEDIR), folder);
  }
}
