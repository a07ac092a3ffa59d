/** `linux.maskedPaths` and `linux.readonlyPaths`. */
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  S_IFDIR,
} from "../linux/abi.gen.ts";
import { RECOVER_DENIED, RECOVER_MISSING } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

/** Appends read-only paths; one that does not exist needs no protection. */
export function addReadOnlyPaths(compilation: Compilation): void {
  const { inside, root, mount, target, config } = compilation;
  for (const path of config.linux?.readonlyPaths ?? []) {
    const note = `make ${path} read-only`;
    const next = inside.label();
    const skip = { recover: RECOVER_MISSING, to: next, note };
    inside.add("openat2", [target, root, path, O_PATH, 0, RESOLVE_IN_ROOT], skip);
    inside.add("open_tree", [mount, target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE], { note });
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH | AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0, null], { note });
    inside.add("move_mount", [mount, target], { note });
    inside.add("close", [mount]);
    inside.add("close", [target]);
    inside.place(next);
  }
}

/** Appends masks: a file gets the verified /dev/null over it (CVE-2025-31133), a folder an empty read-only tmpfs. */
export function addMaskedPaths(compilation: Compilation): void {
  const { inside, root, mount, target, devNull, config } = compilation;
  const attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const fs = inside.slot();
  for (const path of config.linux?.maskedPaths ?? []) {
    const note = `mask ${path}`;
    const [isFile, attach, next] = [inside.label(), inside.label(), inside.label()];
    // what not even the container's root may look at is masked as it is
    inside.add("openat2", [target, root, path, O_PATH, 0, RESOLVE_IN_ROOT], {
      note,
      recover: RECOVER_MISSING | RECOVER_DENIED,
      to: next,
    });
    inside.add("require_device", [target, S_IFDIR, 0], { note, recover: RECOVER_MISSING, to: isFile });
    inside.add("fsopen", [fs, "tmpfs"], { note });
    inside.add("fsconfig", [fs, FSCONFIG_CMD_CREATE, null, null, 0], { note });
    inside.add("fsmount", [mount, fs, attributes], { note });
    inside.add("close", [fs]);
    inside.add("jump", [], { to: attach });
    inside.place(isFile);
    inside.add("open_tree", [mount, devNull, "", OPEN_TREE_CLONE | AT_EMPTY_PATH], { note });
    inside.place(attach);
    inside.add("move_mount", [mount, target], { note });
    inside.add("close", [mount]);
    inside.add("close", [target]);
    inside.place(next);
  }
}
