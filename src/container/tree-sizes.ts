/** Sizes of trees whose files belong to subordinate ids: layers, volumes, what containers have written. */
import { chooseMapping, type IdMapping } from "../idmap/index.ts";
import { startFilesWorker } from "./start-files-worker.ts";

/** The job is one argument of a program, which may have 128 KiB (execve(2)). */
const AT_ONCE = 400;

/** @returns bytes for each path; 0 for one that is gone. @throws TsboxError `host` when the user namespace cannot be entered */
export async function sizesOf(paths: readonly string[]): Promise<readonly number[]> {
  const sizes = await measureTrees(paths, chooseMapping().mapping);
  return sizes.map((size) => size ?? 0);
}

/** @returns bytes for each path; undefined for one that is gone. @throws TsboxError `host` when the user namespace cannot be entered */
export async function measureTrees(
  paths: readonly string[],
  mapping: IdMapping,
): Promise<readonly (number | undefined)[]> {
  const sizes: (number | undefined)[] = [];
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const tops = paths.slice(at, at + AT_ONCE);
    const worker = startFilesWorker({ kind: "size", tops }, { mapping, input: "ignore", output: "pipe" });
    const numbers = JSON.parse((await new Response(worker.output).text()) || "[]") as number[]; // cast: the worker writes it
    await worker.finish();
    sizes.push(...tops.map((_, i) => ((numbers[i] ?? -1) < 0 ? undefined : numbers[i])));
  }
  return sizes;
}
