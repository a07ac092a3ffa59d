/** The count that CI believes. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { ROOT } from "../../scripts/build-native.ts";
import { tally } from "../../scripts/junit.ts";
import { temporaryFolder } from "../support/tmp.ts";

/** A report that bun itself writes, about these files. */
function report(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): string {
  using folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(
      folder.join(name),
      `import { test } from "bun:test";\nimport { requires } from "${ROOT}/tests/support/skip.ts";\n${text}`,
    );
  }
  const outfile = folder.join("junit.xml");
  const paths = Object.keys(files).map((name) => `./${name}`);
  const command = [process.execPath, "test", "--reporter=junit", `--reporter-outfile=${outfile}`, ...paths];
  Bun.spawnSync(command, { cwd: folder.path, env: { PATH: process.env.PATH, ...env } });
  return readFileSync(outfile, "utf8");
}

const NEEDS = (inCI: boolean) =>
  `requires({ what: "a <moon>", inCI: ${inCI}, met: () => false })("lands", () => { throw new Error("ran"); });`;

test("passed, failed and skipped tests are counted, wherever they stand", () => {
  const text = 'test("a", () => {}); describe("d", () => { test("b", () => { throw 1; }); test("c", () => {}); });';
  const xml = report({ "a.test.ts": `import { describe } from "bun:test";\n${text}\n${NEEDS(false)}` });
  const { passed, failed, skipped, notes } = tally(xml, ["a.test.ts"], true);
  expect({ passed, failed, skipped }).toEqual({ passed: 2, failed: 1, skipped: 1 });
  expect(notes).toContain("skipped: a.test.ts: lands [skipped: needs a <moon>]");
});

test("a skip without a reason fails where counting is strict", () => {
  const xml = report({ "a.test.ts": 'test.skip("a", () => {}); test.todo("b");' });
  expect(tally(xml, ["a.test.ts"], true).failed).toBe(2);
  expect(tally(xml, ["a.test.ts"], false).failed).toBe(0);
});

test("in CI, a test fails rather than be skipped for what CI is meant to have", () => {
  const inCI = tally(report({ "a.test.ts": NEEDS(true) }, { CI: "true" }), ["a.test.ts"], true);
  expect(inCI).toMatchObject({ failed: 1, skipped: 0 });
  const elsewhere = tally(report({ "a.test.ts": NEEDS(true) }), ["a.test.ts"], false);
  expect(elsewhere).toMatchObject({ failed: 0, skipped: 1 });
});

test("a file that cannot be loaded counts as a failure", () => {
  const xml = report({ "a.test.ts": 'test("a", () => {});', "b.test.ts": 'throw new Error("at the top");' });
  expect(tally(xml, ["a.test.ts", "b.test.ts"], false)).toMatchObject({ passed: 1, failed: 1 });
});
