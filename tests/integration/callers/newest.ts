/** Podman, buildah and crun of Debian's next release, and what they need. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Requirement } from "../../support/skip.ts";
import { buildah } from "./buildah.ts";
import { podman, toScenarios } from "./podman.ts";
import { optionScenarios } from "./podman-options.ts";
import { serviceScenarios } from "./podman-services.ts";
import type { Caller } from "./scenario.ts";

const podman5: Caller = {
  ...podman,
  scenarios: [...podman.scenarios, ...toScenarios({ ...optionScenarios, ...serviceScenarios })],
};

export const NEWEST: readonly Caller[] = [podman5, buildah];

const SUITE = "trixie";
const PACKAGES = [
  ...["podman", "buildah", "crun", "catatonit", "netavark", "aardvark-dns", "nftables", "passt"],
  ...["uidmap", "fuse-overlayfs", "ca-certificates", "procps"],
];

/**
 * @returns the folder of a root file system, from root's cache or, once, from the machine's mirror in less than a minute; root only
 * @throws Error with mmdebstrap's messages, for example when the mirror has no such release
 */
export function newestDebian(): string {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests");
  const folder = join(cache, `${SUITE}-podman`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = `${folder}.${process.pid}`;
  const noExtras = ["doc", "man", "locale"].map((kind) => `--dpkgopt=path-exclude=/usr/share/${kind}/*`);
  const command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory", ...noExtras];
  const { success, stderr } = Bun.spawnSync([...command, `--include=${PACKAGES.join(",")}`, SUITE, fresh], {
    cwd: "/",
    stdin: "ignore",
  });
  if (!success) {
    rmSync(fresh, { recursive: true, force: true });
    throw new Error(`cannot make a Debian: ${stderr.toString()}`);
  }
  renameSync(fresh, folder);
  return folder;
}

let failure: string | undefined;

/** Not promised: mirrors have what they have. */
export const newestDebianIsHad: Requirement = {
  get what() {
    return `a mirror with Debian's ${SUITE} (${failure?.split("\n")[0] ?? "it was not asked"})`;
  },
  inCI: false,
  met: () => {
    if (process.getuid?.() !== 0 || failure !== undefined) return false;
    try {
      newestDebian();
      return true;
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      return false;
    }
  },
};
