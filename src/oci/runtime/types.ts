/**
 * config.json of runtime-spec 1.3.0, as far as Linux has it. Field names are the specification's. Plain types, so that code which
 * only writes a config.json loads no schemas; `parse.ts` reads one.
 */
import type { IO_CLASSES } from "./scheduling-names.ts";

export interface RuntimeConfig {
  readonly ociVersion: string;
  readonly process?: Process | undefined;
  readonly root?: Root | undefined;
  readonly hostname?: string | undefined;
  readonly domainname?: string | undefined;
  readonly mounts?: readonly Mount[] | undefined;
  readonly hooks?: Hooks | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly linux?: Linux | undefined;
}

export interface Root {
  readonly path: string;
  readonly readonly?: boolean | undefined;
}

export interface Process {
  readonly terminal?: boolean | undefined;
  readonly consoleSize?: { readonly height: number; readonly width: number } | undefined;
  readonly user: User;
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly cwd: string;
  readonly capabilities?: Capabilities | undefined;
  readonly rlimits?: readonly Rlimit[] | undefined;
  readonly noNewPrivileges?: boolean | undefined;
  readonly apparmorProfile?: string | undefined;
  readonly selinuxLabel?: string | undefined;
  readonly oomScoreAdj?: number | undefined;
  readonly scheduler?: Scheduler | undefined;
  readonly ioPriority?: IOPriority | undefined;
  readonly execCPUAffinity?: { readonly initial?: string | undefined; readonly final?: string | undefined } | undefined;
}

export interface IOPriority {
  readonly class: (typeof IO_CLASSES)[number];
  readonly priority?: number | undefined;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly umask?: number | undefined;
  readonly additionalGids?: readonly number[] | undefined;
}

export interface Capabilities {
  readonly effective?: readonly string[] | undefined;
  readonly bounding?: readonly string[] | undefined;
  readonly inheritable?: readonly string[] | undefined;
  readonly permitted?: readonly string[] | undefined;
  readonly ambient?: readonly string[] | undefined;
}

export interface Rlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface Scheduler {
  readonly policy: string;
  readonly nice?: number | undefined;
  readonly priority?: number | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly runtime?: number | undefined;
  readonly deadline?: number | undefined;
  readonly period?: number | undefined;
}

export interface Mount {
  readonly destination: string;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly options?: readonly string[] | undefined;
  readonly uidMappings?: readonly IDMapping[] | undefined;
  readonly gidMappings?: readonly IDMapping[] | undefined;
}

export interface IDMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface Hook {
  readonly path: string;
  readonly args?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
}

export interface Hooks {
  readonly prestart?: readonly Hook[] | undefined;
  readonly createRuntime?: readonly Hook[] | undefined;
  readonly createContainer?: readonly Hook[] | undefined;
  readonly startContainer?: readonly Hook[] | undefined;
  readonly poststart?: readonly Hook[] | undefined;
  readonly poststop?: readonly Hook[] | undefined;
}

export type NamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface Linux {
  readonly namespaces?: readonly { readonly type: NamespaceType; readonly path?: string | undefined }[] | undefined;
  readonly uidMappings?: readonly IDMapping[] | undefined;
  readonly gidMappings?: readonly IDMapping[] | undefined;
  readonly timeOffsets?: LinuxTimeOffsets | undefined;
  readonly devices?: readonly LinuxDevice[] | undefined;
  /** By the device's name on the host. */
  readonly netDevices?: Readonly<Record<string, { readonly name?: string | undefined }>> | undefined;
  readonly cgroupsPath?: string | undefined;
  readonly resources?: LinuxResources | undefined;
  readonly rootfsPropagation?: string | undefined;
  readonly seccomp?: LinuxSeccomp | undefined;
  readonly sysctl?: Readonly<Record<string, string>> | undefined;
  readonly maskedPaths?: readonly string[] | undefined;
  readonly readonlyPaths?: readonly string[] | undefined;
  readonly mountLabel?: string | undefined;
  readonly personality?:
    | { readonly domain?: "LINUX" | "LINUX32" | undefined; readonly flags?: readonly string[] | undefined }
    | undefined;
  readonly intelRdt?: LinuxIntelRdt | undefined;
  readonly memoryPolicy?: LinuxMemoryPolicy | undefined;
}

