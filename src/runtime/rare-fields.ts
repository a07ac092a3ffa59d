/**
 * Fields of config.json that few containers have: their code is loaded when they are set, and every other start is spared that.
 * Each function here is the one of that name in the field's own file, which says what it does.
 */
import type { IdMapping } from "../idmap/index.ts";
import { CLONE_NEWUSER } from "../linux/abi.gen.ts";
import type { Process, RuntimeConfig } from "../oci/index.ts";
import type { PlanBuilder, Program, Slot } from "../plan/index.ts";
import type { Compilation } from "./context.ts";
import type { FileAddition } from "./file-additions.ts";
import type { HostSources } from "./host-sources.ts";
import type { Join } from "./join.ts";
import type { Labels } from "./labels.ts";
import type { SecretFile } from "./secrets.ts";

// `require` with a path is bundled like an import; it loads when it is called, without a promise

export function addScheduling(inside: Program, process: Process): void {
  if (process.scheduler === undefined && process.ioPriority === undefined) return;
  const { addScheduling } = require("./scheduling.ts") as typeof import("./scheduling.ts");
  addScheduling(inside, process);
}

export function addCpuAffinity(program: Program, list: string | undefined, which: "initial" | "final"): void {
  if (list === undefined) return;
  const { addCpuAffinity } = require("./scheduling.ts") as typeof import("./scheduling.ts");
  addCpuAffinity(program, list, which);
}

export function addMemoryPolicy(inside: Program, config: RuntimeConfig): void {
  if (config.linux?.memoryPolicy === undefined) return;
  const { addMemoryPolicy } = require("./memory-policy.ts") as typeof import("./memory-policy.ts");
  addMemoryPolicy(inside, config);
}

export function addPersonality(inside: Program, config: RuntimeConfig): void {
  if (config.linux?.personality === undefined) return;
  const { addPersonality } = require("./personality.ts") as typeof import("./personality.ts");
  addPersonality(inside, config);
}

export function addIntelRdt(outside: Program, config: RuntimeConfig, id: string | undefined): void {
  if (config.linux?.intelRdt === undefined) return;
  const { addIntelRdt } = require("./intel-rdt.ts") as typeof import("./intel-rdt.ts");
  addIntelRdt(outside, config, id);
}

export function addIntelRdtTask(outside: Program, config: RuntimeConfig, id: string): void {
  if (config.linux?.intelRdt === undefined) return;
  const { addIntelRdtTask } = require("./intel-rdt.ts") as typeof import("./intel-rdt.ts");
  addIntelRdtTask(outside, config, id);
}

export function addNetDevices(compilation: Compilation, sockets: { readonly ours: Slot; readonly theirs: Slot }): void {
  if (compilation.config.linux?.netDevices === undefined) return;
  const { addNetDevices } = require("./net-devices.ts") as typeof import("./net-devices.ts");
  addNetDevices(compilation, sockets);
}

/** @returns undefined when it is not shared */
export function addSharedMemory(
  plan: PlanBuilder,
  outside: Program,
  config: RuntimeConfig,
  namespace: number | undefined,
  { joins, ours, theirs }: { readonly joins: readonly Join[]; readonly ours: Slot; readonly theirs: Slot },
): ReadonlyMap<number, Slot> | undefined {
  if (namespace === undefined) return undefined;
  const { addSharedMemory } = require("./shared-memory.ts") as typeof import("./shared-memory.ts");
  const user = joins.find(({ flag }) => flag === CLONE_NEWUSER);
  return addSharedMemory(plan, outside, config, { namespace, user, ours, theirs });
}

export function lateTimeNamespace(config: RuntimeConfig): number {
  if (config.linux?.timeOffsets === undefined) return 0;
  const { lateTimeNamespace } = require("./time-offsets.ts") as typeof import("./time-offsets.ts");
  return lateTimeNamespace(config);
}

export function addTimeOffsets(compilation: Compilation): void {
  if (compilation.config.linux?.timeOffsets === undefined) return;
  const { addTimeOffsets } = require("./time-offsets.ts") as typeof import("./time-offsets.ts");
  addTimeOffsets(compilation);
}

