/**
 * A real Debian: mmdebstrap's "minbase" with python3, perl, git and gcc in it. Made once (a minute or so, from the
 * machine's Debian mirror) and kept in the cache of the user who runs the tests.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeOciLayout } from "./oci-image.ts";
import { program, type Requirement, subordinateIds } from "./skip.ts";
import { splitTar } from "./split-tar.ts";

const SUITE = "bookworm";
const PACKAGES = ["python3", "perl", "git", "gcc", "libc6-dev"];

/** Without ids to hand out, mmdebstrap cannot make the files of `_apt`, `mail` and so on; as root it needs none. */
export const debianRequirements: Requirement[] = [
  program("mmdebstrap"),
  ...(process.getuid?.() === 0 ? [] : [subordinateIds]),
];

const cache = () => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests");

/**
 * @returns the path of a tar archive of the root file system
 * @throws Error with mmdebstrap's messages, for example when no mirror can be reached
 */
export function debianTar(packages: readonly string[] = PACKAGES): string {
  const path = join(cache(), `debian-${SUITE}-${packages.join("-")}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(cache(), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  const mode = process.getuid?.() === 0 ? "root" : "unshare";
  const include = `--include=${packages.join(",")}`;
  const noExtras = ["documentation", "man", "locale"].map((kind) => `--dpkgopt=path-exclude=/usr/share/${kind}/*`);
  const command = [
    "mmdebstrap",
    "--quiet",
    `--mode=${mode}`,
    "--variant=minbase",
    "--format=tar",
    include,
    ...noExtras,
  ];
  // mmdebstrap changes into its own folder as another user, who may not be allowed into the caller's.
  const { success, stderr } = Bun.spawnSync([...command, SUITE, fresh], { cwd: "/", stdin: "ignore" });
  if (!success) {
    rmSync(fresh, { force: true });
    throw new Error(`cannot make a Debian: ${stderr.toString()}`);
  }
  renameSync(fresh, path);
  return path;
}

/**
 * Debian as an OCI layout in the cache, made on first use.
 *
 * @param layers how many layers of about the same size it is cut into
 * @param limit bytes of archive to put in altogether; the image of a whole system if not given
 * @returns the reference `oci:FOLDER:debian`; nobody may write into the folder
 */
export function debianLayout(layers = 1, limit = Number.POSITIVE_INFINITY): string {
  const size = Number.isFinite(limit) ? `-${Math.round(limit / 1e6)}MB` : "";
  const folder = join(cache(), `debian-${SUITE}-${layers}-layers${size}`);
  if (!existsSync(folder)) {
    const tar = readFileSync(debianTar());
    const fresh = `${folder}.${process.pid}`;
    writeOciLayout(fresh, {
      tag: "debian",
      layers: splitTar(tar, layers, Math.min(limit, tar.length)).map((content) => ({ content })),
      config: { Cmd: ["bash"], Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] },
    });
    renameSync(fresh, folder);
  }
  return `oci:${folder}:debian`;
}

/**
 * Debian with packages, in one layer; made and kept in the same way.
 *
 * @param config of the image
 * @returns the reference
 */
export function debianWith(packages: readonly string[], config: object): string {
  const folder = join(cache(), `debian-${SUITE}-with-${packages.join("-")}`);
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    const content = new Uint8Array(readFileSync(debianTar(packages)));
    writeOciLayout(fresh, { tag: "debian", layers: [{ content }], config });
    renameSync(fresh, folder);
  }
  return `oci:${folder}:debian`;
}
