/**
 * Reading config.json, state and features. The schemas are loaded when the first document is read, because a command that
 * only writes a config.json must not pay for them.
 */
import { TsboxError } from "../../error.ts";
import { parseExactJSON } from "./exact-json.ts";
import type { RuntimeFeatures, RuntimeState } from "./state.ts";
import type { LinuxResources, Process, RuntimeConfig } from "./types.ts";
import { isUsualConfig } from "./usual-config.ts";

/** Of `linux.seccomp.syscalls[].args[]`. */
const EXACT_FIELDS: ReadonlySet<string> = new Set(["value", "valueTwo"]);

/** @throws TsboxError `invalid` */
function parseJSON(json: string, what: string): unknown {
  try {
    return parseExactJSON(json, EXACT_FIELDS);
  } catch (cause) {
    throw new TsboxError("invalid", `cannot read ${what}: it is not JSON`, { cause });
  }
}

/**
 * @param what the file, for messages
 * @throws TsboxError `invalid`, naming the first wrong field by its path: `process.cwd: must be an absolute path`
 */
export async function parseRuntimeConfig(json: string, what = "config.json"): Promise<RuntimeConfig> {
  const value = parseJSON(json, what);
  if (isUsualConfig(value)) return value;
  const [{ check }, { runtimeConfig }] = await Promise.all([import("./check.ts"), import("./config-schema.ts")]);
  const config: RuntimeConfig = check(runtimeConfig, value, what);
  // 0.x are the drafts of 1.0, which had the same fields; of a version 2 nobody knows what its fields mean
  if (Number.parseInt(config.ociVersion, 10) > 1) {
    throw new TsboxError(
      "unsupported",
      `cannot use ${what}: ociVersion: ${config.ociVersion} is newer than tsbox, which knows runtime-spec 1.3`,
    );
  }
  return config;
}

/**
 * A profile in a file of its own, with the values that are compared with arguments as they are written; nothing else is checked.
 * @throws SyntaxError
 */
export function parseSeccompProfile(json: string): unknown {
  return parseExactJSON(json, EXACT_FIELDS);
}

/** `process` of config.json alone, as `exec --process` takes it. @throws TsboxError `invalid` */
export async function parseProcess(json: string, what: string): Promise<Process> {
  const [{ check }, { process }] = await Promise.all([import("./check.ts"), import("./config-schema.ts")]);
  return check(process, parseJSON(json, what), what);
}

/** `linux.resources` alone, as `update` takes it. @throws TsboxError `invalid` */
export async function parseResources(json: string, what: string): Promise<LinuxResources> {
  const [{ check }, { resources }] = await Promise.all([import("./check.ts"), import("./resources-schema.ts")]);
  return check(resources, parseJSON(json, what), what);
}

/** The names that `linux.seccomp` may use, for `features`. */
export async function seccompNames() {
  const { ACTIONS, ARCHITECTURES, FLAGS, OPERATORS } = await import("./seccomp-schema.ts");
  return { actions: ACTIONS, architectures: ARCHITECTURES, flags: FLAGS, operators: OPERATORS };
}

/** @throws TsboxError `invalid` */
export async function parseRuntimeState(json: string, what = "the state"): Promise<RuntimeState> {
  const [{ check }, { runtimeState }] = await Promise.all([import("./check.ts"), import("./state-schema.ts")]);
  return check(runtimeState, parseJSON(json, what), what);
}

/** @throws TsboxError `invalid` */
export async function parseRuntimeFeatures(json: string, what = "the features"): Promise<RuntimeFeatures> {
  const [{ check }, { runtimeFeatures }] = await Promise.all([import("./check.ts"), import("./state-schema.ts")]);
  return check(runtimeFeatures, parseJSON(json, what), what);
}
