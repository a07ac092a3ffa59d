/** `--filter`, of all listings. Loaded when it is given. */
import { TsboxError } from "../../error.ts";

/**
 * What a filter lets through. It is given the value first, so that it looks up or refuses it once.
 * @throws TsboxError `usage` for a value that it cannot use
 */
export type Filter<T> = (value: string) => (item: T) => boolean;

/** By key. */
export type Filters<T> = Readonly<Record<string, Filter<T>>>;

/** Several of these narrow the listing down; of any other key, one value that fits is enough. */
const ALL_OF: readonly string[] = ["label", "label!"];

/**
 * @param given `key=value` as on the command line, in any order; `label!=value` has the key `label!`
 * @returns whether a thing is to be listed
 * @throws TsboxError `usage` naming the keys that there are
 */
export function chooseBy<T>(given: readonly string[], filters: Filters<T>): (item: T) => boolean {
  const groups = new Map<string, ((item: T) => boolean)[]>();
  for (const text of given) {
    const equals = text.indexOf("=");
    const key = (equals < 0 ? text : text.slice(0, equals)).trim();
    const filter = Object.hasOwn(filters, key) ? filters[key] : undefined;
    if (filter === undefined) {
      const keys = Object.keys(filters).filter((name) => !name.endsWith("!"));
      throw new TsboxError(
        "usage",
        `cannot use --filter ${text}: there is no filter ${JSON.stringify(key)}; there are ${keys.sort().join(", ")}`,
      );
    }
    if (equals < 0) throw new TsboxError("usage", `cannot use --filter ${text}: expected ${key}=VALUE`);
    groups.set(key, [...(groups.get(key) ?? []), filter(text.slice(equals + 1))]);
  }
  const tests = [...groups].map(([key, each]) =>
    ALL_OF.includes(key) ? (item: T) => each.every((test) => test(item)) : (item: T) => each.some((test) => test(item)),
  );
  return (item) => tests.every((test) => test(item));
}

/** `label=NAME` and `label=NAME=VALUE`, and what they leave out with `label!=`. */
export function labelFilters<T>(labelsOf: (item: T) => Readonly<Record<string, string>>): Filters<T> {
  const label: Filter<T> = (value) => {
    const equals = value.indexOf("=");
    const name = equals < 0 ? value : value.slice(0, equals);
    return (item) => {
      const labels = labelsOf(item);
      return Object.hasOwn(labels, name) && (equals < 0 || labels[name] === value.slice(equals + 1));
    };
  };
  return {
    label,
    "label!": (value) => {
      const has = label(value);
      return (item) => !has(item);
    },
  };
}

/**
 * A filter of one of few words.
 * @param key for the message
 * @throws TsboxError `usage` naming them
 */
export function wordFilter<T>(key: string, words: readonly string[], wordOf: (item: T) => string): Filter<T> {
  return (value) => {
    if (!words.includes(value))
      throw new TsboxError("usage", `cannot use --filter ${key}=${value}: ${key} is one of ${words.join(", ")}`);
    return (item) => wordOf(item) === value;
  };
}

/** A filter of names: a regular expression somewhere in it, as with Docker. @throws TsboxError `usage` */
export function nameFilter<T>(key: string, namesOf: (item: T) => readonly string[]): Filter<T> {
  return (value) => {
    let pattern: RegExp;
    try {
      pattern = new RegExp(value);
    } catch (cause) {
      throw new TsboxError("usage", `cannot use --filter ${key}=${value}: it is no regular expression`, { cause });
    }
    return (item) => namesOf(item).some((name) => pattern.test(name));
  };
}

/** A filter that is `true` or `false`. @throws TsboxError `usage` */
export function switchFilter<T>(key: string, isSo: (item: T) => boolean): Filter<T> {
  return (value) => {
    const wanted = /^(true|1|t)$/i.test(value);
    if (!wanted && !/^(false|0|f)$/i.test(value))
      throw new TsboxError("usage", `cannot use --filter ${key}=${value}: it is true or false`);
    return (item) => isSo(item) === wanted;
  };
}
