/**
 * A tree of the project that another user can read. A clone under /root, or made under umask 077, is closed to everybody
 * else; then the tests run from a copy of it, with `../shared` beside it where there is one.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ROOT } from "./build-native.ts";
import { asUser, type TestUser } from "./test-user.ts";

export type ReadableTree = Disposable & { readonly path: string };

/** @returns the tree itself if `user` can read all of it, else a copy that goes away when disposed of */
export function readableTree(user: TestUser): ReadableTree {
  const skipGit = ["-path", join(ROOT, ".git"), "-prune", "-o"];
  const closed = ["(", "!", "-readable", "-o", "-type", "d", "!", "-executable", ")", "-print", "-quit"];
  const find = Bun.spawnSync(asUser(user, ["find", ROOT, ...skipGit, ...closed], {}));
  if (find.success && find.stdout.length === 0) return { path: ROOT, [Symbol.dispose]() {} };

  const folder = mkdtempSync("/var/tmp/tsbox-tree-");
  const path = join(folder, basename(ROOT));
  cpSync(ROOT, path, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => source !== join(ROOT, ".git") && source !== join(ROOT, "dist/cache"),
  });
  const shared = join(ROOT, "../shared");
  if (existsSync(shared)) cpSync(shared, join(folder, "shared"), { recursive: true });
  Bun.spawnSync(["chmod", "-R", "go+rX", folder]);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}
