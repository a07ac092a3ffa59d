/**
 * A secret on disk: `secrets/<name>/` in the store, which nobody but its owner may look into.
 *
 *     secret.json   the record below
 *     data          the value
 *
 * The value is copied from there into a container's tmpfs by native, or into its program's environment; nothing else ever has it. Made whole:
 * written under another name and renamed.
 */
import { TsboxError } from "../../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, SYS } from "../../linux/abi.gen.ts";
import { check, E, SyscallError } from "../../linux/errno.ts";
import { randomHex } from "../../linux/random.ts";
import { exists, readText } from "../../linux/read-text.ts";
import { cstring, syscall } from "../../linux/syscall.ts";
import { makeFolder, makeFolders, writeText } from "../../linux/write-text.ts";
import { namesIn } from "../volumes/names.ts";

export interface Secret {
  /** 25 hexadecimal digits, as podman has it. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly updated: number;
}

// no slash, and no dot at the beginning: it is a folder's name
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}$/;
/** Podman's limit, and Docker's. */
const LARGEST = 512_000;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

export function secretFolder(store: string, name: string): string {
  return `${store}/secrets/${name}`;
}

/** The file with its value. */
export function secretData(store: string, name: string): string {
  return `${secretFolder(store, name)}/data`;
}

export interface NewSecret {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
  /** Put it in the place of one that has the name. */
  readonly replace: boolean;
}

/** Atomic. @throws TsboxError `usage`, `exists` */
export function createSecret(store: string, { name, labels, value, replace }: NewSecret): Secret {
  const cannot = (reason: string) => new TsboxError("usage", `cannot create secret ${JSON.stringify(name)}: ${reason}`);
  if (!NAME.test(name)) throw cannot('a name has letters, digits, "_", "." and "-", and begins with a letter or digit');
  if (value.length === 0) throw cannot("it is empty");
  if (value.length > LARGEST) throw cannot(`it is larger than ${LARGEST} bytes`);
  const taken = () =>
    new TsboxError(
      "exists",
      `cannot create secret ${name}: there is one of that name; --replace puts this in its place`,
    );
  const folder = secretFolder(store, name);
  const earlier = findSecret(store, name);
  if (earlier !== undefined && !replace) throw taken();
  makeFolders(`${store}/secrets`, 0o700);
  const now = Date.now();
  const secret = {
    id: earlier?.id ?? randomHex(13).slice(0, 25),
    name,
    labels,
    created: earlier?.created ?? now,
    updated: now,
  };
  const part = `${store}/secrets/.new-${randomHex(8)}`;
  makeFolder(part, 0o700);
  try {
    writeBytes(`${part}/data`, value);
    writeText(`${part}/secret.json`, JSON.stringify(secret), { mode: 0o600 });
  } catch (error) {
    removeFiles(part);
    throw error;
  }
  const flag = earlier === undefined ? RENAME_NOREPLACE : RENAME_EXCHANGE;
  const result = syscall(SYS.renameat2, AT_FDCWD, cstring(part), AT_FDCWD, cstring(folder), flag);
  // either it was not made, or what it replaced is there now
  if (result !== 0 || earlier !== undefined) removeFiles(part);
  if (result === -E.EEXIST || result === -E.ENOTEMPTY) throw taken();
  check("renameat2", result, folder);
  return secret;
}

function writeBytes(path: string, value: Uint8Array): void {
  writeText(path, "", { mode: 0o600, exclusive: true });
  process.getBuiltinModule("node:fs").writeFileSync(path, value);
}

function removeFiles(folder: string): void {
  for (const name of ["data", "secret.json"]) syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${name}`), 0);
  check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, cstring(folder), AT_REMOVEDIR), folder);
}

function findSecret(store: string, name: string): Secret | undefined {
  if (!NAME.test(name)) return undefined;
  try {
    return JSON.parse(readText(`${secretFolder(store, name)}/secret.json`)) as Secret; // cast: only tsbox writes it
  } catch (error) {
    if (error instanceof SyscallError && error.errno === E.ENOENT) return undefined;
    throw error;
  }
}

/** By name. */
export function listSecrets(store: string): Secret[] {
  return namesIn(`${store}/secrets`)
    .flatMap((name) => findSecret(store, name) ?? [])
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param text a name, an id, or the beginning of an id
 * @param whole not the beginning of an id: what a container asked for when it was made may be gone, and must not become another that
 * happens to begin so
 * @throws TsboxError `not-found`; `usage` when several ids begin so
 */
export function requireSecret(store: string, text: string, whole = false): Secret {
  const named = findSecret(store, text);
  if (named !== undefined) return named;
  const isMeant = ({ id }: Secret) => (whole ? id === text : text !== "" && id.startsWith(text));
  const found = listSecrets(store).filter(isMeant);
  const [only, other] = found;
  if (only === undefined)
    throw new TsboxError("not-found", `cannot find secret ${JSON.stringify(text)}: there is none of that name or id`);
  if (other !== undefined) throw new TsboxError("usage", `cannot find secret ${text}: several ids begin so`);
  return only;
}

/** Containers that have it keep it until they are started again. @throws SyscallError */
export function removeSecret(store: string, { name }: Secret): void {
  const folder = secretFolder(store, name);
  const old = `${store}/secrets/.old-${randomHex(8)}`;
  const result = syscall(SYS.renameat2, AT_FDCWD, cstring(folder), AT_FDCWD, cstring(old), 0);
  if (result === -E.ENOENT) return;
  check("renameat2", result, folder);
  removeFiles(old);
}

export function hasSecret(store: string, name: string): boolean {
  return exists(`${secretFolder(store, name)}/secret.json`);
}
