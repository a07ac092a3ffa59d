/** Removing a container's folder, files of subordinate ids included. */
import { chooseMapping, unpackMapping } from "../idmap/index.ts";
import { AT_FDCWD, SYS } from "../linux/abi.gen.ts";
import { readText } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { removeTree } from "../rootfs/tree/index.ts";
import { type ContainerRecord, containerFolder, nameOwner } from "./folder.ts";

/** @throws SyscallError when there is no such container */
export function readRecord(store: string, id: string): ContainerRecord {
  return JSON.parse(readText(`${containerFolder(store, id)}/container.json`)) as ContainerRecord; // cast: only tsbox writes it
}

/** Removes all of it, its name last, so that a kill in between leaves something that can be removed again. Idempotent. */
export async function removeContainerFolder(store: string, id: string): Promise<void> {
  const folder = containerFolder(store, id);
  const name =
    syscall(SYS.faccessat, AT_FDCWD, cstring(`${folder}/container.json`), 0) === 0
      ? readRecord(store, id).name
      : undefined;
  await removeTree(folder, unpackMapping(chooseMapping().mapping));
  if (name !== undefined && nameOwner(store, name) === id) {
    syscall(SYS.unlinkat, AT_FDCWD, cstring(`${store}/containers/names/${name}`), 0);
  }
}
