/** `scripts/inline-constants.ts`: what it drops from import statements, and the values that go in their place. */
import { expect, test } from "bun:test";
import { inlineConstants, withoutConstants } from "../scripts/inline-constants.ts";

test("constants are dropped from imports, the rest is kept", () => {
  const text = [
    'import { type Thing, O_PATH, SYS } from "../linux/abi.gen.ts";',
    'import { check, E } from "../linux/errno.ts";',
    'import { O_PATH as elsewhere } from "../other.ts";',
    'import {\n  O_RDONLY,\n} from "./abi.gen.ts";',
    "syscall(SYS.openat, O_PATH); check(E.ENOENT);",
  ].join("\n");
  const define = { O_PATH: "1", O_RDONLY: "0", "SYS.openat": "2", "E.ENOENT": "2" };
  expect(
    withoutConstants(text, define)
      .split("\n")
      .filter((line) => line !== ""),
  ).toEqual([
    'import { type Thing } from "../linux/abi.gen.ts";',
    'import { check } from "../linux/errno.ts";',
    'import { O_PATH as elsewhere } from "../other.ts";',
    "syscall(SYS.openat, O_PATH); check(E.ENOENT);",
  ]);
});

test("a table that is used as a whole stays imported", () => {
  const text = 'import { E } from "./abi.gen.ts";\nObject.entries(E); E.EIO;';
  expect(withoutConstants(text, { "E.EIO": "5" })).toContain('import { E } from "./abi.gen.ts";');
});

test("values are those of the target's architecture, whichever machine builds", async () => {
  const x64 = (await inlineConstants("x64")).define;
  const arm64 = (await inlineConstants("arm64")).define;
  expect([x64["SYS.openat"], x64.O_DIRECTORY, x64["E.ENOENT"]]).toEqual(["257", "65536", "2"]);
  expect([arm64["SYS.openat"], arm64.O_DIRECTORY, arm64["E.ENOENT"]]).toEqual(["56", "16384", "2"]);
});
