/**
 * Puts the modules that start-up needs together into few files, before everything is bundled.
 *
 * With code splitting the bundler makes a chunk for each set of commands that share a module: 37 for `run`, each found, decoded and
 * linked apart, which took a millisecond. Here only a few groups of commands count, those whose start-up matters; their modules
 * become one file for each set of groups that has them. In the bundle that the executable is made of, such a module is a shim that
 * passes on what that file exports. So there is still one of each module, whoever imports it, and what nobody uses is dropped.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { BuildConfig, BunPlugin } from "bun";

/** Which modules are in a hot file, and where. */
class Hot {
  readonly #numbers = new Map<string, number>();
  readonly #files = new Map<string, string>();

  has(module: string): boolean {
    return this.#files.has(module);
  }

  put(module: string, file: string): void {
    this.#files.set(module, file);
  }

  /** All exports of all files share one scope, so each has the module's number in its name. */
  #exported(module: string, name: string): string {
    const number = this.#numbers.get(module) ?? this.#numbers.size;
    this.#numbers.set(module, number);
    return `hot${number}_${name}`;
  }

  /** The module's exports, under their names in a hot file: a line of that file's entry. */
  reveal(module: string): string {
    const names = exportsOf(module).map((name) => `${name} as ${this.#exported(module, name)}`);
    return `export { ${names.join(", ")} } from ${JSON.stringify(module)};\n`;
  }

  /** What stands for a module that is in a hot file, or undefined. */
  shim(module: string): string | undefined {
    const file = this.#files.get(module);
    if (file === undefined) return undefined;
    const names = exportsOf(module).map((name) => `${this.#exported(module, name)} as ${name}`);
    return [`export { ${names.join(", ")} } from ${JSON.stringify(file)};`, ...passedOnBy(module)].join("\n");
  }
}

const transpiler = new Bun.Transpiler({ loader: "ts" });

/** Names of what a module exports of its own; types are none. */
function exportsOf(module: string): string[] {
  const own = readFileSync(module, "utf8").replace(PASSED_ON, "");
  return transpiler.scan(own).exports;
}

/** `export ... from`, which the module's shim says, too: what nobody asks for is not drawn into a hot file. */
const PASSED_ON = /^export (\*|\{[^}]*\}) from "(\.[^"]+)";/gm;

function passedOnBy(module: string): string[] {
  return [...readFileSync(module, "utf8").matchAll(PASSED_ON)].map(
    ([, what, specifier = ""]) => `export ${what} from ${JSON.stringify(resolve(dirname(module), specifier))};`,
  );
}

/**
 * An import of a hot file with only those names that the text uses. The bundler keeps the others, and imports of nothing, for what loading
 * might do; it does nothing (package.json, "sideEffects"). They made exec load all that run needs.
 */
function importOfUsed(text: string, names: string | undefined, from: string): string {
  const used = (names ?? "").split(",").filter((name) => {
    const local = name.trim().split(/ as /).at(-1) ?? "";
    return local !== "" && text.split(new RegExp(`\\b${local}\\b`)).length > 2;
  });
  return used.length === 0 ? "" : `import {${used.join(",")}} from ${from};`;
}

function shims(hot: Hot): BunPlugin {
  return {
    name: "hot-shims",
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const contents = hot.shim(path);
        return contents === undefined ? undefined : { contents, loader: "ts" };
      });
    },
  };
}

/** While hot files are made: what is imported only when it is needed is no part of one, nor are packages and other hot files. */
function outside(): BunPlugin {
  return {
    name: "outside",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer, kind }) => {
        const file = path.startsWith(".") ? resolve(dirname(importer), path) : path;
        const later = kind === "dynamic-import" || kind === "require-call";
        const isOurs = file.startsWith("/") && !/\/hot-\d+\.js$/.test(file);
        return later || !isOurs ? { path: file, external: true } : undefined;
      });
    },
  };
}

/** Bytes of source below which a file of its own costs more, to find and link, than it costs others to load with theirs. */
const SMALL = 12_000;

