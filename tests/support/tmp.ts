/** Temporary folders that go away with the scope they were made in. */
import { randomBytes } from "node:crypto";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type TemporaryFolder = Disposable & {
  /** absolute, without symlinks */
  readonly path: string;
  /** A path inside. */
  join(...parts: string[]): string;
};

/**
 * Makes an empty folder of mode 0700: `using folder = temporaryFolder();`
 *
 * At the end of the scope it is removed with everything in it, files of subordinate ids and folders without write
 * permission included.
 */
export function temporaryFolder(): TemporaryFolder {
  // Not mkdtemp: it uses capitals, and podman and buildah derive a name from the path of a layout, which must have none.
  const path = join(realpathSync(tmpdir()), `tsbox-test-${randomBytes(6).toString("hex")}`);
  mkdirSync(path, { mode: 0o700 });
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.dispose]: () => removeTree(path),
  };
}

/**
 * Removes a tree, whoever of this user's ids its files belong to.
 *
 * @throws Error when something is left, for example because it is still mounted
 */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    return;
  } catch {
    // Files of subordinate ids, or folders without the w bit: root in the user's namespace removes both.
  }
  const { success, stderr } = Bun.spawnSync(["unshare", "--user", "--map-auto", "--map-root-user", "rm", "-rf", path]);
  if (!success) throw new Error(`cannot remove ${path}: ${stderr.toString().trim()}`);
}
