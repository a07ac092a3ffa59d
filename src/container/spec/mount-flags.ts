/** `-v`, `--tmpfs`, `--volumes-from` and `--device`; `--mount` is in `mount-long.ts`. */
import { TsboxError } from "../../error.ts";
import type { MountRequest, VolumesFrom } from "./mount-request.ts";
import { parseBytes } from "./units.ts";

export function fail(flag: string, reason: string): TsboxError {
  return new TsboxError("usage", `cannot use ${flag}: ${reason}`);
}

/** A path in the container, in its shortest form; the root itself is no place to mount. */
export function absolute(path: string, flag: string, what: string): string {
  if (!path.startsWith("/")) throw fail(flag, `${what} ${JSON.stringify(path)} is not an absolute path`);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw fail(flag, `${what} ${JSON.stringify(path)} has ".." in it`);
  if (parts.length === 0) throw fail(flag, `${what} is the root`);
  return `/${parts.join("/")}`;
}

/** Against the caller's working folder, without a `.` or `..` left; `~` is the shell's to expand. */
export function hostPath(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

export const PASSED = new Set(
  "rw nosuid suid nodev dev noexec exec shared rshared slave rslave private rprivate unbindable runbindable bind rbind noatime nosymfollow".split(
    " ",
  ),
);

/** What options of a bind mount or volume mean, those of runtime-spec and those that are about its source. */
export type MountOptions = Pick<MountRequest, "options" | "chown" | "noCopy">;

/** @param given options of `-v` or of a `--mount` of type bind or volume */
export function bindOptions(given: readonly string[], flag: string, type: "bind" | "volume" | "image"): MountOptions {
  const options: string[] = [];
  let [chown, noCopy] = [false, false];
  for (const option of given) {
    // recursive too: a read-only folder with a writable mount below it is not what anybody means
    if (option === "ro") options.push("ro", "rro");
    else if (PASSED.has(option)) options.push(option);
    else if (option === "z" || option === "Z" || option === "")
      continue; // SELinux labels: nothing to do where there is no SELinux
    else if (option === "U") chown = true;
    else if ((option === "nocopy" || option === "copy") && type === "volume") noCopy = option === "nocopy";
    else throw fail(flag, `${JSON.stringify(option)} is not an option${type === "bind" ? "" : ` of a ${type}`}`);
  }
  if (given.includes("ro") && given.includes("rw")) throw fail(flag, "ro and rw contradict each other");
  if (!options.some((option) => option === "bind" || option === "rbind")) options.unshift("rbind");
  const propagations = options.filter((option) => /^r?(shared|slave|private|unbindable)$/.test(option));
  if (propagations.length > 1) throw fail(flag, `${propagations.join(" and ")} contradict each other`);
  if (propagations.length === 0) options.push("rprivate");
  return { options, ...(chown ? { chown } : {}), ...(noCopy ? { noCopy } : {}) };
}

/** Docker's and podman's; no slash, and no dot at the beginning: it is a folder's name. */
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

/** @throws TsboxError `usage` */
export function checkVolumeName(name: string, what: string): string {
  if (VOLUME_NAME.test(name)) return name;
  throw new TsboxError(
    "usage",
    `cannot use ${what}: ${JSON.stringify(name)} is no volume's name, which has letters, digits, "_", "." and "-" and begins with a letter or digit; a folder is written ./${name}`,
  );
}

/** `-v SOURCE:DESTINATION[:OPTIONS]`, where a source without a slash is a volume's name, or `-v DESTINATION` for a volume of the container's own. */
export function parseVolume(text: string, cwd: string): MountRequest {
  const flag = `-v ${text}`;
  const [source = "", place, given = "", ...rest] = text.split(":");
  if (rest.length > 0) throw fail(flag, "expected SOURCE:DESTINATION[:OPTIONS]");
  if (place === undefined) {
    const destination = absolute(source, flag, "the destination");
    return { type: "volume", destination, ...bindOptions([], flag, "volume"), flag };
  }
  if (source === "") throw fail(flag, "the source is missing");
  const destination = absolute(place, flag, "the destination");
  const type = source.startsWith("/") || source.startsWith(".") ? "bind" : "volume";
  const options = bindOptions(given.split(","), flag, type);
  if (type === "bind") return { type, source: hostPath(source, cwd), destination, ...options, flag };
  return { type, source: checkVolumeName(source, flag), destination, ...options, flag };
}

/** `--volumes-from CONTAINER[:OPTIONS]` */
export function parseVolumesFrom(text: string): VolumesFrom {
  const flag = `--volumes-from ${text}`;
  const [container = "", options = "", ...rest] = text.split(":");
  if (container === "" || rest.length > 0) throw fail(flag, "expected CONTAINER[:ro]");
  for (const option of options.split(",")) {
    if (!["", "ro", "rw", "z", "Z"].includes(option)) throw fail(flag, `${JSON.stringify(option)} is not an option`);
  }
  return { container, readOnly: options.split(",").includes("ro"), flag };
}

export const TMPFS_PASSED = new Set("rw ro nosuid suid nodev dev noexec exec noatime sync".split(" "));

/** @param given options of mount(8) for a tmpfs */
export function tmpfsOptions(given: readonly string[], flag: string): string[] {
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
