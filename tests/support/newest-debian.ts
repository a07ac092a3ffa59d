/** Debian's next release with the programs that tsbox is tried with and measured beside: podman, buildah, crun, bubblewrap. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Requirement } from "./skip.ts";

const SUITE = "trixie";
const PACKAGES = [
  ...["podman", "buildah", "crun", "catatonit", "netavark", "aardvark-dns", "nftables", "passt"],
  ...["uidmap", "fuse-overlayfs", "ca-certificates", "procps"],
  // what only the bench starts
  ...["bubblewrap", "busybox-static", "docker-registry", "runc", "skopeo", "umoci"],
];

/**
 * @returns the folder of a root file system, from root's cache or, once, from the machine's mirror in about a minute; root only.
 *   Nobody may write into it. One that was made with other packages is another folder, and stays for those who still use it
 * @throws Error with mmdebstrap's messages, for example when the mirror has no such release
 */
export function newestDebian(): string {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests");
  const made = Bun.hash(PACKAGES.join()).toString(16);
  const folder = join(cache, `${SUITE}-${made}`);
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
