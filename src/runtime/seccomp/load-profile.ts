/** Reads profile files. Loaded only for `--security-opt seccomp=FILE`. */
import * as v from "valibot";
import { TsboxError } from "../../error.ts";
import { E } from "../../linux/abi.gen.ts";
import type { LinuxSeccomp } from "../../oci/index.ts";
import { applyProfile, type Host, type Profile, type ProfileRule, thisHost } from "./profile.ts";

/** Go writes an empty list as null, and an absent string as "". */
const texts = v.nullish(v.array(v.string()), []);
const circumstances = v.nullish(
  v.looseObject({ arches: texts, caps: texts, minKernel: v.nullish(v.pipe(v.string(), v.regex(/^(\d+\.\d+)?$/))) }),
);
const errno = v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0)));
const errnoName = v.nullish(v.string());
const uint64 = v.union([v.bigint(), v.pipe(v.number(), v.safeInteger(), v.minValue(0))]);

const rule = v.looseObject({
  names: texts,
  /** Of profiles before Docker 1.13. */
  name: v.nullish(v.string()),
  action: v.string(),
  errnoRet: errno,
  /** Podman's, by name; it has precedence. */
  errno: errnoName,
  args: v.nullish(
    v.array(v.looseObject({ index: v.number(), value: uint64, valueTwo: v.nullish(uint64), op: v.string() })),
  ),
  includes: circumstances,
  excludes: circumstances,
});

const profile = v.looseObject({
  defaultAction: v.string(),
  defaultErrnoRet: errno,
  defaultErrno: errnoName,
  architectures: texts,
  archMap: v.nullish(v.array(v.looseObject({ architecture: v.string(), subArchitectures: texts })), []),
  flags: texts,
  listenerPath: v.nullish(v.string()),
  listenerMetadata: v.nullish(v.string()),
  syscalls: v.nullish(v.array(rule), []),
});

/**
 * Reads a profile in Docker's format, of which the runtime specification's is a part.
 *
 * @param json parsed so that whole numbers above 2^53 are bigints (`parseExactJSON`); rounded ones are refused
 * @param capabilities the bounding set of the container: `CAP_CHOWN`
 * @returns what it says for this container, for config.json and `compileSeccomp`
 * @throws TsboxError `invalid` naming the field
 */
export function loadProfile(json: unknown, capabilities: ReadonlySet<string>, host: Host = thisHost()): LinuxSeccomp {
  const result = v.safeParse(profile, json, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw unreadable(v.getDotPath(issue) ?? "it", issue.message);
  }
  const { defaultAction, defaultErrnoRet, defaultErrno, architectures, archMap, flags, ...rest } = result.output;
  const parsed: Profile = {
    defaultAction,
    defaultErrnoRet: errnoNumber(defaultErrno, defaultErrnoRet, "defaultErrno"),
    architectures,
    archMap,
    ...(flags.length > 0 ? { flags } : {}),
    ...(rest.listenerPath ? { listenerPath: rest.listenerPath } : {}),
    ...(rest.listenerMetadata ? { listenerMetadata: rest.listenerMetadata } : {}),
    syscalls: rest.syscalls.map(readRule),
  };
  return applyProfile(parsed, capabilities, host);
}

function readRule(written: v.InferOutput<typeof rule>, index: number): ProfileRule {
  const { name, names, action, args, includes, excludes } = written;
  const field = `syscalls.${index}`;
  if (name && names.length > 0) throw unreadable(field, "it has both name and names");
  return {
    names: name ? [name] : names,
    action,
    errnoRet: errnoNumber(written.errno, written.errnoRet, `${field}.errno`),
    args: args?.map(({ index, value, valueTwo, op }) => ({ index, value, valueTwo: valueTwo ?? undefined, op })),
    includes: includes === null ? undefined : readCircumstances(includes),
    excludes: excludes === null ? undefined : readCircumstances(excludes),
  };
}

function readCircumstances(written: NonNullable<v.InferOutput<typeof circumstances>> | undefined) {
  if (written === undefined) return undefined;
  return { arches: written.arches, caps: written.caps, minKernel: written.minKernel ?? undefined };
}

function errnoNumber(name: string | null | undefined, number: number | null | undefined, field: string) {
  if (!name) return number ?? undefined;
  const value = Object.hasOwn(E, name) ? E[name as keyof typeof E] : undefined; // cast: hasOwn says that it is a key
  if (value === undefined) throw unreadable(field, `${name} is not the name of an error`);
  return value;
}

function unreadable(field: string, reason: string): TsboxError {
  return new TsboxError("invalid", `cannot read the seccomp profile: ${field}: ${reason}`, { context: { field } });
}
