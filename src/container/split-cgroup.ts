/**
 * `--cgroups=split`: a container below the cgroup of the systemd unit that starts it, which must have Delegate=yes. Who starts it goes
 * to `supervisor` beside it first, because a cgroup with processes gives no limits to those below it. cgroups(7), "no internal processes".
 */
import { TsboxError } from "../error.ts";
import { CGROUP2_SUPER_MAGIC } from "../linux/abi.gen.ts";
import { readShortText } from "../linux/read-text.ts";
import { statfs } from "../linux/statfs.ts";
import { makeFolder, writeText } from "../linux/write-text.ts";
import { type CgroupSetting, makeCgroupIn } from "../runtime/cgroup/index.ts";

const MOUNT = "/sys/fs/cgroup";

/**
 * @param note is told the cgroup's folder before it is made
 * @returns the cgroup's folder; undefined on hosts where there is only cgroup v1 and nothing is to be limited
 * @throws TsboxError `host`
 */
export function splitCgroup(
  id: string,
  settings: readonly CgroupSetting[],
  note: (path: string) => void,
): string | undefined {
  if (statfs(MOUNT).type !== CGROUP2_SUPER_MAGIC) {
    if (settings.length === 0) return undefined;
    throw new TsboxError("host", "cannot limit a container with --cgroups=split: the host uses cgroup v1");
  }
  const own = /^0::(.*)$/m.exec(readShortText("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  const top = `${MOUNT}${own.replace(/\/supervisor$/, "")}`;
  try {
    makeFolder(`${top}/supervisor`, 0o755);
    writeText(`${top}/supervisor/cgroup.procs`, String(process.pid));
  } catch (cause) {
    throw new TsboxError(
      "host",
      `cannot use --cgroups=split: the cgroup ${top} is not delegated to you; it is for systemd units with Delegate=yes`,
      { cause },
    );
  }
  return makeCgroupIn(top, id, settings, note);
}
