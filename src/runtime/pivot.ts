/** Leaving the host's root for the container's. */
import { MNT_DETACH, MS_MOVE, MS_REC, MS_SLAVE, O_DIRECTORY, O_PATH } from "../linux/abi.gen.ts";
import type { Program, Slot } from "../plan/index.ts";

/** pivot_root(2), 'pivot_root(".", ".")': the old root ends up under the new one and is detached from there. */
export function addPivot(inside: Program, root: Slot): void {
  const old = inside.slot();
  inside.add("openat2", [old, null, "/", O_PATH | O_DIRECTORY, 0, 0], { note: "open the host's root" });
  inside.add("fchdir", [root], { note: "enter the container's root" });
  inside.add("pivot_root", [".", "."], { note: "make it the root" });
  // "." is still the new root, whose mounts have a propagation of their own
  inside.add("fchdir", [old]);
  inside.add("mount", [null, ".", null, MS_SLAVE | MS_REC, null], { note: "keep the unmounting from the host" });
  inside.add("umount2", [".", MNT_DETACH], { note: "leave the host's file systems" });
  inside.add("chdir", ["/"]);
  inside.add("close", [old]);
  inside.add("close", [root]);
}

/** Where the host's root is the kernel's first one (initramfs), which cannot be pivoted: `--no-pivot`, as runc has it. */
export function addMoveRoot(inside: Program, root: Slot): void {
  inside.add("fchdir", [root], { note: "enter the container's root" });
  inside.add("mount", [".", "/", null, MS_MOVE, null], { note: "move the container's root over the host's" });
  inside.add("chroot", ["."], { note: "make it the root" });
  inside.add("chdir", ["/"]);
  inside.add("close", [root]);
}

/** Where the container lives in the host's mount namespace, whose root stays what it is. */
export function addChroot(inside: Program, root: Slot): void {
  inside.add("fchdir", [root], { note: "enter the container's root" });
  inside.add("chroot", ["."], { note: "make it the root" });
  inside.add("chdir", ["/"]);
  inside.add("close", [root]);
}
