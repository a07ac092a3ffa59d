/** `linux.personality` of config.json: personality(2). */
import { TsboxError } from "../error.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import type { Program } from "../plan/index.ts";

/** linux/personality.h */
const DOMAINS = { LINUX: 0, LINUX32: 8 } as const;

/** The program and its children inherit it through execve. @throws TsboxError naming the field */
export function addPersonality(inside: Program, { linux }: RuntimeConfig): void {
  const personality = linux?.personality;
  if (personality === undefined) return;
  const { domain, flags = [] } = personality;
  if (domain === undefined) throw new TsboxError("invalid", "cannot run: linux.personality.domain: is missing");
  // "Currently no flag values are supported" (config-linux.md, "Personality")
  if (flags.length > 0)
    throw new TsboxError("invalid", `cannot run: linux.personality.flags: ${flags[0]} is not a flag`);
  inside.add("personality", [DOMAINS[domain]], { note: `set linux.personality to ${domain}` });
}
