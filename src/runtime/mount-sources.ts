/** Where bind mounts of config.json come from. */
import type { Mount, RuntimeConfig } from "../oci/index.ts";

export const isBindMount = ({ type, options }: Mount): boolean =>
  type === "bind" || options?.some((option) => option === "bind" || option === "rbind") === true;

/** "either an absolute path or relative to the bundle" (config.md, "Mounts"). */
export function withAbsoluteSources(config: RuntimeConfig, bundle: string): RuntimeConfig {
  const isRelative = (mount: Mount) =>
    mount.source !== undefined && !mount.source.startsWith("/") && isBindMount(mount);
  if (!config.mounts?.some(isRelative)) return config;
  const mounts = config.mounts.map((mount) =>
    isRelative(mount) ? { ...mount, source: `${bundle}/${mount.source}` } : mount,
  );
  return { ...config, mounts };
}
