/** Whether the kernel mounts an overlay in a user namespace on the storage folder, by mounting one. */
import { chooseMapping, type IdMapping } from "../idmap/index.ts";
import { AT_REMOVEDIR } from "../linux/abi.gen.ts";
import { readCachedAnswer, writeCachedAnswer } from "./cache.ts";
import { lacks, type Probe, works } from "./probe.ts";
import type { TrialResult } from "./trial.ts";

export type TryOverlay = (folder: string, mapping: IdMapping) => Promise<TrialResult>;

/** Mounts an overlay whose three folders are in a new folder in `folder`, and writes through it. */
export async function mountTrialOverlay(folder: string, mapping: IdMapping): Promise<TrialResult> {
  const { tryInNamespace } = await import("./trial.ts");
  const { mkdtempSync, mkdirSync } = process.getBuiltinModule("node:fs");
  // below tmp, so that a clean-up finds what a kill leaves; 0700, because nobody else has business there
  mkdirSync(`${folder}/tmp`, { recursive: true, mode: 0o700 });
  const trial = mkdtempSync(`${folder}/tmp/overlay-trial-`);
  try {
    for (const name of ["lower", "upper", "work", "merged"]) mkdirSync(`${trial}/${name}`);
    mkdirSync(`${trial}/lower/folder`);
    return await tryInNamespace(mapping, (inside) => {
      // relative names keep folders with commas, colons and backslashes out of the options
      inside.add("chdir", [trial], { note: `enter ${trial}` });
      const data = "lowerdir=lower,upperdir=upper,workdir=work,userxattr";
      inside.add("mount", ["overlay", "merged", "overlay", 0, data], { note: "mount an overlay" });
      inside.add("mkdirat", [null, "merged/new", 0o700], { note: "make a folder in the overlay" });
      // needs a whiteout, which is what upper file systems lack
      inside.add("unlinkat", [null, "merged/folder", AT_REMOVEDIR], { note: "remove a lower folder from the overlay" });
    });
  } finally {
    // overlay leaves a folder of mode 0 in its work folder: only root of a namespace removes that
    await tryInNamespace(mapping, (inside) => inside.add("remove_tree", [null, trial], { note: `remove ${trial}` }));
  }
}

/**
 * The answer for a storage folder; remembered in `folder/tmp` per kernel and mapping, because trying takes milliseconds.
 *
 * @param fresh forget what is remembered
 */
export async function probeOverlay(
  folder: string,
  options: { readonly fresh?: boolean; readonly tryOverlay?: TryOverlay } = {},
): Promise<Probe<boolean>> {
  const { mapping } = chooseMapping();
  const key = `overlay ${mapping.name}`;
  const known = options.fresh === true ? undefined : readCachedAnswer(folder, key);
  if (known !== undefined) return known === "" ? works(true) : lacks(false, known);
  const result = await (options.tryOverlay ?? mountTrialOverlay)(folder, mapping);
  const why = result.ok ? "" : explain(result.step, result.errno);
  writeCachedAnswer(folder, key, why);
  return result.ok ? works(true) : lacks(false, why);
}

const REASONS: Record<string, string> = {
  EPERM: "the kernel does not allow overlays in user namespaces (Linux 5.11 or later does)",
  ENODEV: "the kernel has no overlay file system (an administrator runs: modprobe overlay)",
  EINVAL: "the storage folder's file system cannot hold an overlay's upper folder",
};

function explain(step: string, errno: string): string {
  return `cannot ${step}: ${REASONS[errno] ?? errno}`;
}
