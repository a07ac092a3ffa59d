/** Bundles in a machine: `/bundles/NAME`, which share the read-only busybox in `/rootfs`. */
import { readFileSync } from "node:fs";
import { type BundleConfig, writeBundle } from "../../support/bundle.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import type { CpioEntry } from "./cpio.ts";

export type GuestBundle = {
  /** the script that the shell in the container runs */
  readonly script: string;
  readonly resources?: Readonly<Record<string, unknown>>;
  /** root's bundles have no user namespace; those of the user `u` map its id to root's */
  readonly root?: boolean;
  readonly edit?: (config: BundleConfig) => void;
};

/** @returns a change to a machine's files that adds the bundles */
export function withBundles(bundles: Readonly<Record<string, GuestBundle>>): (files: CpioEntry[]) => CpioEntry[] {
  const configs = Object.entries(bundles).map(([name, bundle]): CpioEntry => {
    return { path: `/bundles/${name}/config.json`, mode: 0o644, data: configOf(bundle) };
  });
  return (files) => {
    const programs = files
      .filter(({ path, data }) => path === "/bin/busybox" || (path.startsWith("/bin/") && data === "busybox"))
      .map((file) => ({ ...file, path: `/rootfs${file.path}` }));
    const folders = ["dev", "etc", "proc", "sys", "tmp"];
    return [
      ...files,
      ...programs,
      ...folders.map((name): CpioEntry => ({ path: `/rootfs/${name}`, type: "directory" })),
      ...configs,
    ];
  };
}

function configOf(bundle: GuestBundle): string {
  using folder = temporaryFolder();
  const edit = (config: BundleConfig) => {
    config.root = { path: "/rootfs", readonly: true };
    config.linux.resources = bundle.resources ?? {};
    if (bundle.root === true) {
      delete config.linux.uidMappings;
      delete config.linux.gidMappings;
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
    } else {
      config.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
    }
    bundle.edit?.(config);
  };
  writeBundle(folder.join("bundle"), { args: ["sh", "-c", bundle.script], edit });
  return readFileSync(folder.join("bundle/config.json"), "utf8");
}
