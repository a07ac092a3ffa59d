/**
 * The validation suite of opencontainers/runtime-tools, from Debian's source package: fetched and built on first use, kept
 * in the cache of root, who is the one it needs.
 *
 * Debian ships only the libraries of runtime-tools as a binary package, so the programs are built here: with Debian's Go and
 * its golang-*-dev packages, without the network. One library that the suite uses is not in Debian, and is in `tap/`.
 * A newer Debian's source builds with the libraries of this one.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const PACKAGE = "golang-github-opencontainers-runtime-tools";
const DEBIAN = "trixie";
const VERSION = "0.9.0.109.ge931285";
const MIRROR = "http://deb.debian.org/debian";
const TOOLS = "github.com/opencontainers/runtime-tools";

/** Folders of the suite on disk. */
export type Suite = {
  /** the working folder of every case: `runtimetest` and `rootfs-amd64.tar.gz` are found there by relative names */
  readonly folder: string;
  /** names of the cases, sorted; each is a program `cases/NAME` below `folder` */
  readonly cases: readonly string[];
  /** `oci-runtime-tool`, which writes config.json files */
  readonly generator: string;
};

/**
 * @returns the built suite, from the cache if it is there
 * @throws Error with what could not be had (the source, Go, a library)
 */
export function validationSuite(): Suite {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests");
  const folder = join(cache, `runtime-tools-${VERSION}`);
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    try {
      build(fresh);
      renameSync(fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  const cases = readdirSync(join(folder, "cases")).sort();
  return { folder, cases, generator: join(folder, "oci-runtime-tool") };
}

function build(folder: string): void {
  const go = join(folder, "go");
  const source = join(go, "src", TOOLS);
  const tap = join(go, "src/github.com/mndrix/tap-go");
  for (const path of [dirname(source), tap, join(folder, "cases")]) mkdirSync(path, { recursive: true });
  unpackSource(folder, source);
  command(["cp", join(import.meta.dir, "tap/tap.go"), tap], folder);
  // GOPATH mode is how Debian builds: the libraries are below /usr/share/gocode, and nothing is looked for elsewhere.
  const env = { GO111MODULE: "off", GOPATH: `${go}:/usr/share/gocode`, GOFLAGS: "", CGO_ENABLED: "0" };
  const built = { ...env, GOCACHE: join(folder, "gocache") };
  command(["go", "build", "-o", `${folder}/`, "./cmd/runtimetest", "./cmd/oci-runtime-tool"], source, built);
  command(["go", "build", "-o", `${folder}/cases/`, "./validation/..."], source, built);
  for (const file of readdirSync(source)) {
    if (file.startsWith("rootfs-")) renameSync(join(source, file), join(folder, file));
  }
  rmSync(go, { recursive: true });
  rmSync(built.GOCACHE, { recursive: true });
}

/** Fetches the source with lists of packages of its own, so that apt's of the machine stay as they are. */
function unpackSource(folder: string, source: string): void {
  const apt = join(folder, "apt");
  mkdirSync(join(apt, "lists/partial"), { recursive: true });
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  Bun.spawnSync(["tee", join(apt, "sources.list")], {
    stdin: Buffer.from(`deb-src [signed-by=${keyring}] ${MIRROR} ${DEBIAN} main\n`),
    stdout: "ignore",
  });
  const options = [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    "Dir::Etc::sourceparts=/dev/null",
    `Dir::State::lists=${apt}/lists`,
    "Dir::Cache::pkgcache=",
    "Dir::Cache::srcpkgcache=",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  command(["apt-get", ...options, "-qq", "update"], apt);
  // Only the archive: Debian's own patches are about its build, and one mirror lacks the description that names them.
  command(["apt-get", ...options, "-qq", "--download-only", "--tar-only", "source", `${PACKAGE}/${DEBIAN}`], apt);
  const archive = readdirSync(apt).find((file) => file.endsWith(".orig.tar.xz"));
  if (archive === undefined) throw new Error(`apt-get brought no source of ${PACKAGE}`);
  if (!archive.includes(VERSION)) throw new Error(`apt-get brought ${archive}, not version ${VERSION}`);
  mkdirSync(source);
  command(["tar", "-xf", archive, "-C", source, "--strip-components=1"], apt);
  rmSync(apt, { recursive: true });
}

/** @throws Error with the last lines that the command wrote */
function command(words: readonly string[], cwd: string, env: Record<string, string> = {}): void {
  const child = Bun.spawnSync([...words], { cwd, env: { ...process.env, ...env }, stdin: "ignore" });
  if (child.success) return;
  const said = child.stderr.toString().trim().split("\n").slice(-5).join("\n");
  throw new Error(`cannot build the validation suite: ${words.slice(0, 3).join(" ")} ...: ${said}`);
}
