/** `--mount type=bind|volume|tmpfs|image,source=...,destination=...,...`: Docker's keys, and podman's where they have other names. */
import { TsboxError } from "../../error.ts";
import {
  absolute,
  bindOptions,
  checkVolumeName,
  fail,
  hostPath,
  PASSED,
  TMPFS_PASSED,
  tmpfsOptions,
} from "./mount-flags.ts";
import type { MountRequest } from "./mount-request.ts";

function propagation(value: string | undefined, flag: string): string {
  if (value !== undefined && /^r?(shared|slave|private)$/.test(value)) return value;
  throw fail(flag, "bind-propagation is one of private, rprivate, shared, rshared, slave, rslave");
}

interface Keys {
  type?: string | undefined;
  source?: string | undefined;
  destination?: string | undefined;
  subpath?: string | undefined;
  readonly options: string[];
}

/** As a line of CSV, which Docker reads: a field in double quotes may hold commas, and a doubled quote is one. */
function fields(text: string, flag: string): string[] {
  if (!text.includes('"')) return text.split(",");
  const found: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const match = /(?:"((?:[^"]|"")*)"|([^",]*))(?=,|$)/y;
    match.lastIndex = at;
    const field = match.exec(text);
    if (field === null)
      throw fail(flag, "its quotes do not fit: a whole KEY=VALUE is quoted, and a quote in it is doubled");
    found.push(field[1]?.replaceAll('""', '"') ?? field[2] ?? "");
    at = match.lastIndex + 1;
  }
  return found;
}

function readKeys(text: string, flag: string): Keys {
  const keys: Keys = { options: [] };
  for (const part of fields(text, flag)) {
    const at = part.indexOf("=");
    const key = at < 0 ? part : part.slice(0, at);
    const value = at < 0 ? undefined : part.slice(at + 1);
    const isOn = () => {
      if (value === undefined || value === "true" || value === "1") return true;
      if (value === "false" || value === "0") return false;
      throw fail(flag, `${part} is neither true nor false`);
    };
    if (key === "type") keys.type = value;
    else if (key === "source" || key === "src") keys.source = value;
    else if (key === "destination" || key === "dst" || key === "target") keys.destination = value;
    else if (key === "readonly" || key === "ro") keys.options.push(isOn() ? "ro" : "rw");
    else if (key === "rw" || key === "readwrite") keys.options.push(isOn() ? "rw" : "ro");
    else if (key === "bind-propagation") keys.options.push(propagation(value, flag));
    else if (key === "bind-nonrecursive") keys.options.push(isOn() ? "bind" : "rbind");
    else if (key === "tmpfs-size" || key === "tmpfs-mode")
      keys.options.push(`${key.slice("tmpfs-".length)}=${value ?? ""}`);
    else if (key === "volume-nocopy") keys.options.push(isOn() ? "nocopy" : "copy");
    else if (key === "volume-subpath" || key === "image-subpath" || key === "subpath") keys.subpath = value;
    else if (key === "U" || key === "chown") {
      if (isOn()) keys.options.push("U");
    } else if (key === "z" || key === "Z") isOn();
    else if (value === undefined && (PASSED.has(key) || TMPFS_PASSED.has(key))) keys.options.push(key);
    else throw fail(flag, `there is no key ${JSON.stringify(key)}`);
  }
  return keys;
}

/** Below what is mounted: the kernel keeps it there, so this only finds mistakes. */
function checkSubpath(path: string | undefined, flag: string): { subpath?: string } {
  if (path === undefined) return {};
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..") || parts.length === 0)
    throw fail(flag, `the subpath ${JSON.stringify(path)} is not below what is mounted`);
  return { subpath: parts.join("/") };
}

/** @throws TsboxError `usage` */
export function parseMount(text: string, cwd: string): MountRequest {
  const flag = `--mount ${text}`;
  const { type = "volume", source, destination: place, subpath, options } = readKeys(text, flag);
  if (place === undefined || place === "") throw fail(flag, "the destination is missing");
  const destination = absolute(place, flag, "the destination");
  if (subpath !== undefined && type !== "volume" && type !== "image") throw fail(flag, `a ${type} has no subpath`);
  if (type === "tmpfs") {
    if (source !== undefined) throw fail(flag, "a tmpfs has no source");
    return { type, destination, options: tmpfsOptions(options, flag), flag };
  }
  if (type === "volume") {
    const named = source === undefined || source === "" ? {} : { source: checkVolumeName(source, flag) };
    return { type, ...named, destination, ...bindOptions(options, flag, type), ...checkSubpath(subpath, flag), flag };
  }
  if (type !== "bind" && type !== "image") throw fail(flag, `there is no type ${JSON.stringify(type)}`);
  if (source === undefined || source === "") throw fail(flag, "the source is missing");
  if (type === "bind")
    return { type, source: hostPath(source, cwd), destination, ...bindOptions(options, flag, type), flag };
  // an image is everybody's: what is written goes to the container, and only when that is asked for
  const given = options.some((option) => option === "rw" || option === "ro") ? options : [...options, "ro"];
  const mount = bindOptions(given, flag, type);
  if (mount.chown) throw new TsboxError("usage", `cannot use ${flag}: an image's files keep their owners`);
  return { type, source, destination, ...mount, ...checkSubpath(subpath, flag), flag };
}
