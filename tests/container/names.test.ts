/** Names of containers and pods: one has a name, and nobody takes it away. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { checkName, claimName, dropDeadName, dropName, isName, nameOwner } from "../../src/container/names.ts";
import { temporaryFolder } from "../support/tmp.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)];

test.each(["a", "Web_1.x-y", "0", "a".repeat(255)])("%p is a name", (name) => {
  expect(isName(name)).toBe(true);
  expect(() => checkName(name)).not.toThrow();
});

test.each(["", ".", "..", "-a", "_a", "a/b", "a b", "é", "a\n", "a".repeat(256)])("%p is none", (name) => {
  expect(isName(name)).toBe(false);
  expect(() => checkName(name)).toThrow("cannot use name");
});

test("containers and pods have names apart; who wants one that is taken is told whose it is", () => {
  using store = temporaryFolder();
  for (const folder of [`containers/${A}`, `pods/${B}`]) mkdirSync(store.join(folder), { recursive: true });
  claimName(store.path, "containers", "web", A);
  claimName(store.path, "pods", "web", B);
  expect([nameOwner(store.path, "containers", "web"), nameOwner(store.path, "pods", "web")]).toEqual([A, B]);
  expect(() => claimName(store.path, "containers", "web", B)).toThrow(
    `cannot use name "web": the container ${A.slice(0, 12)} has it; remove that one with: tsbox rm web`,
  );
  expect(() => claimName(store.path, "pods", "web", A)).toThrow(
    `cannot use name "web": the pod ${B.slice(0, 12)} has it; remove that one with: tsbox pod rm web`,
  );
});

test("a link is short enough for ext4 to keep it in itself", () => {
  using store = temporaryFolder();
  mkdirSync(store.join("containers"));
  claimName(store.path, "containers", "web", A);
  expect(readlinkSync(store.join("containers/names/web")).length).toBeLessThan(60);
});

test("a name is taken only from whom it is thought to be, and as dead only when that one is gone", () => {
  using store = temporaryFolder();
  mkdirSync(store.join("containers/names"), { recursive: true });
  mkdirSync(store.join(`containers/${A}`));
  for (const name of ["one", "two"]) claimName(store.path, "containers", name, A);
  symlinkSync(B, store.join("containers/names/dead"));
  dropName(store.path, "containers", "one", B);
  dropDeadName(store.path, "containers", "one", A);
  dropDeadName(store.path, "containers", "dead", A);
  expect(["one", "two", "dead"].map((name) => nameOwner(store.path, "containers", name))).toEqual([A, A, B]);
  dropName(store.path, "containers", "two", A);
  dropDeadName(store.path, "containers", "dead", B);
  expect(readdirSync(store.join("containers/names"))).toEqual(["one"]);
  // a store that has none yet
  expect(() => dropName(store.path, "pods", "one", A)).not.toThrow();
});

test.each(["containers", "pods"])("of %s that come and go one has the name at a time, and keeps it", async (kind) => {
  using store = temporaryFolder();
  mkdirSync(store.join(kind));
  const turns = Array.from({ length: 4 }, () =>
    Bun.spawn([process.execPath, join(import.meta.dir, "take-turns.ts"), kind, store.path, "250"], {
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  const outcomes = turns.map(async ({ stdout, stderr, exited }) => ({
    wrong: (await new Response(stdout).text()) + (await new Response(stderr).text()),
    status: await exited,
  }));
  expect(await Promise.all(outcomes)).toEqual(turns.map(() => ({ wrong: "", status: 0 })));
  expect([readdirSync(store.join(kind)), readdirSync(store.join(`${kind}/names`))]).toEqual([["names"], []]);
  expect(existsSync(store.join("held"))).toBe(false);
});
