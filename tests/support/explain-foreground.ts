/** The plan of a container that needs nothing special, printed. */
import type { RuntimeConfig } from "../../src/oci/index.ts";
import { printPlan } from "../../src/plan/index.ts";
import { type CompileOptions, compileForeground } from "../../src/runtime/index.ts";

/** @param options instead of those that all have, or beside them. @returns as `run --explain` prints it */
export async function explainForeground(
  config: RuntimeConfig,
  options: Pick<CompileOptions, "mapping"> & Partial<CompileOptions>,
): Promise<string> {
  const plan = compileForeground({
    config,
    root: { kind: "folder", path: "/rootfs" },
    seccomp: undefined,
    state: { ociVersion: config.ociVersion, id: "box", status: "creating", bundle: "/b" },
    init: false,
    interactive: false,
    helpers: [],
    commands: [],
    cgroup: undefined,
    openNamespaces: new Map(),
    lockFd: undefined,
    records: { folder: "/container", removed: true, events: undefined },
    remove: { always: [], onFailure: [] },
    cleanup: ["/bin/false"],
    ...options,
  });
  return await printPlan(plan);
}
