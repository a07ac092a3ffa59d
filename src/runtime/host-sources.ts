/**
 * Bind mounts of a container whose root is not who starts it: it is nobody to the folders on the way, such as podman's own (0700). So
 * somebody who keeps the caller's ids opens the sources. This is done in the container's mount namespace and not in the host's, because
 * only there the kernel has locked what a user namespace must not take back: a host's `ro` or `nodev`, and what a mount covers.
 */
import { type IdMapping, mayMount, toHost } from "../idmap/index.ts";
import { AT_RECURSIVE, CLONE_NEWNS, O_RDONLY, OPEN_TREE_CLONE, SIGKILL } from "../linux/abi.gen.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import { type PlanBuilder, type Program, type Slot, SUBJECT_PID } from "../plan/index.ts";
import { isIdMapped } from "./id-mapped-mounts.ts";
import { isBindMount } from "./mount-sources.ts";

export interface HostSources {
  /** Of the socket on which `inside` gets the mounts, in their order. */
  readonly take: Slot;
  /** Opens the next one, detached. */
  add(source: string, recursive: boolean, note: string): void;
  /** Appends to `outside` what starts it; the subject must be in its mount namespace. */
  start(inside: Program): void;
  /** Appends its end, after the last mount. */
  finish(inside: Program): void;
}

/** @param newMounts whether the container gets a mount namespace of its own */
export function needsHostSources(config: RuntimeConfig, mapping: IdMapping, newMounts: boolean): boolean {
  if (mapping.kind !== "subuid" || !newMounts || process.geteuid?.() !== 0) return false;
  if (mapping.name !== "joined" && toHost(mapping, "uid", 0) === 0) return false;
  return (config.mounts ?? []).some((mount) => isBindMount(mount) && !isIdMapped(mount)) && mayMount(undefined);
}

/** Call it before the program of `inside` is made. */
export function openHostSources(plan: PlanBuilder, outside: Program): HostSources {
  const [give, take, helper, namespace] = [outside.slot(), outside.slot(), outside.slot(), outside.slot()];
  outside.add("socketpair", [give, take]);
  const program = plan.program("sources of bind mounts", outside);
  const mount = program.slot();
  return {
    take,
    add: (source, recursive, note) => {
      const flags = OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0);
      program.add("open_tree", [mount, null, source, flags], { note });
      program.add("send_fd", [give, mount], { note });
      program.add("close", [mount]);
    },
    start: (inside) => {
      inside.add("close", [give]);
      outside.add("close", [take]);
      outside.add("openat2", [namespace, null, `/proc/${SUBJECT_PID}/ns/mnt`, O_RDONLY, 0, 0], {
        expand: true,
        note: "open the container's mount namespace",
      });
      outside.add("clone", [program, 0, helper, null, 0, SIGKILL], { note: "start a process" });
      outside.add("close", [give]);
      outside.add("close", [namespace]);
      program.add("setns", [namespace, CLONE_NEWNS], { note: "join the container's mount namespace" });
    },
    finish: (inside) => {
      inside.add("close", [take]);
      program.add("exit", [0]);
      outside.add("wait_success", [helper], { note: "open the sources of bind mounts" });
      outside.add("close", [helper]);
    },
  };
}
