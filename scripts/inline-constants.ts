/**
 * A plugin of the bundler that puts the values of generated constants in the place of their names.
 *
 * Bun's bundler does not do so across modules (1.4.5): each constant is a variable of the chunk that has `abi.gen.ts`, exported
 * from it and imported by others, and each of those steps is taken anew at every start. Here the names are dropped from the
 * import statements, so that they are unbound, and the bundler's `define` replaces what is unbound: a local variable of the same
 * name stays what it is. Tables (`SYS`, `E`) are treated so in files that use nothing but their members.
 */
import type { BunPlugin } from "bun";
import * as abi from "../src/linux/abi.gen.ts";
import * as format from "../src/plan/format.gen.ts";

/** Modules that export the constants, or export them again. */
const SOURCES = /\/(abi\.gen|errno|format\.gen|index)\.ts$/;
const TABLES = ["SYS", "E"] as const;

/** Of the target's architecture: which this process's modules cannot say, so they are loaded once more with another `process.arch`. */
async function constantsOf(arch: "x64" | "arm64"): Promise<Record<string, string>> {
  const own = process.arch;
  if (arch === own) return flat(abi, format);
  Object.defineProperty(process, "arch", { value: arch });
  try {
    // the query makes it another module; the type checker knows no such file
    const other: string = `../src/linux/abi.gen.ts?${arch}`;
    return flat(await import(other), format);
  } finally {
    Object.defineProperty(process, "arch", { value: own });
  }
}

function flat(...modules: readonly Record<string, unknown>[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      if (typeof value === "number") found[name] = String(value);
      else if (TABLES.some((table) => table === name))
        for (const [key, member] of Object.entries(value as Record<string, number>))
          found[`${name}.${key}`] = String(member); // cast: tables of numbers
    }
  }
  return found;
}

/** The plugin, and the `define` that goes with it. */
export async function inlineConstants(
  arch: "x64" | "arm64",
): Promise<{ plugin: BunPlugin; define: Record<string, string> }> {
  const define = await constantsOf(arch);
  const plugin: BunPlugin = {
    name: "inline-constants",
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => ({
        contents: withoutConstants(await Bun.file(path).text(), define),
        loader: "ts",
      }));
    },
  };
  return { plugin, define };
}

/** The text of a module that no longer imports what `define` replaces. */
export function withoutConstants(text: string, define: Readonly<Record<string, string>>): string {
  return text.replace(/^import \{([^}]*)\} from "([^"]+)";/gm, (statement, names: string, specifier: string) => {
    if (!SOURCES.test(specifier)) return statement;
    const kept = names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && !(name in define) && !isOnlyMembers(name, text));
    return kept.length === 0 ? "" : `import { ${kept.join(", ")} } from "${specifier}";`;
  });
}

/** Whether a table is named only to name one of its members, outside of import statements. */
function isOnlyMembers(name: string, text: string): boolean {
  if (!TABLES.some((table) => table === name)) return false;
  const body = text.replace(/^(import|export) \{[^}]*\} from "[^"]+";/gm, "");
  return !new RegExp(`(?<![\\w.])${name}\\b(?!\\.[a-zA-Z])`).test(body);
}
