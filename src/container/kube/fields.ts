/**
 * Reading one object of a YAML document. Whatever is there and was not asked for is an error that names its path: nothing that a person
 * has written is dropped in silence. What says nothing (null, {}, []) may stand anywhere.
 */
import { TsboxError } from "../../error.ts";

type Unknown = Readonly<Record<string, unknown>>;

export class Fields {
  readonly path: string;
  /** The kind and name of the document, for messages. */
  readonly of: string;
  readonly #value: Unknown;
  readonly #asked = new Set<string>();

  /** @throws TsboxError `invalid` unless it is an object */
  constructor(value: unknown, path: string, of: string) {
    this.path = path;
    this.of = of;
    if (!isObject(value)) throw this.fail(undefined, `expected an object, found ${nameOf(value)}`);
    this.#value = value;
  }

  /** An error about a field, or about the whole. */
  fail(key: string | undefined, reason: string, code: "invalid" | "unsupported" | "not-found" = "invalid"): TsboxError {
    return new TsboxError(code, `cannot play ${this.of}: ${this.pathOf(key)}: ${reason}`);
  }

  pathOf(key: string | undefined): string {
    if (key === undefined) return this.path === "" ? "the document" : this.path;
    const part = /^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
    return `${this.path}${part}`.replace(/^\./, "");
  }

  has(key: string): boolean {
    return !saysNothing(this.#value[key]);
  }

  #take(key: string): unknown {
    this.#asked.add(key);
    const value = Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
    return value === null ? undefined : value;
  }

  text(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.fail(key, `expected text, found ${nameOf(value)}; put it in quotes`);
  }

  requiredText(key: string): string {
    const value = this.text(key);
    if (value === undefined || value === "") throw this.fail(key, "it is missing");
    return value;
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    const value = this.text(key);
    const found = allowed.find((candidate) => candidate === value);
    if (value === undefined || found !== undefined) return found;
    throw this.fail(key, `${JSON.stringify(value)} is not one of ${allowed.map((word) => word || '""').join(", ")}`);
  }

  /** A whole number from 0 on. */
  number(key: string): number | undefined {
    const value = this.#take(key);
    if (value === undefined || (typeof value === "number" && Number.isInteger(value) && value >= 0)) return value;
    throw this.fail(key, `expected a whole number, found ${nameOf(value)}`);
  }

  flag(key: string): boolean | undefined {
    const value = this.#take(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.fail(key, `expected true or false, found ${nameOf(value)}`);
  }

  /** Text or a number, as text: quantities and ports. */
  scalar(key: string): string | undefined {
    const value = this.#take(key);
    if (value === undefined) return undefined;
    if (typeof value === "string" || typeof value === "number") return String(value);
    throw this.fail(key, `expected text or a number, found ${nameOf(value)}`);
  }

  texts(key: string): readonly string[] | undefined {
    return this.#list(key)?.map((value, i) => {
      if (typeof value === "string") return value;
      throw this.fail(key, `entry ${i}: expected text, found ${nameOf(value)}; put it in quotes`);
    });
  }

  numbers(key: string): readonly number[] {
    return (this.#list(key) ?? []).map((value, i) => {
      if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
      throw this.fail(key, `entry ${i}: expected a whole number, found ${nameOf(value)}`);
    });
  }

  #list(key: string): readonly unknown[] | undefined {
    const value = this.#take(key);
    if (value === undefined || Array.isArray(value)) return value;
    throw this.fail(key, `expected a list, found ${nameOf(value)}`);
  }

  object(key: string): Fields | undefined {
    const value = this.#take(key);
    return value === undefined ? undefined : new Fields(value, this.pathOf(key), this.of);
  }

  objects(key: string): readonly Fields[] {
    return (this.#list(key) ?? []).map((value, i) => new Fields(value, `${this.pathOf(key)}[${i}]`, this.of));
  }

  /** An object of texts. */
  map(key: string): Readonly<Record<string, string>> {
    const fields = this.object(key);
    if (fields === undefined) return {};
    return Object.fromEntries(Object.keys(fields.#value).map((name) => [name, fields.text(name) ?? ""]));
  }

  /** Fields that may have these values, and then change nothing. */
  accept(values: Readonly<Record<string, readonly unknown[]>>): void {
    for (const [key, allowed] of Object.entries(values)) {
      const value = this.#take(key);
      if (value !== undefined && !allowed.includes(value)) throw this.fail(key, "not built yet", "unsupported");
    }
  }

  /** Fields in which a cluster notes what it did. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#asked.add(key);
  }

  /** @throws TsboxError `unsupported` for the first field that nobody has asked for */
  end(): void {
    for (const [key, value] of Object.entries(this.#value))
      if (!this.#asked.has(key) && !saysNothing(value)) throw this.fail(key, "not built yet", "unsupported");
  }
}

function isObject(value: unknown): value is Unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `the ${typeof value} ${String(value)}`;
}
