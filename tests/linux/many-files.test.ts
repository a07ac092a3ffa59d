/** Many small files in a few crossings, compared with reading them one by one. */
import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { AT_FDCWD, LOCK_EX, LOCK_NB, SYS } from "../../src/linux/abi.gen.ts";
import { lookInto, padPaths } from "../../src/linux/many-files.ts";
import { syscall } from "../../src/linux/syscall.ts";
import { temporaryFolder } from "../support/tmp.ts";

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const names = Array.from({ length: 150 }, (_, i) => `folder-${String(i).padStart(3, "0")}`);
for (const [i, name] of names.entries()) {
  mkdirSync(folder.join(name));
  if (i % 3 !== 0) writeFileSync(folder.join(name, "text"), "é".repeat(i));
  writeFileSync(folder.join(name, "lock"), "");
}

test("texts are whole, in their places, and missing where there are none", () => {
  const paths = names.map((name) => folder.join(name));
  const seen = lookInto(AT_FDCWD, paths, [
    { name: "nothing", most: 8 },
    { name: "text", most: 201 },
  ]);
  for (const [i] of names.entries()) {
    expect(seen.text(i, 0)).toBeUndefined();
    const whole = 2 * i < 201;
    expect(seen.isWhole(i, 1)).toBe(i % 3 === 0 || whole);
    if (i % 3 === 0) expect(seen.text(i, 1)).toBeUndefined();
    else if (whole) expect(seen.text(i, 1)).toBe("é".repeat(i));
    else expect(Buffer.byteLength(seen.text(i, 1)?.replace("\ufffd", "") ?? "")).toBe(200);
  }
});

test("locks of others are seen, and none is left behind", () => {
  const held = [3, 77].map((i) => openSync(folder.join(names[i] ?? "", "lock"), "r+"));
  for (const fd of held) expect(syscall(SYS.flock, fd, LOCK_EX | LOCK_NB)).toBe(0);
  const directory = openSync(folder.path, "r");
  const locked = () => {
    const seen = lookInto(directory, names, [{ name: "lock", most: 0 }]);
    return names.flatMap((_, i) => (seen.isLocked(i, 0) ? [i] : []));
  };
  expect(locked()).toEqual([3, 77]);
  for (const fd of held) closeSync(fd);
  expect(locked()).toEqual([]);
  closeSync(directory);
});

test("no folders are no calls", () => expect(() => lookInto(AT_FDCWD, [], [{ name: "x", most: 4 }])).not.toThrow());

test("paths of different lengths are made alike", () => {
  const paths = ["/proc/self", "/proc", "/proc/sys/kernel"];
  const padded = padPaths(paths);
  expect(new Set(padded.map((path) => path.length)).size).toBe(1);
  const seen = lookInto(AT_FDCWD, padded, [{ name: "comm", most: 64 }]);
  expect([seen.text(0, 0) === undefined, seen.text(1, 0), seen.text(2, 0)]).toEqual([false, undefined, undefined]);
});
