/** The seccomp filter of a container: the default profile, one from a file, or none. */
import { TsboxError } from "../error.ts";
import { readText } from "../linux/read-text.ts";
import type { RuntimeConfig } from "../oci/index.ts";
import { compileSeccomp, defaultFilter, loadProfile, type SeccompFilter } from "../runtime/index.ts";
import type { RunOptions } from "./spec/options.ts";

/** @throws TsboxError `usage` or `invalid` naming the file */
export async function chooseSeccomp(options: RunOptions, config: RuntimeConfig): Promise<SeccompFilter | undefined> {
  const { seccomp } = options.security;
  if (seccomp === "unconfined" || (options.privileged && seccomp === undefined)) return undefined;
  const capabilities = new Set(config.process?.capabilities?.bounding ?? []);
  if (seccomp === undefined) return await defaultFilter(capabilities);
  let json: unknown;
  try {
    json = JSON.parse(readText(seccomp));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? "it is not JSON" : (cause as Error).message; // cast: readText throws SyscallError
    throw new TsboxError("usage", `cannot use --security-opt seccomp=${seccomp}: ${reason}`, { cause });
  }
  const filter = await compileSeccomp(await loadProfile(json, capabilities));
  if (filter.listenerPath !== undefined) {
    throw new TsboxError(
      "unsupported",
      `cannot use --security-opt seccomp=${seccomp}: asking a listener (SCMP_ACT_NOTIFY) is not built yet`,
    );
  }
  return filter;
}
