/** A bundle run by the sources as they are, for what only a running container shows. */
import { join } from "node:path";
import { ROOT } from "../../scripts/build-native.ts";
import { type BundleConfig, type BundleOptions, writeBundle } from "./bundle.ts";
import { temporaryFolder } from "./tmp.ts";

export type BundleRun = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

export type BundleRunOptions = BundleOptions & {
  /** appended to the bundle's folder before the run */
  readonly prepare?: (bundle: string) => void;
  /** makes another command line of the runtime's, such as one that prepares namespaces first */
  readonly wrap?: (argv: readonly string[]) => string[];
  /** namespaces and ids as root has them: no user namespace */
  readonly asRoot?: boolean;
};

const MAIN = join(ROOT, "src/main.ts");

/** Runs a bundle with busybox in the foreground, without a cgroup. */
export function runBundle(script: string, options: BundleRunOptions = {}): BundleRun {
  using folder = temporaryFolder();
  const bundle = writeBundle(folder.join("bundle"), {
    args: ["/bin/sh", "-c", script],
    edit: (config) => {
      if (options.asRoot) withoutUserNamespace(config);
      options.edit?.(config);
    },
  });
  options.prepare?.(bundle);
  const globals = ["--root", folder.join("state"), "--cgroup-manager", "disabled"];
  const argv = [process.execPath, MAIN, "oci", ...globals, "run", "--bundle", bundle, "box"];
  const { exitCode, stdout, stderr } = Bun.spawnSync(options.wrap?.(argv) ?? argv, {
    stdin: "ignore",
    cwd: folder.path,
    timeout: 60_000,
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

function withoutUserNamespace(config: BundleConfig): void {
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
  delete config.linux.uidMappings;
  delete config.linux.gidMappings;
}
