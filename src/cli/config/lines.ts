/**
 * Where things are in a TOML file. Bun's parser says neither where it stopped nor where a value was, so it is asked about the file's
 * beginnings: those that end between two statements are TOML themselves.
 */

type Path = readonly (string | number)[];

function parse(text: string): unknown {
  try {
    return Bun.TOML.parse(text);
  } catch {
    return undefined;
  }
}

/** What is at a path, undefined when there is nothing. */
function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inside, key) =>
      typeof inside === "object" && inside !== null && Object.hasOwn(inside, key)
        ? inside[key as keyof typeof inside] // cast: it has the key
        : undefined,
    value,
  );
}

/** The lines of a text with their ends, and how many of them from the first on are TOML. */
class Beginnings {
  readonly #lines: readonly string[];
  readonly count: number;

  constructor(text: string) {
    this.#lines = text.split("\n");
    this.count = this.#lines.length;
  }

  parse(lines: number, end = ""): unknown {
    return parse(`${this.#lines.slice(0, lines).join("\n")}\n${end}`);
  }

  /** The statement that has not ended after so many lines begins in the next line after this one. */
  before(lines: number): number {
    let n = lines;
    while (n > 0 && this.parse(n) === undefined) n--;
    return n;
  }
}

/** The line, counted from 1, in which a statement begins that is not TOML. */
export function lineOfError(text: string): number {
  const beginnings = new Beginnings(text);
  return Math.min(beginnings.before(beginnings.count) + 1, beginnings.count);
}

/**
 * The line, counted from 1, of a key, or of an element of a list if the path ends with a number.
 * @param text TOML without errors
 * @returns 1 when there is no such key
 */
export function lineOfKey(text: string, path: Path): number {
  const beginnings = new Beginnings(text);
  const index = path.at(-1);
  const isElement = typeof index === "number";
  const key = isElement ? path.slice(0, -1) : path;
  for (let end = 1; end <= beginnings.count; end++) {
    if (at(beginnings.parse(end), key) === undefined) continue;
    const start = beginnings.before(end - 1) + 1;
    if (isElement) {
      // a list that goes over several lines is one as soon as it is closed
      for (let line = start; line < end; line++) if (at(beginnings.parse(line, "]"), path) !== undefined) return line;
      return end === start ? start : end;
    }
    return start;
  }
  return 1;
}
