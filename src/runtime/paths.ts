/** `linux.maskedPaths` and `linux.readonlyPaths`: what a container must not change, or not even see, of the kernel's files. */
import { RECOVER_DENIED, RECOVER_MISSING } from "../plan/index.ts";
import type { Compilation } from "./context.ts";

/** Appends read-only paths; one that does not exist needs no protection. */
export function addReadOnlyPaths({ inside, root, config }: Compilation): void {
  for (const path of config.linux?.readonlyPaths ?? []) {
    inside.add("read_only_path", [root, path], { note: `make ${path} read-only`, recover: RECOVER_MISSING });
  }
}

/** Appends masks. What not even the container's root may look at is masked as it is. */
export function addMaskedPaths({ inside, root, devNull, config }: Compilation): void {
  for (const path of config.linux?.maskedPaths ?? []) {
    inside.add("mask_path", [root, path, devNull], { note: `mask ${path}`, recover: RECOVER_MISSING | RECOVER_DENIED });
  }
}
