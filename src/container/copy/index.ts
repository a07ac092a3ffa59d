/** Files in and out of containers. */
export { type CopyOptions, type CopySide, copyFiles } from "./copy.ts";

/** `tsbox __container-files JOB`; see files-worker.ts. */
export async function filesWorkerMain(args: readonly string[]): Promise<number> {
  return (await import("../files-worker.ts")).filesWorkerMain(args);
}
