/** `linux.intelRdt` of config.json: shares of caches and memory bandwidth, by the kernel's resctrl file system. */
import { TsboxError } from "../error.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_WRONLY, SYS } from "../linux/abi.gen.ts";
import { exists, readText } from "../linux/read-text.ts";
import { cstring, syscall } from "../linux/syscall.ts";
import type { LinuxIntelRdt, RuntimeConfig } from "../oci/index.ts";
import { encode, type Program, RECOVER_EXISTS, SUBJECT_PID } from "../plan/index.ts";

const FIELD = "linux.intelRdt";

/** proc_pid_mountinfo(5): the mount point is field 5, the type comes after the dash. */
function resctrlFolder(): string | undefined {
  for (const line of readText("/proc/self/mountinfo").split("\n"))
    if (line.includes(" - resctrl ")) return line.split(" ")[4];
  return undefined;
}

/** The group that the container belongs to: its own, one by name, or the root. */
function groupFolder(root: string, { closID }: LinuxIntelRdt, id: string): string {
  return closID === "/" ? root : `${root}/${closID ?? id}`;
}

/** `L3:0=ff;1=0f` as `L3` and the number for each cache; a cache that is not named keeps what it has. */
function parseSchema(line: string): [resource: string, values: Map<string, string>] {
  const [resource = "", list = ""] = line.trim().split(":");
  const pairs = list.split(";").map((part) => part.split("=").map((text) => text.trim()));
  return [resource.trim(), new Map(pairs.map(([cache = "", value = ""]) => [cache, value.replace(/^0+(?=.)/, "")]))];
}

/** Whether the lines of a schema are among those of a `schemata` file. */
export function schemataHave(schemata: string, wanted: string): boolean {
  const there = new Map(schemata.split("\n").map(parseSchema));
  return wanted
    .split("\n")
    .filter((line) => line.trim() !== "")
    .every((line) => {
      const [resource, values] = parseSchema(line);
      const present = there.get(resource);
      return [...values].every(([cache, value]) => present?.get(cache)?.toLowerCase() === value.toLowerCase());
    });
}

/**
 * Appends what makes the group and puts the container's first process, which must wait meanwhile, into it.
 * config-linux.md, "IntelRdt", has the rules.
 *
 * @param root where resctrl is mounted
 * @throws TsboxError naming the field when there is no resctrl, or the group is another than config.json says
 */
export function addIntelRdt(
  outside: Program,
  { linux }: RuntimeConfig,
  id: string | undefined,
  root: string | undefined = linux?.intelRdt === undefined ? undefined : resctrlFolder(),
): void {
  const rdt = linux?.intelRdt;
  if (rdt === undefined) return;
  if (id === undefined) throw new TsboxError("internal", `cannot run: ${FIELD}: the container has no id`);
  if (root === undefined)
    throw new TsboxError("unsupported", `cannot run: ${FIELD}: no resctrl file system is mounted on this host`);
  const { closID, l3CacheSchema, memBwSchema, schemata = [] } = rdt;
  const folder = groupFolder(root, rdt, id);
  const there = exists(folder);
  const schemas = [l3CacheSchema, memBwSchema].filter((schema) => schema !== undefined && schema !== "") as string[]; // cast: filtered
  if (closID !== undefined && !there && schemas.length + schemata.length === 0)
    throw new TsboxError("not-found", `cannot run: ${FIELD}.closID: the host has no group ${closID}`);
  if (closID !== undefined && there && schemas.length > 0) {
    const current = readText(`${folder}/schemata`);
    const other = schemas.find((schema) => !schemataHave(current, schema));
    if (other !== undefined)
      throw new TsboxError("invalid", `cannot run: ${FIELD}: the group ${closID} of the host has not ${other}`);
  }
  if (!there) {
    // a group of the same name may have been made meanwhile
    outside.add("mkdirat", [null, folder, 0o755], { note: `make the group ${folder}`, recover: RECOVER_EXISTS });
  }
  for (const line of [...schemas, ...schemata]) {
    outside.add("write_file", [null, `${folder}/schemata`, encode(`${line}\n`), O_WRONLY], {
      note: `set ${FIELD} to ${line}`,
    });
  }
  if (rdt.enableMonitoring) {
    outside.add("mkdirat", [null, monitorFolder(folder, id), 0o755], {
      note: `make the group of ${FIELD}.enableMonitoring`,
      recover: RECOVER_EXISTS,
    });
  }
  addIntelRdtTask(outside, { linux }, id, root);
}

const monitorFolder = (folder: string, id: string) => `${folder}/mon_groups/${id}`;

/** Appends what puts the subject, which must wait meanwhile, into the group of a container that is there. */
export function addIntelRdtTask(
  outside: Program,
  { linux }: Pick<RuntimeConfig, "linux">,
  id: string,
  root: string | undefined = linux?.intelRdt === undefined ? undefined : resctrlFolder(),
): void {
  const rdt = linux?.intelRdt;
  if (rdt === undefined || root === undefined) return;
  const folder = groupFolder(root, rdt, id);
  for (const group of rdt.enableMonitoring ? [folder, monitorFolder(folder, id)] : [folder]) {
    outside.add("write_file", [null, `${group}/tasks`, encode(SUBJECT_PID), O_WRONLY], {
      expand: true,
      note: `join the group ${group} of ${FIELD}`,
    });
  }
}

/** Removes what {@link addIntelRdt} made for this container only. What is gone already is no failure. */
export function removeIntelRdt({ linux }: RuntimeConfig, id: string, root?: string): void {
  const rdt = linux?.intelRdt;
  if (rdt === undefined) return;
  const mounted = root ?? resctrlFolder();
  if (mounted === undefined) return;
  const folder = groupFolder(mounted, rdt, id);
  if (rdt.enableMonitoring) syscall(SYS.unlinkat, AT_FDCWD, cstring(monitorFolder(folder, id)), AT_REMOVEDIR);
  if (rdt.closID === undefined) syscall(SYS.unlinkat, AT_FDCWD, cstring(folder), AT_REMOVEDIR);
}
