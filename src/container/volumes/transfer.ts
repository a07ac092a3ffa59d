/** A volume's files as an archive, with owners as its containers see them. */
import { TsboxError } from "../../error.ts";
import { chooseMapping } from "../../idmap/index.ts";
import { AT_FDCWD, SYS } from "../../linux/abi.gen.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import type { FilesJob } from "../files-worker.ts";
import { startFilesWorker } from "../start-files-worker.ts";
import { volumeKind } from "./options.ts";
import { requireVolume, volumeData, volumeFolder } from "./volume.ts";

/** @param output descriptor that receives the archive. @throws TsboxError */
export async function exportVolume(store: string, name: string, output: number): Promise<void> {
  const folder = dataOf(store, name);
  const base = { root: { folder }, path: "/", shown: name, ownersRecorded: recordsOwners() } as const;
  await work({ kind: "copy-out", ...base, follow: false, name: "." }, "ignore", output);
}

/**
 * Adds what an archive has to what the volume has. Not atomic.
 * @param input descriptor of the archive. @throws TsboxError
 */
export async function importVolume(store: string, name: string, input: number): Promise<void> {
  const folder = dataOf(store, name);
  // it is not new any more: nothing of an image is to be put in between
  syscall(SYS.unlinkat, AT_FDCWD, cstring(`${volumeFolder(store, name)}/fresh`), 0);
  const base = { root: { folder }, path: "/", shown: name, ownersRecorded: recordsOwners() } as const;
  await work({ kind: "copy-in", ...base, base: undefined, archive: true, owner: "archive" }, input, "ignore");
}

function dataOf(store: string, name: string): string {
  const volume = requireVolume(store, name);
  if (volumeKind(volume.options).type === "tmpfs")
    throw new TsboxError(
      "unsupported",
      `cannot read volume ${name}: it is a tmpfs, which each container has for itself`,
    );
  return volumeData(store, volume);
}

/** Without subordinate ids owners cannot be given. */
function recordsOwners(): boolean {
  return chooseMapping().mapping.kind === "single";
}

async function work(job: FilesJob, input: number | "ignore", output: number | "ignore"): Promise<void> {
  const { mapping } = chooseMapping();
  await startFilesWorker(job, { mapping, input, output, rootFd: undefined, mount: undefined }).finish();
}
