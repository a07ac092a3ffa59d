/** The seccomp filter of a container: the default profile, one from a file, or none. */
import { TsboxError } from "../error.ts";
import { reasonOf } from "../linux/errno.ts";
import { readText } from "../linux/read-text.ts";
import { parseSeccompProfile, type RuntimeConfig } from "../oci/index.ts";
import { type CompiledSeccomp, compileSeccomp, defaultFilter, loadProfile } from "../runtime/index.ts";
import type { RunOptions } from "./spec/options.ts";

export interface ChosenSeccomp extends CompiledSeccomp {
  /** What it was compiled from, as JSON for `linux.seccomp`. */
  readonly json: string;
}

/** @throws TsboxError `usage` or `invalid` naming the file */
export async function chooseSeccomp(options: RunOptions, config: RuntimeConfig): Promise<ChosenSeccomp | undefined> {
  const { seccomp } = options.security;
  if (seccomp === "unconfined" || (options.privileged && seccomp === undefined)) return undefined;
  const capabilities = new Set(config.process?.capabilities?.bounding ?? []);
  if (seccomp === undefined) return await defaultFilter(capabilities);
  let json: unknown;
  try {
    json = parseSeccompProfile(readText(seccomp));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? "it is not JSON" : reasonOf(cause);
    throw new TsboxError("usage", `cannot use --security-opt seccomp=${seccomp}: ${reason}`, { cause });
  }
  const profile = await loadProfile(json, capabilities);
  return { ...(await compileSeccomp(profile)), json: JSON.stringify(profile, exactNumber) };
}

/** Values that are compared with arguments have 64 bits, of which a rounded number would be another. */
function exactNumber(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  // cast: rawJSON is ES2026's, which TypeScript's library does not have yet
  return (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/**
 * config.json with `linux.seccomp`, which is not taken apart and put together again for it: the default profile's is text that
 * was made when tsbox was built.
 */
export function configText(config: RuntimeConfig, seccomp: ChosenSeccomp | undefined): string {
  if (seccomp === undefined) return JSON.stringify(config);
  const { linux = {}, ...rest } = config;
  const members = JSON.stringify(linux).slice(1, -1);
  return `${JSON.stringify(rest).slice(0, -1)},"linux":{${members === "" ? "" : `${members},`}"seccomp":${seccomp.json}}}`;
}
