/** Units of quadlets in a folder of systemd: written, listed, removed. */
import { TsboxError } from "../../../error.ts";
import { AT_FDCWD, SYS } from "../../../linux/abi.gen.ts";
import { check } from "../../../linux/errno.ts";
import { exists, readText } from "../../../linux/read-text.ts";
import { cstring, syscall } from "../../../linux/syscall.ts";
import { makeFolders, replaceFile } from "../../../linux/write-text.ts";
import { namesIn } from "../names-in.ts";
import { MARK, type QuadletUnit } from "./index.ts";

export interface InstalledUnit {
  readonly file: string;
  /** The quadlet. */
  readonly source: string;
  readonly path: string;
}

/** The folder in which systemd finds a person's own units. */
export function unitFolder(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return "/etc/systemd/system";
  if (env.XDG_CONFIG_HOME?.startsWith("/")) return `${env.XDG_CONFIG_HOME}/systemd/user`;
  if (env.HOME) return `${env.HOME}/.config/systemd/user`;
  throw new TsboxError("usage", "cannot find the folder for units: neither XDG_CONFIG_HOME nor HOME is set");
}

/** @throws TsboxError `exists` when a file of somebody else's is in the way */
export function writeUnits(folder: string, units: readonly QuadletUnit[]): void {
  for (const { file } of units) {
    const path = `${folder}/${file}`;
    if (exists(path) && sourceOf(path) === undefined)
      throw new TsboxError("exists", `cannot write ${path}: it is there, and was not made by tsbox quadlet`);
  }
  makeFolders(folder);
  for (const { file, text, links } of units) {
    // a link of an earlier version may be gone from the quadlet
    removeLinks(folder, file);
    replaceFile(`${folder}/${file}`, text);
    for (const link of links) makeLink(folder, link, file);
  }
}

function makeLink(folder: string, link: string, file: string): void {
  const parent = link.split("/")[0] ?? "";
  const nested = link.includes("/");
  if (nested) makeFolders(`${folder}/${parent}`);
  const path = `${folder}/${link}`;
  syscall(SYS.unlinkat, AT_FDCWD, cstring(path), 0);
  check("symlinkat", syscall(SYS.symlinkat, cstring(`${nested ? "../" : ""}${file}`), AT_FDCWD, cstring(path)), path);
}

function sourceOf(path: string): string | undefined {
  let text: string;
  try {
    text = readText(path);
  } catch {
    return undefined;
  }
  const [first = ""] = text.split("\n");
  return first.startsWith(`# ${MARK}`) ? first.slice(2 + MARK.length) : undefined;
}

export function installedUnits(folder: string): InstalledUnit[] {
  return namesIn(folder).flatMap((file) => {
    const path = `${folder}/${file}`;
    const source = file.endsWith(".service") && !isLink(path) ? sourceOf(path) : undefined;
    return source === undefined ? [] : [{ file, source, path }];
  });
}

function linkTarget(path: string): string | undefined {
  const buffer = new Uint8Array(4096);
  const size = syscall(SYS.readlinkat, AT_FDCWD, cstring(path), buffer, buffer.length);
  return size < 0 ? undefined : new TextDecoder().decode(buffer.subarray(0, size));
}

function isLink(path: string): boolean {
  return linkTarget(path) !== undefined;
}

/** Every link in the folder, and in those of targets in it, that leads to the unit. */
function removeLinks(folder: string, file: string): void {
  const remove = (path: string) => {
    const target = linkTarget(path);
    if (target === file || target === `../${file}`) syscall(SYS.unlinkat, AT_FDCWD, cstring(path), 0);
  };
  for (const name of namesIn(folder)) {
    if (/\.(?:wants|requires|upholds)$/.test(name))
      for (const link of namesIn(`${folder}/${name}`)) remove(`${folder}/${name}/${link}`);
    else remove(`${folder}/${name}`);
  }
}

export function removeUnit(folder: string, file: string): void {
  removeLinks(folder, file);
  check("unlinkat", syscall(SYS.unlinkat, AT_FDCWD, cstring(`${folder}/${file}`), 0), `${folder}/${file}`);
}
