/** `-v`, `--mount`, `--tmpfs` and `--device`. */
import { TsboxError } from "../../error.ts";
import type { MountRequest } from "./options.ts";
import { parseBytes } from "./units.ts";

function fail(flag: string, reason: string): TsboxError {
  return new TsboxError("usage", `cannot use ${flag}: ${reason}`);
}

/** A path in the container, in its shortest form; the root itself is no place to mount. */
function absolute(path: string, flag: string, what: string): string {
  if (!path.startsWith("/")) throw fail(flag, `${what} ${JSON.stringify(path)} is not an absolute path`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw fail(flag, `${what} ${JSON.stringify(path)} has ".." in it`);
  if (parts.length === 0) throw fail(flag, `${what} is the root`);
  return `/${parts.join("/")}`;
}

/** Against the caller's working folder, without a `.` or `..` left; `~` is the shell's to expand. */
function hostPath(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

const PASSED = new Set(
  "rw nosuid suid nodev dev noexec exec shared rshared slave rslave private rprivate unbindable runbindable bind rbind noatime nosymfollow".split(
    " ",
  ),
);

/** Options of `-v` and of a bind `--mount` as runtime-spec has them. */
function bindOptions(given: readonly string[], flag: string): string[] {
  const options: string[] = [];
  for (const option of given) {
    // recursive too: a read-only folder with a writable mount below it is not what anybody means
    if (option === "ro") options.push("ro", "rro");
    else if (PASSED.has(option)) options.push(option);
    else if (option === "z" || option === "Z")
      continue; // SELinux labels: nothing to do where there is no SELinux
    else if (option === "U") throw new TsboxError("unsupported", `cannot use ${flag}: the option U is not built yet`);
    else if (option !== "") throw fail(flag, `${JSON.stringify(option)} is not an option`);
  }
  if (!options.some((option) => option === "bind" || option === "rbind")) options.unshift("rbind");
  if (!options.some((option) => /^r?(shared|slave|private|unbindable)$/.test(option))) options.push("rprivate");
  return options;
}

/** `-v SOURCE:DESTINATION[:OPTIONS]`, or `-v DESTINATION` for a folder of the container's own. */
export function parseVolume(text: string, cwd: string): MountRequest {
  const flag = `-v ${text}`;
  const [source = "", destination, options = "", ...rest] = text.split(":");
  if (rest.length > 0) throw fail(flag, "expected SOURCE:DESTINATION[:OPTIONS]");
  if (destination === undefined) {
    return { type: "anonymous", destination: absolute(source, flag, "the destination"), options: [], flag };
  }
  if (source === "") throw fail(flag, "the source is missing");
  if (!source.startsWith("/") && !source.startsWith(".")) {
    throw new TsboxError(
      "unsupported",
      `cannot use ${flag}: named volumes are not built yet; a folder is written ./${source}`,
    );
  }
  return {
    type: "bind",
    source: hostPath(source, cwd),
    destination: absolute(destination, flag, "the destination"),
    options: bindOptions(options.split(","), flag),
    flag,
  };
}

const TMPFS_PASSED = new Set("rw ro nosuid suid nodev dev noexec exec noatime sync".split(" "));

function tmpfsOptions(given: readonly string[], flag: string): string[] {
  // as Docker's: nothing of a scratch folder needs these
  const options = ["nosuid", "nodev", "noexec"];
  for (const option of given) {
    const [key = "", value] = option.split("=");
    if (option === "") continue;
    if (key === "size" && value !== undefined)
      options.push(`size=${value.endsWith("%") ? value : parseBytes(value, flag)}`);
    else if (key === "mode" && /^[0-7]{1,4}$/.test(value ?? "")) options.push(option);
    else if ((key === "uid" || key === "gid" || key === "nr_inodes") && /^\d+[kmg]?$/i.test(value ?? ""))
      options.push(option);
    else if (value === undefined && TMPFS_PASSED.has(key)) options.push(key);
    else throw fail(flag, `${JSON.stringify(option)} is not an option`);
  }
  if (!options.some((option) => option.startsWith("mode="))) options.push("mode=1777");
  return options;
}

/** `--tmpfs DESTINATION[:OPTIONS]` */
export function parseTmpfs(text: string): MountRequest {
  const flag = `--tmpfs ${text}`;
  const at = text.indexOf(":");
  const destination = absolute(at < 0 ? text : text.slice(0, at), flag, "the destination");
  return { type: "tmpfs", destination, options: tmpfsOptions(at < 0 ? [] : text.slice(at + 1).split(","), flag), flag };
}

function propagation(value: string | undefined, flag: string): string {
  if (value !== undefined && /^r?(shared|slave|private)$/.test(value)) return value;
  throw fail(flag, "bind-propagation is one of private, rprivate, shared, rshared, slave, rslave");
}

/** `--mount type=bind|tmpfs,source=...,destination=...,...` */
export function parseMount(text: string, cwd: string): MountRequest {
  const flag = `--mount ${text}`;
  let [type, source, destination]: (string | undefined)[] = [undefined, undefined, undefined];
  const options: string[] = [];
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const key = at < 0 ? part : part.slice(0, at);
    const value = at < 0 ? undefined : part.slice(at + 1);
    const isOn = () => {
      if (value === undefined || value === "true" || value === "1") return true;
      if (value === "false" || value === "0") return false;
      throw fail(flag, `${part} is neither true nor false`);
    };
    if (key === "type") type = value;
    else if (key === "source" || key === "src") source = value;
    else if (key === "destination" || key === "dst" || key === "target") destination = value;
    else if (key === "readonly" || key === "ro") options.push(isOn() ? "ro" : "rw");
    else if (key === "bind-propagation") options.push(propagation(value, flag));
    else if (key === "bind-nonrecursive") options.push(isOn() ? "bind" : "rbind");
    else if (key === "tmpfs-size" || key === "tmpfs-mode") options.push(`${key.slice("tmpfs-".length)}=${value ?? ""}`);
    else if (value === undefined && (PASSED.has(key) || TMPFS_PASSED.has(key))) options.push(key);
    else throw fail(flag, `there is no key ${JSON.stringify(key)}`);
  }
  if (destination === undefined || destination === "") throw fail(flag, "the destination is missing");
  const where = absolute(destination, flag, "the destination");
  if (type === "tmpfs") {
    if (source !== undefined) throw fail(flag, "a tmpfs has no source");
    return { type, destination: where, options: tmpfsOptions(options, flag), flag };
  }
  if (type === "bind") {
    if (source === undefined || source === "") throw fail(flag, "the source is missing");
    return { type, source: hostPath(source, cwd), destination: where, options: bindOptions(options, flag), flag };
  }
  if (type === undefined || type === "volume" || type === "image") {
    throw new TsboxError("unsupported", `cannot use ${flag}: mounts of type ${type ?? "volume"} are not built yet`);
  }
  throw fail(flag, `there is no type ${JSON.stringify(type)}`);
}

/**
 * `--device HOST[:CONTAINER[:PERMISSIONS]]`. A device is bound, with the permissions that the caller has. To narrow them takes a
 * device cgroup, which only root can make: a read-only mount does not keep anybody from writing to a device (mount(2)).
 */
export function parseDevice(text: string): MountRequest {
  const flag = `--device ${text}`;
  const [source = "", second, third, ...rest] = text.split(":");
  const isPermissions = (part: string | undefined) => part !== undefined && /^[rwm]{1,3}$/.test(part);
  const permissions = third ?? (isPermissions(second) ? second : undefined);
  const destination = second === undefined || (third === undefined && isPermissions(second)) ? source : second;
  if (rest.length > 0 || (permissions !== undefined && !isPermissions(permissions)))
    throw fail(flag, "expected HOST[:CONTAINER[:rwm]]");
  if (permissions !== undefined && !(permissions.includes("r") && permissions.includes("w"))) {
    throw new TsboxError(
      "unsupported",
      `cannot use ${flag}: without root, a device has the permissions that you have; leave :${permissions} out`,
    );
  }
  return {
    type: "bind",
    source: absolute(source, flag, "the device"),
    destination: absolute(destination, flag, "the destination"),
    options: ["bind", "rprivate", "nosuid", "noexec"],
    flag,
  };
}
