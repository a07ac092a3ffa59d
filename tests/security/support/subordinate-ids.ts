/** Bundles whose containers have more than one id. */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { BundleConfig } from "../../support/bundle.ts";

/** Root is the caller, and the others are subordinate. */
export function withSubordinateIds({ linux }: BundleConfig): void {
  const { username, uid, gid } = userInfo();
  const mappings = (file: string, own: number) => {
    const line = readFileSync(file, "utf8")
      .split("\n")
      .find((text) => text.startsWith(`${username}:`));
    const [, start, size] = line?.split(":") ?? [];
    return [
      { containerID: 0, hostID: own, size: 1 },
      { containerID: 1, hostID: Number(start), size: Number(size) },
    ];
  };
  linux.uidMappings = mappings("/etc/subuid", uid);
  linux.gidMappings = mappings("/etc/subgid", gid);
}
