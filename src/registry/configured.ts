/**
 * What the configuration says of registries: `[registries]` of config.toml, which arrives in two variables of the environment.
 *
 *     TSBOX_INSECURE_REGISTRIES=registry.lan:5000,other.lan
 *     TSBOX_REGISTRY_MIRRORS=docker.io=mirror.lan/hub,second.lan;ghcr.io=mirror.lan
 */
import { isTsboxError } from "../error.ts";
import type { Reference } from "../oci/index.ts";
import type { RegistryOptions } from "./options.ts";
import type { Environment } from "./proxy.ts";
import { type RegistrySource, registrySource } from "./source.ts";

/** What `--tls-verify` says counts more than the configuration. */
function optionsFor(registry: string, options: RegistryOptions, env: Environment): RegistryOptions {
  const insecure = (env.TSBOX_INSECURE_REGISTRIES ?? "").split(",");
  return options.tlsVerify === undefined && insecure.includes(registry) ? { ...options, tlsVerify: false } : options;
}

/** The same repository at each mirror of its registry, in their order. */
export function mirrorsOf(reference: Reference, env: Environment): readonly Reference[] {
  const lists = (env.TSBOX_REGISTRY_MIRRORS ?? "").split(";").map((entry) => entry.split("="));
  const [, mirrors = ""] = lists.findLast(([registry]) => registry === reference.registry) ?? [];
  return mirrors
    .split(",")
    .filter((mirror) => mirror !== "")
    .map((mirror) => {
      const slash = mirror.indexOf("/");
      const [registry, path] = slash < 0 ? [mirror, ""] : [mirror.slice(0, slash), `${mirror.slice(slash + 1)}/`];
      return { ...reference, registry, repository: `${path}${reference.repository}` };
    });
}

/**
 * Reads one repository from the mirrors of its registry, or from the registry. A mirror that fails in any way is passed over, and not
 * asked again; that is said through `onRetry`. What bytes have to be is checked as ever, but which they are under a tag is what the
 * mirror says.
 */
export function configuredSource(reference: Reference, options: RegistryOptions = {}): RegistrySource {
  const env = options.env ?? process.env;
  const places = [...mirrorsOf(reference, env), reference];
  const open = new Map<number, RegistrySource>();
  let current = 0;
  const at = (index: number): RegistrySource => {
    const place = places[index] ?? reference;
    const source = open.get(index) ?? registrySource(place, optionsFor(place.registry, options, env));
    open.set(index, source);
    return source;
  };
  const attempt = async <T>(read: (source: RegistrySource) => Promise<T>): Promise<T> => {
    for (;;) {
      const index = current;
      try {
        return await read(at(index));
      } catch (error) {
        if (index >= places.length - 1 || !isTsboxError(error) || options.signal?.aborted) throw error;
        options.onRetry?.(`${error.message}; trying ${places[index + 1]?.registry}`);
        // several blobs may fail at once
        current = Math.max(current, index + 1);
      }
    }
  };
  const last = at(places.length - 1);
  return {
    name: last.name,
    resolve: () => attempt((source) => source.resolve()),
    fetch: (descriptor) => attempt((source) => source.fetch(descriptor)),
    open: (descriptor, offset) => attempt((source) => source.open(descriptor, offset)),
    head: () => attempt((source) => source.head()),
    async close() {
      for (const source of open.values()) await source.close();
    },
  };
}
