/**
 * What a test needs from the machine, and what happens where it is missing.
 *
 *     const test = requires(program("umoci"), subordinateIds);
 *     test("unpack agrees with umoci on every entry", async () => { ... });
 *
 * Where something is missing the test is skipped and its name says what was missing, so that the reason stands in every
 * report. In CI a requirement that `.ci/run` is meant to bring is never skipped for: the test fails instead, because a
 * suite that silently shrinks is worse than none. `scripts/test.ts` fails on skips that did not come from here.
 */
import { test as bunTest } from "bun:test";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { nativePath, ROOT } from "../../scripts/build-native.ts";
import { SKIP_MARK } from "./skip-mark.ts";

export type Requirement = {
  /** ends the sentence "needs ..." */
  readonly what: string;
  readonly met: () => boolean;
  /** whether CI has it for certain: `.ci/run` installs it, or CI's kernel and user are chosen so */
  readonly inCI: boolean;
};

type Body = () => void | Promise<void>;
type Options = number | { timeout?: number; retry?: number; repeats?: number };

/** @returns a replacement for `test` of bun:test whose tests run only where every requirement is met */
export function requires(...requirements: Requirement[]): (name: string, body: Body, options?: Options) => void {
  const missing = requirements.filter(({ met }) => !met());
  if (missing.length === 0) return (name, body, options) => bunTest(name, body, options);
  const reason = missing.map(({ what }) => what).join(", ");
  const promised = missing.filter(({ inCI }) => inCI).map(({ what }) => what);
  if (process.env.CI === "true" && promised.length > 0) {
    return (name) =>
      bunTest(name, () => {
        throw new Error(`CI must not skip this: it needs ${promised.join(", ")}, which CI is meant to have`);
      });
  }
  return (name, body, options) => bunTest.skip(`${name} ${SKIP_MARK}${reason}]`, body, options);
}

/** A program that is on the PATH; `scripts/setup.sh test` installs it (`inCI`) unless said otherwise. */
export function program(name: string, inCI = true): Requirement {
  return { what: `the program ${name}`, met: () => Bun.which(name, { PATH: TEST_PATH }) !== null, inCI };
}

/** Unprivileged users have no sbin folders on their PATH in Debian, where some of the peers are. */
export const TEST_PATH = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;

/** A device, or another file, that the user of the tests may read and write. */
export function accessible(path: string, inCI = true): Requirement {
  return {
    what: `access to ${path}`,
    inCI,
    met: () => {
      try {
        accessSync(path, constants.R_OK | constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** `newuidmap` and at least 65536 subordinate user and group ids for the user of the tests. */
export const subordinateIds: Requirement = {
  what: "newuidmap and 65536 subordinate ids",
  inCI: true,
  met: () => Bun.which("newuidmap") !== null && ["/etc/subuid", "/etc/subgid"].every(hasRange),
};

function hasRange(file: string): boolean {
  if (!existsSync(file)) return false;
  const { username, uid } = userInfo();
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .some(([owner, , count]) => (owner === username || owner === String(uid)) && Number(count) >= 65536);
}

/** The kernel lets this user make a user namespace. */
export const userNamespaces: Requirement = {
  what: "permission to make user namespaces",
  inCI: true,
  met: () => Bun.spawnSync(["unshare", "--user", "--map-root-user", "true"]).success,
};

/** Started as root; `scripts/test.ts` runs `tests/root/` so when it is root itself. */
export const root: Requirement = { what: "root", inCI: false, met: () => process.getuid?.() === 0 };

/** The opposite of `root`. */
export const unprivileged: Requirement = { what: "not to be root", inCI: false, met: () => process.getuid?.() !== 0 };

/** `bun run build` has been run. */
export const executable: Requirement = {
  what: "dist/tsbox (bun run build)",
  inCI: true,
  met: () => existsSync(`${ROOT}/dist/tsbox`),
};

/** `bun scripts/build-native.ts` has been run. */
export const native: Requirement = {
  what: "dist/native (bun scripts/build-native.ts)",
  inCI: true,
  met: () => existsSync(nativePath(process.arch === "arm64" ? "arm64" : "x64")),
};
