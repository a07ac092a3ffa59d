/** `scripts/hot-bundles.ts`: modules of a few groups come together in files, and there is still one of each. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hotBundles } from "../scripts/hot-bundles.ts";

const SOURCES = {
  "counter.ts": "let count = 0;\nexport function next(): number { return ++count; }\nexport const unused = 1;\n",
  "index.ts": 'export * from "./counter.ts";\nexport function own(): string { return "own"; }\n',
  "one.ts":
    'import { next } from "./index.ts";\nexport async function one() { return [next(), (await import("./late.ts")).late(), require("./later.ts").later()]; }\n',
  "two.ts": 'import { next, own } from "./index.ts";\nexport function two() { return [next(), own()]; }\n',
  "late.ts": 'import { next } from "./counter.ts";\nexport function late() { return next(); }\n',
  "later.ts": 'import { next } from "./counter.ts";\nexport function later() { return next(); }\n',
  "main.ts":
    'const { one } = await import("./one.ts");\nconst { two } = await import("./two.ts");\nconsole.log(JSON.stringify([await one(), two()]));\n',
};

test("modules are bundled once each, whether they are loaded at once, later or by several groups", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsbox-hot-"));
  try {
    const src = join(folder, "src");
    mkdirSync(src);
    writeFileSync(join(folder, "package.json"), '{"sideEffects": false}');
    for (const [name, text] of Object.entries(SOURCES)) writeFileSync(join(src, name), text);
    const main = join(src, "main.ts");
    const plugin = await hotBundles(main, [[join(src, "one.ts")], [join(src, "two.ts")]], folder, {
      target: "bun",
      plugins: [],
    });
    const outdir = join(folder, "out");
    const options = { splitting: true, minify: true, plugins: [plugin] };
    const built = await Bun.build({ ...options, target: "bun", entrypoints: [main], outdir });
    const texts = await Promise.all(built.outputs.map((output) => output.text()));
    expect(texts.filter((text) => text.includes("++"))).toHaveLength(1);
    expect(texts.join("")).not.toContain(src);
    rmSync(src, { recursive: true });
    const { stdout, stderr } = Bun.spawnSync([process.execPath, join(outdir, "main.js")], { cwd: "/" });
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual([
      [1, 2, 3],
      [4, "own"],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
