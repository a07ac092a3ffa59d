/** `volume create -o`: what mount(8) would be told, as far as somebody who is not root can have it. */
import { TsboxError } from "../../error.ts";
import { bindOptions, tmpfsOptions } from "../spec/mount-flags.ts";

/** `type`, `device` and `o`, as they were given. */
export type VolumeOptions = Readonly<Record<string, string>>;

export type VolumeKind =
  /** A folder in the store. */
  | { readonly type: "folder" }
  /** A folder of the host. */
  | { readonly type: "bind"; readonly device: string; readonly options: readonly string[] }
  /** An empty folder in memory, for each container anew. */
  | { readonly type: "tmpfs"; readonly options: readonly string[] };

/** @throws TsboxError `usage`, or `unsupported` for what takes root */
export function volumeKind(options: VolumeOptions): VolumeKind {
  const unknown = Object.keys(options).find((key) => !["type", "device", "o"].includes(key));
  if (unknown !== undefined) throw fail(`there is no option ${JSON.stringify(unknown)}; there are type, device and o`);
  const { type, device, o = "" } = options;
  const given = o.split(",").filter((option) => option !== "");
  if (type === undefined && device === undefined && given.length === 0) return { type: "folder" };
  if (type === "tmpfs") return { type: "tmpfs", options: tmpfsOptions(given, "-o type=tmpfs") };
  const binds = type === "bind" || given.includes("bind") || given.includes("rbind");
  if (!binds) {
    throw new TsboxError(
      "unsupported",
      `cannot make a volume of type ${type ?? "none"}: only root can mount it; without root there are type=tmpfs and type=bind`,
    );
  }
  if (type !== undefined && type !== "bind" && type !== "none")
    throw fail(`type=${type} and o=bind exclude each other`);
  if (device === undefined || !device.startsWith("/")) throw fail("a bind takes device=, an absolute path");
  return { type: "bind", device, options: bindOptions(given, "-o o", "bind").options };
}

function fail(reason: string): TsboxError {
  return new TsboxError("usage", `cannot make the volume: ${reason}`);
}
