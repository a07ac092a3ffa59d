/** Secrets: files in a tmpfs of the container's own. Their values come from the store's files and are in no plan. */
import {
  AT_EMPTY_PATH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  OPEN_TREE_CLONE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFREG,
} from "../linux/abi.gen.ts";
import type { Compilation } from "./context.ts";

export interface SecretFile {
  /** For messages. */
  readonly name: string;
  /** Absolute path of the host's file that has the value. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  /** In the container's user namespace; those of process.user if not given. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number;
}

const FOLDER = "/run/secrets";
/** While the files are written, those that belong elsewhere are here, by number. */
const ELSEWHERE = ".elsewhere";

/** Appends the mounts, when the others are there. */
export function addSecrets(compilation: Compilation, secrets: readonly SecretFile[]): void {
  const { inside, mount, root, target, config } = compilation;
  const note = `mount a tmpfs for secrets at ${FOLDER}`;
  const attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const [folder, from, to] = [inside.slot(), inside.slot(), inside.slot()];
  inside.add("new_mount", [mount, "tmpfs", ["mode=755", "size=16m"], attributes], { note });
  inside.add("attach", [mount, root, FOLDER, S_IFDIR, 1], { note });
  // what is there now is the mount
  inside.add("make_in", [folder, root, FOLDER, 0o755, S_IFDIR], { note });
  const elsewhere = secrets.some((secret) => !isBelow(secret.target));
  if (elsewhere) inside.add("mkdirat", [folder, ELSEWHERE, 0o700], { note });
  for (const [index, secret] of secrets.entries()) {
    const uid = secret.uid ?? config.process?.user.uid ?? 0;
    const gid = secret.gid ?? config.process?.user.gid ?? 0;
    const what = `put the secret ${secret.name} at ${secret.target}`;
    const below = isBelow(secret.target);
    const path = below ? secret.target.slice(FOLDER.length + 1) : `${ELSEWHERE}/${index}`;
    const within = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const parent = path.lastIndexOf("/");
    if (below && parent > 0) {
      inside.add("make_in", [target, folder, path.slice(0, parent), 0o755, S_IFDIR], { note: what });
      inside.add("close", [target]);
    }
    inside.add("openat2", [from, null, secret.source, O_RDONLY | O_NOFOLLOW, 0, 0], { note: what });
    inside.add("openat2", [to, folder, path, O_WRONLY | O_CREAT | O_EXCL, 0o600, within], { note: what });
    inside.add("copy_data", [from, to], { note: what });
    inside.add("fchownat", [to, "", uid, gid, AT_EMPTY_PATH], { note: what });
    inside.add("fchmod", [to, secret.mode], { note: what });
    inside.add("close", [from]);
    inside.add("close", [to]);
    if (below) continue;
    inside.add("openat2", [target, folder, path, O_PATH, 0, within], { note: what });
    inside.add("open_tree", [mount, target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH], { note: what });
    inside.add("close", [target]);
    inside.add("mount_setattr", [mount, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, null], { note: what });
    inside.add("attach", [mount, root, secret.target, S_IFREG, 1], { note: what });
  }
  // where they are bound they stay; their first names are not needed any more
  if (elsewhere) inside.add("remove_tree", [folder, ELSEWHERE], { note });
  inside.add("mount_setattr", [folder, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, null], { note });
  inside.add("close", [folder]);
}

function isBelow(path: string): boolean {
  return path.startsWith(`${FOLDER}/`);
}
