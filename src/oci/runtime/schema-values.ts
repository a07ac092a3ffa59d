/** The small parts that schemas of config.json, state and features are made of. Only `parse.ts` and schemas load this. */
import * as v from "valibot";

export const text = v.string("must be a text");
export const texts = v.array(text, "must be a list");
export const flag = v.boolean("must be true or false");

const integer = v.pipe(v.number("must be a number"), v.integer("must be a whole number"));

/** A whole number from `low` to `high`. */
export function between(low: number, high: number) {
  return v.pipe(
    integer,
    v.minValue(low, `must be at least ${low}`),
    // 2 ** 64 and 2 ** 63 are what JSON.parse makes of the largest numbers of 64 bits
    v.maxValue(high, `must be at most ${high}`),
  );
}

export const int32 = between(-(2 ** 31), 2 ** 31 - 1);
export const int64 = between(-(2 ** 63), 2 ** 63);
export const uint8 = between(0, 2 ** 8 - 1);
export const uint16 = between(0, 2 ** 16 - 1);
export const uint32 = between(0, 2 ** 32 - 1);
export const uint64 = between(0, 2 ** 64);

/** A number of 64 bits that must not be rounded: `exact-json.ts` delivers a bigint where a double would. */
export const exactUint64 = v.custom<number | bigint>(
  (value) =>
    typeof value === "bigint"
      ? value >= 0n && value < 2n ** 64n
      : typeof value === "number" && Number.isSafeInteger(value) && value >= 0,
  "must be a whole number of 64 bits",
);

/** "must be an absolute path": the namespaces and mounts of the container are no working folder. */
export const absolutePath = v.pipe(text, v.startsWith("/", "must be an absolute path"));

export function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `must be one of ${values.join(", ")}`);
}

export function list<const T extends v.GenericSchema>(item: T) {
  return v.array(item, "must be a list");
}

/** valibot takes a list for an object. */
const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Unknown fields stay and are no error (config.md, "Extensibility"). */
export function object<const T extends v.ObjectEntries>(entries: T) {
  const schema = v.looseObject(entries);
  return v.pipe(v.custom<v.InferInput<typeof schema>>(isObject, "must be an object"), schema);
}

/** What valibot leaves out of a record without a word. */
const LEFT_OUT = ["__proto__", "prototype", "constructor"];

/** Any names; a value for each. */
export function map<const T extends v.GenericSchema>(value: T) {
  return namedMap(text, value);
}

/** Names of a certain form; a value for each. */
export function namedMap<const K extends v.GenericSchema<string, string>, const T extends v.GenericSchema>(
  name: K,
  value: T,
) {
  const schema = v.record(name, value);
  return v.pipe(
    v.custom<v.InferInput<typeof schema>>(isObject, "must be an object"),
    v.check(
      (input) => !LEFT_OUT.some((key) => Object.hasOwn(input, key)),
      `must not have one of the names ${LEFT_OUT.join(", ")}`,
    ),
    schema,
  );
}

export const textMap = map(text);

/** config.md, "Specification version": SemVer 2.0.0. */
export const ociVersion = v.pipe(
  text,
  v.regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/, "must be a version such as 1.3.0"),
);

/** The first item whose key was there before. */
export function firstRepeated<T>(items: readonly T[], key: (item: T) => string): string | undefined {
  const seen = new Set<string>();
  for (const item of items) {
    const name = key(item);
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}
