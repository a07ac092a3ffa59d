/** The keys of config.toml, made from the flags of `run`, and what is said of them in tsbox.toml(5). */
import * as v from "valibot";
import type { FlagDefinition } from "../args.ts";
import { RUN } from "../run-flags.ts";

/** Flags that are about one container, or are another command in truth. */
export const NO_DEFAULT: readonly string[] = ["name", "cidfile", "rootfs", "replace", "explain", "help"];

/** Numbers need no quotes: `pids-limit = 100`. */
const word = v.pipe(
  v.union([v.string(), v.number()], "expected text or a number"),
  v.transform((value) => [String(value)]),
);
const text = v.string("expected text");
/** A list of one may be written without brackets. */
const words = v.lazy((input) =>
  typeof input === "string"
    ? v.pipe(
        text,
        v.transform((value) => [value]),
      )
    : v.array(text, "expected a list of texts"),
);
const switchOf = v.pipe(
  v.boolean("expected true or false"),
  v.transform((value) => [String(value)]),
);

function formOf({ type, repeated }: FlagDefinition) {
  if (type === "boolean") return switchOf;
  return repeated ? words : word;
}

const run = v.strictObject(
  Object.fromEntries(
    Object.entries(RUN.flags)
      .filter(([name]) => !NO_DEFAULT.includes(name))
      .map(([name, flag]) => [name, v.optional(formOf(flag))]),
  ),
);

const host = v.pipe(
  text,
  v.regex(/^[a-zA-Z0-9.-]+(:\d+)?$|^\[[0-9a-fA-F:]+\](:\d+)?$/, "expected a host, with its port if it has one"),
);

/** The host of a mirror, and a path that its repositories are below. */
const mirror = v.pipe(text, v.regex(/^[a-zA-Z0-9.[\]:-]+(\/[a-z0-9._/-]+)?$/, "expected HOST[:PORT][/PATH]"));

export const CONFIG = v.strictObject({
  run: v.optional(run),
  storage: v.optional(
    v.strictObject({
      root: v.optional(v.pipe(text, v.regex(/^(\/|~\/)/, "expected a path that begins with / or ~/"))),
      driver: v.optional(text),
    }),
  ),
  network: v.optional(
    v.strictObject({ default: v.optional(text), subnets: v.optional(v.array(text, "expected a list of subnets")) }),
  ),
  registries: v.optional(
    v.strictObject({
      insecure: v.optional(v.array(host, "expected a list of hosts")),
      mirrors: v.optional(v.record(host, v.array(mirror, "expected a list of hosts"), "expected a table of lists")),
    }),
  ),
  log: v.optional(
    v.strictObject({
      driver: v.optional(text),
      "max-size": v.optional(word),
      "max-file": v.optional(word),
    }),
  ),
});

export type ConfigFile = v.InferOutput<typeof CONFIG>;

/** The keys that a section may have; the sections, without a name. */
export function keysOf(section: string | undefined): readonly string[] {
  if (section === undefined) return Object.keys(CONFIG.entries);
  const found = Object.entries(CONFIG.entries).find(([name]) => name === section)?.[1];
  return found === undefined ? [] : Object.keys(found.wrapped.entries);
}
