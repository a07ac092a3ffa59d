/** `update` */
import { TsboxError } from "../../error.ts";
import { reasonOf } from "../../linux/errno.ts";
import { readText } from "../../linux/read-text.ts";
import type { LinuxResources } from "../../oci/index.ts";
import { updateContainer } from "../../runtime/lifecycle/index.ts";
import type { FlagDefinition } from "../args.ts";
import type { Globals } from "./globals.ts";
import { type CommandDefinition, containerId, HELP, last, readRuntimeCommand } from "./operands.ts";

type Path = readonly [group: "memory" | "cpu" | "pids" | "blockIO", field: string, kind: "bytes" | "number" | "text"];

/** runc's single flags, and the field of linux.resources that each one sets. */
const FIELDS: Readonly<Record<string, Path>> = {
  "blkio-weight": ["blockIO", "weight", "number"],
  "cpu-period": ["cpu", "period", "number"],
  "cpu-quota": ["cpu", "quota", "number"],
  "cpu-burst": ["cpu", "burst", "number"],
  "cpu-share": ["cpu", "shares", "number"],
  "cpu-rt-period": ["cpu", "realtimePeriod", "number"],
  "cpu-rt-runtime": ["cpu", "realtimeRuntime", "number"],
  "cpu-idle": ["cpu", "idle", "number"],
  "cpuset-cpus": ["cpu", "cpus", "text"],
  "cpuset-mems": ["cpu", "mems", "text"],
  memory: ["memory", "limit", "bytes"],
  "memory-reservation": ["memory", "reservation", "bytes"],
  "memory-swap": ["memory", "swap", "bytes"],
  "pids-limit": ["pids", "limit", "number"],
};

function flag([group, field, kind]: Path): FlagDefinition {
  return { type: "string", description: `linux.resources.${group}.${field}`, valueHint: kind.toUpperCase() };
}

export const UPDATE: CommandDefinition = {
  name: "oci update",
  description: "Change the limits of a container that runs.",
  operands: "ID",
  flags: {
    resources: {
      type: "string",
      alias: "r",
      description: "File with linux.resources as JSON, - for standard input",
      valueHint: "FILE",
    },
    ...Object.fromEntries(Object.entries(FIELDS).map(([name, path]) => [name, flag(path)])),
    "l3-cache-schema": { type: "string", description: "linux.intelRdt.l3CacheSchema", valueHint: "TEXT" },
    "mem-bw-schema": { type: "string", description: "linux.intelRdt.memBwSchema", valueHint: "TEXT" },
    ...HELP,
  },
  examples: [["tsbox oci update --memory 64m --pids-limit 100 box", ""]],
};

export async function update(argv: readonly string[], { root }: Globals): Promise<number> {
  const args = await readRuntimeCommand(UPDATE, argv);
  if (args === undefined) return 0;
  for (const name of ["l3-cache-schema", "mem-bw-schema"]) {
    if (last(args, name))
      throw new TsboxError(
        "unsupported",
        `cannot use --${name}: tsbox sets Intel RDT when a container is created only`,
      );
  }
  const file = last(args, "resources");
  const id = containerId(args, UPDATE);
  if (file !== undefined) {
    await updateContainer(root, id, await readResources(file));
    return 0;
  }
  const resources: Record<string, Record<string, unknown>> = {};
  for (const [name, path] of Object.entries(FIELDS)) {
    const value = last(args, name);
    if (value === undefined || value === "") continue;
    resources[path[0]] = { ...resources[path[0]], [path[1]]: flagValue(value, path[2], name) };
  }
  await updateContainer(root, id, resources as LinuxResources); // cast: built from FIELDS
  return 0;
}

async function readResources(file: string): Promise<LinuxResources> {
  const { parseResources } = await import("../../oci/index.ts");
  if (file === "-") return await parseResources(await Bun.stdin.text(), "standard input");
  try {
    return await parseResources(readText(file), file);
  } catch (cause) {
    if (cause instanceof TsboxError) throw cause;
    throw new TsboxError("not-found", `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  }
}

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function flagValue(text: string, kind: Path[2], name: string): string | number {
  if (kind === "text") return text;
  const match = kind === "bytes" ? /^(-1|\d+)([bkmgt]?)i?b?$/i.exec(text) : /^(-?\d+)()$/.exec(text);
  if (match === null) throw new TsboxError("usage", `cannot use --${name}=${text}: it is not a number`);
  return Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? 1);
}