/** Modules of sets that are small become part of the smallest set of groups that has all of theirs. */
function mergeSmallSets(members: Map<string, number[]>): void {
  for (;;) {
    const sizes = new Map<string, number>();
    for (const [module, groups] of members)
      sizes.set(String(groups), (sizes.get(String(groups)) ?? 0) + readFileSync(module).length);
    const numbers = (set: string) => set.split(",").map(Number);
    const covers = (larger: string, set: string) => {
      const has = numbers(larger);
      return larger !== set && numbers(set).every((group) => has.includes(group));
    };
    const small = [...sizes]
      .filter(([set, size]) => size < SMALL && [...sizes.keys()].some((other) => covers(other, set)))
      .sort((a, b) => a[1] - b[1])[0]?.[0];
    if (small === undefined) return;
    const target = [...sizes.keys()]
      .filter((other) => covers(other, small))
      .sort((a, b) => numbers(a).length - numbers(b).length || (sizes.get(b) ?? 0) - (sizes.get(a) ?? 0))[0];
    for (const [module, groups] of members) if (String(groups) === small) members.set(module, numbers(target ?? small));
  }
}

/**
 * @param entry where the executable begins; what it needs at once is a file of its own, for commands that need nothing else
 * @param groups each a list of modules (absolute paths) that are loaded together
 * @param folder for the files; it must stay until the executable is built, and see the project's node_modules
 * @param config what else the bundler is told
 * @returns for the bundle that the executable is made of: a plugin, to stand before those that load the same modules
 * @throws AggregateError with the bundler's messages
 */
export async function hotBundles(
  entry: string,
  groups: readonly (readonly string[])[],
  folder: string,
  config: Pick<BuildConfig, "target" | "define"> & { readonly plugins: readonly BunPlugin[] },
): Promise<BunPlugin> {
  const hot = new Hot();
  const bundle = async (entrypoints: readonly string[]) => {
    const plugins = [outside(), shims(hot), ...config.plugins];
    const result = await Bun.build({
      ...config,
      plugins,
      entrypoints: [...entrypoints],
      format: "esm",
      metafile: true,
    });
    if (!result.success) throw new AggregateError(result.logs, `cannot bundle ${entrypoints.join(", ")}`);
    const live = Object.values(result.metafile?.outputs ?? {}).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [resolve(path)] : [])),
    );
    const text = (await result.outputs[0]?.text()) ?? "";
    return {
      text: text
        // the bundler's word for require() of what it was told to leave alone, which it would leave alone for ever
        .replace(/\b__require\(/g, "require(")
        .replace(
          /^import (?:\{([^}]*)\} from )?("[^"]*\/hot-\d+\.js");$/gm,
          (_, names: string | undefined, from: string) => importOfUsed(text, names, from),
        ),
      // what a folder offers leads to most of it, and is in each file that needs some; so are tables of constants
      modules: new Set(live.filter((path) => !hot.has(path) && !/\/(index|abi\.gen)\.ts$/.test(path))),
    };
  };

  writeFileSync(join(folder, "revealing.ts"), "");
  // before the first bundle: the bundler remembers for the life of this process which files a folder has
  for (let index = 0; index <= 2 ** groups.length; index++) {
    writeFileSync(join(folder, `hot-${index}.js`), "");
  }

  /** Those modules with all that they export, and whatever that takes: the text of one file, and what is in it. */
  const whole = async (wanted: Iterable<string>) => {
    let own = new Set(wanted);
    const revealing = join(folder, "revealing.ts");
    for (;;) {
      writeFileSync(revealing, [...own].map((module) => hot.reveal(module)).join(""));
      const { text, modules } = await bundle([revealing]);
      modules.delete(revealing);
      if ([...modules].every((module) => own.has(module))) return { text, modules: own };
      own = new Set([...own, ...modules]);
    }
  };
  let files = 0;
  const makeFile = async (wanted: Iterable<string>) => {
    const { text, modules } = await whole(wanted);
    const file = join(folder, `hot-${files++}.js`);
    writeFileSync(file, text);
    for (const module of modules) hot.put(module, file);
  };

  const { modules: first } = await bundle([entry]);
  first.delete(resolve(entry));
  await makeFile(first);
  const members = new Map<string, number[]>();
  for (const [group, entries] of groups.entries()) {
    const { modules } = await whole((await bundle(entries)).modules);
    for (const module of modules) members.set(module, [...(members.get(module) ?? []), group]);
  }
  mergeSmallSets(members);
  // what most groups have comes first: the others import from it
  const sets = [...new Set([...members.values()].map(String))].sort((a, b) => b.length - a.length);
  for (const set of sets) {
    await makeFile(
      [...members].filter(([module, of]) => String(of) === set && !hot.has(module)).map(([module]) => module),
    );
  }
  return shims(hot);
}
