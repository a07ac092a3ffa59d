/** Root starts the bench, an unprivileged user runs it: on this machine, or with all programs of Debian's next release. */
import { statfsSync } from "node:fs";
import { readableTree } from "../../scripts/readable-tree.ts";
import { asUser, makeTestUser, openDevices, type TestUser } from "../../scripts/test-user.ts";
import { newestDebian } from "../support/newest-debian.ts";
import { ENTER_ROOT, MAKE_ROOT } from "../support/other-root.ts";
import { temporaryFolder } from "../support/tmp.ts";

/** Whose programs stand beside tsbox: those of Debian's next release, or those that are installed here. */
export const PEERS = ["newest", "host"] as const;
export type Peers = (typeof PEERS)[number];

/** CGROUP2_SUPER_MAGIC of linux/magic.h. */
const CGROUP2 = 0x63677270;

/** The home has the caches, and the project is where it always is. Mounts are shared, as systemd makes them, which podman expects. */
const IN_DEBIAN = `
${MAKE_ROOT}
mount --bind /tmp tmp
for folder in "$TREE" "$USER_HOME"; do
  mkdir -p ".$folder"
  mount --bind "$folder" ".$folder"
done
for file in passwd group subuid subgid; do
  grep "^$USER_NAME:" "/etc/$file" >>"etc/$file"
done
install -d -m 700 -o "$USER_NAME" -g "$USER_NAME" ".$USER_RUNTIME"
echo 127.0.0.1 localhost >etc/hosts
${ENTER_ROOT}
mount --make-rshared /
exec catatonit -- "$@"`;

const STREAMS = { stdin: "ignore", stdout: "inherit", stderr: "inherit" } as const;

/**
 * Runs `tests/bench/main.ts ARGS` as a user with the limits that tsbox is about, for programs of whoever was asked for, or else the
 * newest that can be had.
 *
 * @returns its exit status
 * @throws Error when the newest were asked for and cannot be had
 */
export async function startAgain(args: readonly string[], peers: Peers | undefined): Promise<number> {
  openDevices();
  const user = makeTestUser("tsbox-ci");
  using tree = readableTree(user);
  const bun = (script: string) => [`${tree.path}/node_modules/.bin/bun`, `${tree.path}/tests/bench/${script}`];
  const command = [...bun("main.ts"), ...args];
  const debian = peers === "host" ? undefined : debianFor(peers);
  if (debian === undefined) {
    return await Bun.spawn(unified(asUser(user, command, {})), { cwd: tree.path, ...STREAMS }).exited;
  }
  // What makes images is on this machine. When it cannot, the rows that want one say so.
  await Bun.spawn(asUser(user, bun("debian-image.ts"), {}), { cwd: tree.path, ...STREAMS }).exited;
  return await inDebian(debian, tree.path, user, command);
}

function debianFor(peers: "newest" | undefined): string | undefined {
  try {
    return newestDebian();
  } catch (error) {
    if (peers === "newest") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`measuring beside what is installed here, for Debian's next release cannot be had: ${reason}`);
    return undefined;
  }
}

async function inDebian(debian: string, tree: string, user: TestUser, command: readonly string[]): Promise<number> {
  using folder = temporaryFolder();
  const variables = { FOLDER: folder.path, DEBIAN: debian, TREE: tree };
  const person = { USER_NAME: user.name, USER_HOME: user.home, USER_RUNTIME: user.runtime };
  const spaces = ["--mount", "--pid", "--fork", "--kill-child"];
  const inside = asUser(user, command, { PATH: "/usr/local/bin:/usr/bin:/bin" });
  const env = { PATH: process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin", ...variables, ...person };
  return await Bun.spawn(["unshare", ...spaces, "sh", "-euc", IN_DEBIAN, "sh", ...inside], { env, ...STREAMS }).exited;
}

/** crun refuses hosts where version 1 and 2 of cgroups are mixed: a mount namespace in which they are not, for all alike. */
function unified(command: readonly string[]): string[] {
  if (statfsSync("/sys/fs/cgroup").type === CGROUP2) return [...command];
  const script = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", ...command];
}
