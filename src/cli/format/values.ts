/**
 * What templates are about: values as JSON has them. An object is one of two things, as with Go. What {@link mapOf} makes is a map: its
 * keys are somebody's, and one that it has not is nothing. Any other is a structure: its fields are known, and asking for one that it
 * has not is a mistake that should be said. A function is a method, `{{.Label "a"}}`.
 */

/** A map of somebody's keys: labels, ports, networks. It becomes JSON as any object does. */
export function mapOf<T>(entries: Readonly<Record<string, T>> | Iterable<readonly [string, T]>): Record<string, T> {
  const map: Record<string, T> = Object.create(null);
  const pairs = Symbol.iterator in entries ? (entries as Iterable<readonly [string, T]>) : Object.entries(entries); // cast: it is iterable
  for (const [key, value] of pairs) map[key] = value;
  return map;
}

export type ObjectValue = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is ObjectValue {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isMap(value: unknown): value is ObjectValue {
  return isObject(value) && Object.getPrototypeOf(value) === null;
}

/** By key: Go goes through maps and prints them so. */
export function sortedEntries(map: ObjectValue): [key: string, value: unknown][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Whether `if` takes a value for true: what is not empty. A structure always is. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return isObject(value) || (value !== false && value !== 0 && value !== "");
}

/** The kind of a value in messages. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isMap(value)) return "a map";
  if (isObject(value)) return "a structure";
  return { string: "a text", number: "a number", boolean: "true or false" }[typeof value as string] ?? "a function";
}

/** A value as `{{.}}` shows it: Go's `%v`. */
export function valueText(value: unknown): string {
  return value === undefined || value === null ? "<no value>" : nested(value);
}

function nested(value: unknown): string {
  if (value === undefined || value === null) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(nested).join(" ")}]`;
  if (isMap(value))
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${nested(item)}`)
      .join(" ")}]`;
  if (isObject(value)) return `{${Object.values(value).filter(isData).map(nested).join(" ")}}`;
  return String(value);
}

function isData(value: unknown): boolean {
  return typeof value !== "function";
}

/** A value as JSON, with the keys of maps in order. */
export function jsonText(value: unknown, indent = 0): string {
  const ordered = (_: string, item: unknown) => (isMap(item) ? Object.fromEntries(sortedEntries(item)) : item);
  return JSON.stringify(value ?? null, ordered, indent);
}
