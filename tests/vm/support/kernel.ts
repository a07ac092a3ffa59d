/**
 * Debian's kernels, unpacked into the cache of the user who runs the tests: nothing is installed. The package lists are
 * fetched into the cache too, so that neither root nor a recent `apt-get update` is needed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { BUSYBOX } from "../../support/busybox-image.ts";

/** The long-term kernels of Debian 12, and the package that always depends on the newest of each. */
export const KERNELS = { "6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64" } as const;

export type KernelName = keyof typeof KERNELS;

export type Kernel = {
  readonly image: string;
  /** Reads modules with all that they need, in the order in which they are to be loaded; built-in ones are left out. */
  modules(names: readonly string[]): { name: string; data: Uint8Array }[];
};

const cache = () => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsbox-tests/kernels");

/** @throws Error with apt's message when there is no mirror, or no such package */
export function kernel(name: KernelName): Kernel {
  const folder = join(cache(), name);
  if (!existsSync(folder)) fetchKernel(name, folder);
  const image = readdirSync(join(folder, "boot")).find((file) => file.startsWith("vmlinuz-"));
  if (image === undefined) throw new Error(`${folder}/boot has no kernel`);
  const files = new Map<string, string>();
  for (const path of new Bun.Glob("**/*.ko*").scanSync({ cwd: folder, absolute: true }))
    files.set(moduleName(path), path);
  return { image: join(folder, "boot", image), modules: (names) => modulesOf(files, names) };
}

const moduleName = (path: string): string => (basename(path).split(".")[0] ?? "").replaceAll("-", "_");

function modulesOf(files: ReadonlyMap<string, string>, names: readonly string[]): { name: string; data: Uint8Array }[] {
  const loaded = new Map<string, Uint8Array>();
  const load = (name: string) => {
    const path = files.get(name);
    if (path === undefined || loaded.has(name)) return;
    const data = path.endsWith(".xz") ? ok([BUSYBOX, "xzcat", path]) : readFileSync(path);
    // The section .modinfo has NAME=VALUE strings; `depends` lists modules with commas between.
    const depends = /(?:^|\0)depends=([^\0]*)\0/.exec(data.toString("latin1"))?.[1] ?? "";
    for (const needed of depends.split(",").filter((each) => each !== "")) load(needed.replaceAll("-", "_"));
    loaded.set(name, data);
  };
  for (const name of names) load(name);
  return [...loaded].map(([name, data]) => ({ name, data }));
}

function fetchKernel(name: KernelName, folder: string): void {
  const work = `${folder}.${process.pid}`;
  const state = join(cache(), "apt");
  for (const path of [work, `${state}/lists/partial`, `${state}/cache/archives/partial`])
    mkdirSync(path, { recursive: true });
  // Only the lists of Debian itself: other sources of this machine have no kernels, and may not be reachable.
  const apt = [
    ...["-o", `Dir::State::lists=${state}/lists`, "-o", `Dir::Cache=${state}/cache`, "-o", "APT::Sandbox::User="],
    ...["-o", "Acquire::Languages=none", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20"],
  ];
  try {
    ok(["apt-get", ...apt, "update"], work);
    const depends = ok(["apt-cache", ...apt, "depends", KERNELS[name]]).toString();
    const wanted = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
    if (wanted === undefined) throw new Error(`${KERNELS[name]} is no package here`);
    ok(["apt-get", ...apt, "download", wanted], work);
    const archive = readdirSync(work).find((file) => file.endsWith(".deb"));
    if (archive === undefined) throw new Error(`apt-get downloaded nothing for ${wanted}`);
    ok(["dpkg-deb", "-x", archive, "tree"], work);
    renameSync(join(work, "tree"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function ok(command: string[], cwd = "/"): Buffer {
  const { success, stdout, stderr } = Bun.spawnSync(command, { cwd, stdin: "ignore", timeout: 120_000 });
  if (!success) throw new Error(`${command[0]} failed: ${stderr.toString().trim()}`);
  return stdout;
}
