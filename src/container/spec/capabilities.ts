/** Docker's default capabilities, and what --cap-add and --cap-drop make of them. */
import { TsboxError } from "../../error.ts";
import { ALL_CAPABILITIES } from "../../runtime/index.ts";

export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

function normalize(name: string, flag: string): string {
  const upper = name.toUpperCase();
  const full = upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (full === "ALL" || ALL_CAPABILITIES.includes(full)) return full;
  throw new TsboxError("usage", `cannot use ${flag} ${name}: there is no such capability`);
}

/**
 * Docker's rules: `ALL` in one list and names in the other are exceptions; otherwise the default set is changed.
 * @throws TsboxError `usage`
 */
export function chooseCapabilities(add: readonly string[], drop: readonly string[], privileged: boolean): string[] {
  const added = add.map((name) => normalize(name, "--cap-add"));
  const dropped = drop.map((name) => normalize(name, "--cap-drop"));
  const standard = privileged ? ALL_CAPABILITIES : DEFAULT_CAPABILITIES;
  const base = added.includes("ALL") ? ALL_CAPABILITIES : dropped.includes("ALL") ? [] : standard;
  const kept = base.filter((name) => !dropped.includes(name));
  return ALL_CAPABILITIES.filter((name) => kept.includes(name) || added.includes(name));
}
