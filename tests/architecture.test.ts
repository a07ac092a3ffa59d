/** The import rules of `src/README.md`: which folder may use which, and only through its `index.ts`. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ROOT } from "../scripts/build-native.ts";

/** From top to bottom; a folder imports only from rows below its own. */
const ROWS: readonly (readonly string[])[] = [
  ["main.ts", "cli"],
  ["container"],
  ["build"],
  ["runtime"],
  ["image"],
  ["registry"],
  ["store"],
  ["rootfs"],
  ["network"],
  ["host"],
  ["plan"],
  ["idmap"],
  ["oci"],
  ["linux"],
  ["error.ts"],
];

/** Folders that must not know each other although one stands above the other. */
const STRANGERS: readonly (readonly [from: string, to: string])[] = [
  ["runtime", "image"],
  ["runtime", "registry"],
  ["runtime", "store"],
];

const SRC = join(ROOT, "src");
const sources = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SRC })].sort();
const rowOf = (name: string) => ROWS.findIndex((row) => row.includes(name));
const topOf = (file: string) => file.split("/")[0] ?? "";

type Import = { readonly file: string; readonly specifier: string };

/** Everything a file names after `from`, `import`, `import(` or `require(`: types and re-exports too, which the compiled code forgets. */
export function importsOf(file: string, text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
  // a specifier has no blank in it, as texts between other words and quotes have
  const patterns = [
    /^(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
    /\bimport\s*["']([^"'\s]+)["']/g,
    /\bimport\s*\(\s*["']([^"'\s]+)["']/g,
    /\brequire\s*\(\s*["']([^"'\s]+)["']/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, specifier = ""]) => ({ file, specifier })));
}

const imports = sources.flatMap((file) => importsOf(file, readFileSync(join(SRC, file), "utf8")));

const local = imports
  .filter(({ specifier }) => specifier.startsWith("."))
  .map(({ file, specifier }) => ({ file, target: relative(SRC, join(SRC, dirname(file), specifier)) }));

const describe = ({ file, target }: { file: string; target: string }) => `${file} imports ${target}`;

test("every file and folder of src has a row", () => {
  const names = readdirSync(SRC).filter((name) => name !== "README.md");
  expect(names.filter((name) => rowOf(name) === -1)).toEqual([]);
});

test("imports stay inside src", () => {
  const outside = local.filter(({ target }) => target.startsWith(".."));
  expect(outside.map(describe).filter((text) => !text.endsWith("imports ../package.json"))).toEqual([]);
});

test("a folder imports only from rows below it", () => {
  const upward = local.filter(({ file, target }) => {
    const [from, to] = [topOf(file), topOf(target)];
    // main.ts and cli share a row because they are one thing.
    const together = from === to || (from === "main.ts" && to === "cli");
    return !together && !target.startsWith("..") && rowOf(to) <= rowOf(from);
  });
  expect(upward.map(describe)).toEqual([]);
});

test("runtime knows nothing of images, registries or the store", () => {
  const knowing = local.filter(({ file, target }) =>
    STRANGERS.some(([from, to]) => topOf(file) === from && topOf(target) === to),
  );
  expect(knowing.map(describe)).toEqual([]);
});

test("another folder is imported only by its index.ts", () => {
  const inner = local.filter(({ file, target }) => {
    const to = topOf(target);
    const isFolder = !to.endsWith(".ts") && !target.startsWith("..");
    // `linux` is a shelf of man page sections, and `container` one of what commands do, each of which is an export: start-up pays for
    // what it loads.
    // a folder within a folder may have an index of its own, loaded apart; main.ts and cli are one row
    const isIndex = target === `${to}/index.ts` || /^[^/]+\/[^/]+\/index\.ts$/.test(target);
    const isRouter = file === "main.ts" && to === "cli";
    return isFolder && to !== topOf(file) && !["linux", "container"].includes(to) && !isIndex && !isRouter;
  });
  expect(inner.map(describe)).toEqual([]);
});

test("bun:ffi is imported in one file", () => {
  const files = imports.filter(({ specifier }) => specifier === "bun:ffi").map(({ file }) => file);
  expect([...new Set(files)]).toEqual(["linux/syscall.ts"]);
});

test("every package that src imports is a dependency", () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const packages = imports
    .map(({ specifier }) => specifier)
    .filter((specifier) => !specifier.startsWith(".") && !/^(node:|bun:|bun$)/.test(specifier))
    .map((specifier) =>
      specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/"),
    );
  expect([...new Set(packages)].filter((name) => !(name in dependencies))).toEqual([]);
});

test("only main.ts ends the process", () => {
  const ending = sources.filter(
    (file) => file !== "main.ts" && /\bprocess\s*\.\s*exit\s*\(/.test(readFileSync(join(SRC, file), "utf8")),
  );
  expect(ending).toEqual([]);
});

test("the import scanner sees types, re-exports, side effects and lazy imports, but no comments", () => {
  const text = [
    'import type { A } from "./a.ts";',
    'import {\n  b,\n} from "./b.ts";',
    'export * from "./c.ts";',
    'import "./d.ts";',
    'const e = await import("./e.ts");',
    'type F = import("./f.ts").F;',
    'const g = require("./g.ts");',
    '// import "./no.ts";',
    '/* from "./no.ts" */',
  ].join("\n");
  const found = importsOf("x.ts", text).map(({ specifier }) => specifier);
  expect(found.sort()).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts", "./g.ts"]);
});
