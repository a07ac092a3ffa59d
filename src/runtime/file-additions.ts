/** Text that is added to files of the container's own root file system, before anything is mounted in it: the image's files stay as they are. */
import {
  O_APPEND,
  O_CREAT,
  O_NOCTTY,
  O_NONBLOCK,
  O_WRONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  S_IFREG,
} from "../linux/abi.gen.ts";
import { ANY_FAILURE, encode } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

export interface FileAddition {
  /** Absolute path in the container. */
  readonly path: string;
  readonly text: string;
}

/** Appends what does so. A file that is not there is made; a link, a device, or a folder that is missing, is left alone. */
export function addToFiles({ inside, root, target }: Compilation, additions: readonly FileAddition[]): void {
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (const { path, text } of additions) {
    const note = `add to ${path}`;
    const [next, close] = [inside.label(), inside.label()];
    inside.add("openat2", [target, root, path, flags, 0o644, resolve], { note, recover: ANY_FAILURE, to: next });
    // root's images may have devices, among them the host's disks
    inside.add("require_device", [target, S_IFREG, 0], { note, recover: ANY_FAILURE, to: close });
    inside.add("write", [target, encode(text)], { note });
    inside.place(close);
    inside.add("close", [target]);
    inside.place(next);
  }
}
