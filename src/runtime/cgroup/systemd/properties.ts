/** Limits and annotations as properties of a unit. systemd.resource-control(5); org.freedesktop.systemd1(5). */
import { TsboxError } from "../../../error.ts";
import type { LinuxResources } from "../../../oci/index.ts";
import { type CgroupSetting, cgroupSettings, ioWeight } from "../settings.ts";
import type { Variant } from "./marshal.ts";
import { parseVariant } from "./variant-text.ts";

export type Property = readonly [name: string, value: Variant];

/** What systemd means by "no limit". */
const INFINITY = 0xffff_ffff_ffff_ffffn;
/** systemd counts processor time in steps of 10 ms for each second. */
const QUOTA_STEP = 10_000n;

const unsigned64 = (text: string): Variant => ({ signature: "t", value: text === "max" ? INFINITY : BigInt(text) });

const BY_FILE: Readonly<Record<string, string>> = {
  "memory.max": "MemoryMax",
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.min": "MemoryMin",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
  "cpu.weight": "CPUWeight",
};

/** A list of cpuset(7), `0-2,7`, as bits: the first byte has 0 to 7. */
export function cpuBits(list: string, field: string): Uint8Array {
  const bytes: number[] = [];
  for (const range of list.split(",").map((text) => text.trim())) {
    const [, first, last = first] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(range) ?? [];
    if (first === undefined || Number(last) < Number(first)) {
      throw new TsboxError("invalid", `cannot limit ${field}: "${list}" is no list such as 0-2,7`);
    }
    for (let cpu = Number(first); cpu <= Number(last); cpu++) {
      const at = cpu >> 3;
      while (bytes.length <= at) bytes.push(0);
      bytes[at] = (bytes[at] ?? 0) | (1 << (cpu & 7));
    }
  }
  return Uint8Array.from(bytes);
}

function quota(value: string): Property[] {
  const [limit = "max", period = "100000"] = value.split(" ");
  if (limit === "max") return [["CPUQuotaPerSecUSec", { signature: "t", value: INFINITY }]];
  const perSecond = (BigInt(limit) * 1_000_000n) / BigInt(period);
  const rounded = ((perSecond + QUOTA_STEP - 1n) / QUOTA_STEP) * QUOTA_STEP;
  return [
    ["CPUQuotaPerSecUSec", { signature: "t", value: rounded }],
    ["CPUQuotaPeriodUSec", { signature: "t", value: BigInt(period) }],
  ];
}

function propertiesOf({ file, value, field }: CgroupSetting): Property[] {
  const name = BY_FILE[file];
  // a file that is set by `unified` may have a unit or a word that the kernel understands and systemd does not
  if (name !== undefined) return /^([0-9]+|max)$/.test(value) ? [[name, unsigned64(value)]] : [];
  if (file === "cpu.max") return /^([0-9]+|max)( [1-9][0-9]*)?$/.test(value) ? quota(value) : [];
  if (file === "cpuset.cpus") return [["AllowedCPUs", { signature: "ay", value: cpuBits(value, field) }]];
  if (file === "cpuset.mems") return [["AllowedMemoryNodes", { signature: "ay", value: cpuBits(value, field) }]];
  return [];
}

/** What systemd has a property for; all the rest it leaves to us, for the unit is delegated. */
export function limitProperties(resources: LinuxResources | undefined, memoryLimit?: number): Property[] {
  const properties = new Map<string, Variant>();
  for (const setting of cgroupSettings(resources, memoryLimit)) {
    for (const [name, value] of propertiesOf(setting)) properties.set(name, value);
  }
  const weight = resources?.blockIO?.weight;
  if (weight) properties.set("IOWeight", { signature: "t", value: BigInt(ioWeight(weight)) });
  return [...properties];
}

const PREFIX = "org.systemd.property.";
const MICROSECONDS = 1_000_000;

/** Annotations `org.systemd.property.NAME=VALUE`; a number of a name that ends with `Sec` is seconds, as in unit files. */
export function annotationProperties(annotations: Readonly<Record<string, string>> = {}): Property[] {
  return Object.entries(annotations)
    .filter(([key]) => key.startsWith(PREFIX))
    .map(([key, text]) => {
      const name = key.slice(PREFIX.length);
      if (!/^[A-Z][a-zA-Z]{2,}$/.test(name)) {
        throw new TsboxError("invalid", `cannot use the annotation ${key}: "${name}" is no name of a property`);
      }
      const variant = parseVariant(text, key);
      if (!name.endsWith("Sec") || name.endsWith("USec")) return [name, variant];
      const seconds = Number(variant.value);
      if (!/^[nqiuxtd]$/.test(variant.signature) || !(seconds >= 0)) {
        throw new TsboxError("invalid", `cannot use the annotation ${key}: "${text}" is no number of seconds`);
      }
      const value = BigInt(Math.round(seconds * MICROSECONDS));
      return [`${name.slice(0, -3)}USec`, { signature: "t", value }];
    });
}