export interface LinuxTimeOffset {
  readonly secs?: number | undefined;
  readonly nanosecs?: number | undefined;
}

export interface LinuxTimeOffsets {
  readonly boottime?: LinuxTimeOffset | undefined;
  readonly monotonic?: LinuxTimeOffset | undefined;
}

export interface LinuxIntelRdt {
  readonly closID?: string | undefined;
  readonly schemata?: readonly string[] | undefined;
  readonly l3CacheSchema?: string | undefined;
  readonly memBwSchema?: string | undefined;
  readonly enableMonitoring?: boolean | undefined;
}

export interface LinuxMemoryPolicy {
  readonly mode?: string | undefined;
  readonly nodes?: string | undefined;
  readonly flags?: readonly string[] | undefined;
}

export interface LinuxDevice {
  readonly type: string;
  readonly path: string;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  readonly fileMode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface LinuxResources {
  readonly devices?: readonly LinuxDeviceCgroup[] | undefined;
  readonly memory?: LinuxMemory | undefined;
  readonly cpu?: LinuxCPU | undefined;
  readonly pids?: { readonly limit?: number | undefined } | undefined;
  readonly blockIO?: LinuxBlockIO | undefined;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[] | undefined;
  readonly network?:
    | {
        readonly classID?: number | undefined;
        readonly priorities?: readonly { readonly name: string; readonly priority: number }[] | undefined;
      }
    | undefined;
  readonly rdma?:
    | Readonly<Record<string, { readonly hcaHandles?: number | undefined; readonly hcaObjects?: number | undefined }>>
    | undefined;
  /** Files of cgroup v2 and what is written to them. */
  readonly unified?: Readonly<Record<string, string>> | undefined;
}

export interface LinuxDeviceCgroup {
  readonly allow: boolean;
  readonly type?: string | undefined;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  readonly access?: string | undefined;
}

/** Bytes; -1 is no limit. */
export interface LinuxMemory {
  readonly limit?: number | undefined;
  readonly reservation?: number | undefined;
  /** Memory and swap together. */
  readonly swap?: number | undefined;
  readonly kernel?: number | undefined;
  readonly kernelTCP?: number | undefined;
  readonly swappiness?: number | undefined;
  readonly disableOOMKiller?: boolean | undefined;
  readonly useHierarchy?: boolean | undefined;
  readonly checkBeforeUpdate?: boolean | undefined;
}

/** Times in microseconds. */
export interface LinuxCPU {
  readonly shares?: number | undefined;
  readonly quota?: number | undefined;
  readonly burst?: number | undefined;
  readonly period?: number | undefined;
  readonly realtimeRuntime?: number | undefined;
  readonly realtimePeriod?: number | undefined;
  readonly cpus?: string | undefined;
  readonly mems?: string | undefined;
  readonly idle?: number | undefined;
}

export interface LinuxBlockIO {
  readonly weight?: number | undefined;
  readonly leafWeight?: number | undefined;
  readonly weightDevice?: readonly LinuxWeightDevice[] | undefined;
  readonly throttleReadBpsDevice?: readonly LinuxThrottleDevice[] | undefined;
  readonly throttleWriteBpsDevice?: readonly LinuxThrottleDevice[] | undefined;
  readonly throttleReadIOPSDevice?: readonly LinuxThrottleDevice[] | undefined;
  readonly throttleWriteIOPSDevice?: readonly LinuxThrottleDevice[] | undefined;
}

export interface LinuxWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number | undefined;
  readonly leafWeight?: number | undefined;
}

export interface LinuxThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate?: number | undefined;
}

export interface LinuxSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number | undefined;
  readonly architectures?: readonly string[] | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly listenerPath?: string | undefined;
  readonly listenerMetadata?: string | undefined;
  readonly syscalls?: readonly LinuxSyscall[] | undefined;
}

export interface LinuxSyscall {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number | undefined;
  readonly args?: readonly LinuxSeccompArg[] | undefined;
}

export interface LinuxSeccompArg {
  readonly index: number;
  /** 64 bits; a bigint where a double would round, because a filter with a rounded number is another filter. */
  readonly value: number | bigint;
  readonly valueTwo?: number | bigint | undefined;
  readonly op: string;
}
