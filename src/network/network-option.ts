/** The value of `--network`. */
import { TsboxError } from "../error.ts";
import { type EndpointFlags, isNetworkName, type NamedEndpoint, parseEndpoint, withFlags } from "./named/endpoint.ts";

export type NetworkMode =
  | { readonly mode: "host" }
  | { readonly mode: "none" }
  /** `options` are pasta's own, one word each, as podman takes them: `pasta:--mtu,1500` */
  | { readonly mode: "pasta"; readonly options: readonly string[] }
  /** `options` are podman's: `mtu=1500`, `cidr=10.0.2.0/24`, `allow_host_loopback=true`, ... */
  | { readonly mode: "slirp4netns"; readonly options: readonly string[] }
  /** the network namespace of another container */
  | { readonly mode: "container"; readonly id: string }
  /** networks that were made with `tsbox network create`, at least one; the first has the way to the outside */
  | { readonly mode: "named"; readonly endpoints: readonly NamedEndpoint[] };

/**
 * Reads `host`, `none`, `pasta[:OPTION,...]`, `slirp4netns[:OPTION,...]`, `container:ID` or `NAME[:ip=ADDRESS,...]`.
 *
 * @throws TsboxError `usage`
 */
export function parseNetwork(text: string): NetworkMode {
  const colon = text.indexOf(":");
  const mode = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? undefined : text.slice(colon + 1);
  const options = rest === undefined || rest === "" ? [] : rest.split(",");
  if (mode === "pasta" || mode === "slirp4netns") return { mode, options };
  if ((mode === "host" || mode === "none") && rest === undefined) return { mode };
  if (mode === "container" && rest !== undefined && rest !== "") return { mode, id: rest };
  if (isNetworkName(mode)) return { mode: "named", endpoints: [parseEndpoint(text)] };
  throw new TsboxError(
    "usage",
    `cannot use --network=${text}: expected host, none, pasta[:OPTIONS], slirp4netns[:OPTIONS], container:ID or the name of a network`,
    { context: { network: text } },
  );
}

/**
 * Reads all that were given: one of any kind, or several with names. `--ip` and its like are the first one's.
 * @returns undefined without any
 * @throws TsboxError `usage`
 */
export function parseNetworks(texts: readonly string[], flags: EndpointFlags): NetworkMode | undefined {
  const hasFlags = flags.ip !== undefined || flags.mac !== undefined || flags.aliases.length > 0;
  const [first, ...others] = texts.map(parseNetwork);
  if (first?.mode !== "named" || others.some(({ mode }) => mode !== "named")) {
    if (others.length > 0)
      throw new TsboxError("usage", "cannot use --network several times: only networks with names can be combined");
    if (hasFlags) {
      throw new TsboxError(
        "usage",
        "cannot use --ip, --mac-address or --network-alias: they belong to a network with a name; make one with: tsbox network create NAME",
      );
    }
    return first;
  }
  const endpoints = [first, ...others].flatMap((mode) => (mode.mode === "named" ? mode.endpoints : []));
  return {
    mode: "named",
    endpoints: endpoints.map((endpoint, i) => (i === 0 ? withFlags(endpoint, flags) : endpoint)),
  };
}
