/** `linux.memoryPolicy` of config.json: set_mempolicy(2). */
import { TsboxError } from "../error.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import type { Program } from "../plan/index.ts";
import { numberSet } from "./number-set.ts";

/** linux/mempolicy.h, by number. */
const MODES = [
  "MPOL_DEFAULT",
  "MPOL_PREFERRED",
  "MPOL_BIND",
  "MPOL_INTERLEAVE",
  "MPOL_LOCAL",
  "MPOL_PREFERRED_MANY",
  "MPOL_WEIGHTED_INTERLEAVE",
];

const FLAGS: Readonly<Record<string, number>> = {
  MPOL_F_STATIC_NODES: 1 << 15,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_NUMA_BALANCING: 1 << 13,
};

/** Nodes of Linux are at most this many. */
const MAX_NODES = 1024;

/** The program and its children inherit it through execve. @throws TsboxError naming the field */
export function addMemoryPolicy(inside: Program, { linux }: RuntimeConfig): void {
  const policy = linux?.memoryPolicy;
  if (policy === undefined) return;
  const refuse = (field: string, reason: string) =>
    new TsboxError("invalid", `cannot run: linux.memoryPolicy.${field}: ${reason}`);
  const { mode, nodes = "", flags = [] } = policy;
  if (mode === undefined) throw refuse("mode", "is missing");
  const number = MODES.indexOf(mode);
  if (number < 0) throw refuse("mode", `${mode} is not a mode`);
  let bits = 0;
  for (const flag of flags) {
    const bit = FLAGS[flag];
    if (bit === undefined) throw refuse("flags", `${flag} is not a flag`);
    bits |= bit;
  }
  const mask = nodes.trim() === "" ? new Uint8Array() : numberSet(nodes, MAX_NODES, "linux.memoryPolicy.nodes");
  const of = mask.length === 0 ? "" : ` of nodes ${nodes}`;
  inside.add("set_mempolicy", [number | bits, mask], { note: `set linux.memoryPolicy to ${mode}${of}` });
}
