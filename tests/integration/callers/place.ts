/** Where callers run and as whom: on the machine itself as whoever runs the tests, or in a machine of their own. */
import { TEST_PATH } from "../../support/skip.ts";
import type { TemporaryFolder } from "../../support/tmp.ts";

export type Place = {
  readonly root: boolean;
  /** Makes it for one host, whose folder is there under the same path. @throws Error when it cannot be made */
  readonly enter: (folder: TemporaryFolder) => Promise<Inside>;
};

/** A place that was made. Everything in it ends with it. */
export type Inside = AsyncDisposable & {
  /** PATH of the programs there */
  readonly path: string;
  /** The command line that runs `command` there. */
  within(command: readonly string[]): string[];
  /** Gives a path in the host's folder to the caller's user. */
  give(path: string): void;
};

const isRoot = process.getuid?.() === 0;

/**
 * The machine itself; for root in a mount namespace whose /sys/fs/cgroup is version 2 alone, because machines of CI mount both
 * versions and most callers then take the first.
 */
export const here: Place = {
  root: isRoot,
  enter: async () => {
    if (!isRoot) {
      return {
        path: TEST_PATH,
        within: (command) => [...command],
        give: () => {},
        [Symbol.asyncDispose]: async () => {},
      };
    }
    const script = `
      mount --make-rprivate /
      umount --lazy --recursive /sys/fs/cgroup
      mount -t cgroup2 cgroup2 /sys/fs/cgroup
      mount -t tmpfs tmpfs /run
      echo made
      exec sleep infinity`;
    const holder = Bun.spawn(["unshare", "--mount", "sh", "-euc", script], { stdin: "ignore", stdout: "pipe" });
    for await (const _ of holder.stdout) break;
    return {
      path: TEST_PATH,
      within: (command) => ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, "--", ...command],
      give: () => {},
      [Symbol.asyncDispose]: async () => {
        holder.kill("SIGKILL");
        await holder.exited;
      },
    };
  },
};