export function addIdMappedMounts(
  plan: PlanBuilder,
  outside: Program,
  config: RuntimeConfig,
  mapping: IdMapping,
  waiting: Slot,
): ReadonlyMap<number, Slot> {
  const asks = config.mounts?.some(
    ({ options, uidMappings, gidMappings }) =>
      uidMappings !== undefined || gidMappings !== undefined || options?.some((option) => option.endsWith("idmap")),
  );
  if (!asks) return new Map();
  const { addIdMappedMounts } = require("./id-mapped-mounts.ts") as typeof import("./id-mapped-mounts.ts");
  return addIdMappedMounts(plan, outside, config, mapping, waiting);
}

export function openLabels(outside: Program, process: Process): Labels | undefined {
  if (!process.apparmorProfile && !process.selinuxLabel) return undefined;
  const { openLabels } = require("./labels.ts") as typeof import("./labels.ts");
  return openLabels(outside, process);
}

export function addLabels(inside: Program, labels: Labels | undefined): void {
  if (labels === undefined) return;
  const { addLabels } = require("./labels.ts") as typeof import("./labels.ts");
  addLabels(inside, labels);
}

export function labelOption(config: RuntimeConfig, type: string): string | undefined {
  if (!config.linux?.mountLabel) return undefined;
  const { labelOption } = require("./labels.ts") as typeof import("./labels.ts");
  return labelOption(config, type);
}

export function addSysctl(compilation: Compilation, proc: Slot): void {
  if (compilation.config.linux?.sysctl === undefined) return;
  const { addSysctl } = require("./sysctl.ts") as typeof import("./sysctl.ts");
  addSysctl(compilation, proc);
}

export function addTerminal(
  compilation: Compilation,
  use: { readonly receiver: Slot; readonly terminal: Slot; readonly uid: number; readonly console?: boolean },
): void {
  const { addTerminal } = require("./terminal.ts") as typeof import("./terminal.ts");
  addTerminal(compilation, use);
}

export function addVolumeMount(...how: Parameters<typeof import("./volume-mounts.ts").addVolumeMount>): void {
  const { addVolumeMount } = require("./volume-mounts.ts") as typeof import("./volume-mounts.ts");
  addVolumeMount(...how);
}

export function addSecrets(compilation: Compilation, secrets: readonly SecretFile[] | undefined): void {
  if (secrets === undefined || secrets.length === 0) return;
  const { addSecrets } = require("./secrets.ts") as typeof import("./secrets.ts");
  addSecrets(compilation, secrets);
}

export function addToFiles(compilation: Compilation, additions: readonly FileAddition[] | undefined): void {
  if (additions === undefined || additions.length === 0) return;
  const { addToFiles } = require("./file-additions.ts") as typeof import("./file-additions.ts");
  addToFiles(compilation, additions);
}

export function openHostSources(
  plan: PlanBuilder,
  outside: Program,
  config: RuntimeConfig,
  mapping: IdMapping,
  newMounts: boolean,
): HostSources | undefined {
  if (mapping.kind !== "subuid" || process.geteuid?.() !== 0) return undefined;
  const sources = require("./host-sources.ts") as typeof import("./host-sources.ts");
  return sources.needsHostSources(config, mapping, newMounts) ? sources.openHostSources(plan, outside) : undefined;
}

function readOnlyLater(): typeof import("./read-only-later.ts") {
  return require("./read-only-later.ts") as typeof import("./read-only-later.ts");
}

export function isToBeFilled(...how: Parameters<typeof import("./read-only-later.ts").isToBeFilled>): boolean {
  return readOnlyLater().isToBeFilled(...how);
}

export function addReadOnlyLater(compilation: Compilation, note: string): void {
  readOnlyLater().addReadOnlyLater(compilation, note);
}

export function addReadOnly(compilation: Compilation): void {
  if (compilation.readOnlyLater.length > 0) readOnlyLater().addReadOnly(compilation);
}
