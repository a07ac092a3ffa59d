/** What listings and removal know of a container's mounts. */
import type { RecordedMount } from "../folder.ts";
import type { MountRequest } from "../spec/mount-request.ts";

/** For `container.json`; devices are no mounts to anybody who asks. */
export function recordMounts(mounts: readonly MountRequest[]): RecordedMount[] {
  return mounts
    .filter(({ flag }) => !flag.startsWith("--device "))
    .map(({ type, source, destination, options, anonymous }) => ({
      type,
      ...(source === undefined ? {} : type === "bind" ? { source } : { name: source }),
      destination,
      readOnly: options.includes("ro"),
      ...(anonymous ? { anonymous } : {}),
    }));
}
