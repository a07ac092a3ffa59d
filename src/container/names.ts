/**
 * Names of containers and of pods: `<kind>/names/<name>` in the store is a link to the id, and making it is what decides who gets a name.
 * A name whose owner's folder is gone is dead, and given away: its owner is just being removed, or a kill came in between.
 */
import { TsboxError } from "../error.ts";
import { AT_FDCWD, LOCK_EX, O_CLOEXEC, O_DIRECTORY, SYS } from "../linux/abi.gen.ts";
import { check, E } from "../linux/errno.ts";
import { exists } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import { makeFolder } from "../linux/write-text.ts";

/** Folder of the store: each kind has names of its own. */
export type NamedKind = "containers" | "pods";

const WORDS = {
  containers: { noun: "container", removal: "tsbox rm" },
  pods: { noun: "pod", removal: "tsbox pod rm" },
} as const;

// Docker's and podman's; no dot alone, no slash (crun's advisory on `..` in ids)
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const NAME_LIMIT = 255;
const LINK_LENGTH = 43;

/** Whether it can be a name, and so a file's name in the store. */
export function isName(text: string): boolean {
  return NAME.test(text) && text.length <= NAME_LIMIT;
}

/** @throws TsboxError `usage` */
export function checkName(name: string): void {
  if (isName(name)) return;
  throw new TsboxError(
    "usage",
    `cannot use name ${JSON.stringify(name)}: a name has letters, digits, "_", "." and "-", and begins with a letter or digit`,
  );
}

/**
 * Makes a name stand for an id, whose folder is there.
 * @throws TsboxError `exists` when another has it
 */
export function claimName(store: string, kind: NamedKind, name: string, id: string): void {
  const folder = `${store}/${kind}/names`;
  makeFolder(folder, 0o700);
  const path = `${folder}/${name}`;
  for (let attempt = 0; ; attempt++) {
    const result = syscall(SYS.symlinkat, cstring(linkText(id)), AT_FDCWD, cstring(path));
    if (result !== -E.EEXIST) {
      check("symlinkat", result, path);
      return;
    }
    const owner = nameOwner(store, kind, name);
    const gone = owner === undefined || !exists(`${store}/${kind}/${owner}`);
    if (!gone || attempt > 0) {
      const { noun, removal } = WORDS[kind];
      throw new TsboxError(
        "exists",
        `cannot use name "${name}": the ${noun} ${(owner ?? "").slice(0, 12)} has it; remove that one with: ${removal} ${name}`,
      );
    }
    if (owner !== undefined) dropDeadName(store, kind, name, owner);
  }
}

/** The id that a name stands for, dead or alive. */
export function nameOwner(store: string, kind: NamedKind, name: string): string | undefined {
  const buffer = new Uint8Array(256);
  const path = cstring(`${store}/${kind}/names/${name}`);
  const size = syscall(SYS.readlinkat, AT_FDCWD, path, buffer, buffer.length);
  return size < 0 ? undefined : idOf(new TextDecoder().decode(buffer.subarray(0, size)));
}

/**
 * An id in base64: 43 characters, which ext4 keeps in the link itself. For 60 and more it takes a block, and to give that back a tenth of a
 * millisecond when the container is removed.
 */
function linkText(id: string): string {
  return Uint8Array.fromHex(id).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Links of earlier versions have the id as it is. */
function idOf(text: string): string {
  return text.length === LINK_LENGTH ? Uint8Array.fromBase64(text, { alphabet: "base64url" }).toHex() : text;
}

/** Takes a name away from its owner, unless another has it by now. */
export function dropName(store: string, kind: NamedKind, name: string, id: string): void {
  drop(store, kind, name, id, () => true);
}

/** Removes the name of an owner that is gone, unless another has it by now. */
export function dropDeadName(store: string, kind: NamedKind, name: string, id: string): void {
  drop(store, kind, name, id, () => !exists(`${store}/${kind}/${id}`));
}

function drop(store: string, kind: NamedKind, name: string, id: string, isToGo: () => boolean): void {
  const folder = `${store}/${kind}/names`;
  const lock = syscall(SYS.openat, AT_FDCWD, cstring(folder), O_DIRECTORY | O_CLOEXEC);
  if (lock < 0) return;
  try {
    // of two who find it dead, only one may remove it: the other would remove what the first makes of it
    check("flock", syscall(SYS.flock, lock, LOCK_EX), folder);
    if (nameOwner(store, kind, name) === id && isToGo())
      syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
  } finally {
    syscall(SYS.close, lock);
  }
}
