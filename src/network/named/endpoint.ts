/** What a person asks of a container's place in a named network: `--network NAME[:OPTION,...]`, `--ip`, `--mac-address`, `--network-alias`. */
import { TsboxError } from "../../error.ts";
import { isIPv4 } from "../address.ts";

export interface NamedEndpoint {
  readonly network: string;
  readonly ip?: string;
  readonly mac?: string;
  /** What it is called in this network beside its name. */
  readonly aliases: readonly string[];
}

/** Docker's and podman's. */
const NETWORK_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
/** Words that stand for kinds of networks. */
const RESERVED = ["host", "none", "pasta", "slirp4netns", "container", "default", "private", "ns", "nat"];
/** A name that can be asked for: RFC 1123, with the underscore that people use. */
const ALIAS = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/;
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

export function isNetworkName(text: string): boolean {
  return NETWORK_NAME.test(text) && !RESERVED.includes(text);
}

/**
 * Reads podman's `NAME[:ip=ADDRESS,mac=ADDRESS,alias=NAME,...]`.
 * @throws TsboxError `usage`
 */
export function parseEndpoint(text: string): NamedEndpoint {
  const colon = text.indexOf(":");
  const network = colon < 0 ? text : text.slice(0, colon);
  const options = colon < 0 ? [] : text.slice(colon + 1).split(",");
  const aliases: string[] = [];
  const values = new Map<string, string>();
  for (const option of options) {
    const at = option.indexOf("=");
    const [name, value] = at < 0 ? [option, ""] : [option.slice(0, at), option.slice(at + 1)];
    if (name === "alias") aliases.push(value);
    else if (name === "ip" || name === "mac") values.set(name, value);
    else
      throw new TsboxError(
        "usage",
        `cannot use --network=${text}: expected ip=, mac= or alias=, not ${JSON.stringify(option)}`,
      );
  }
  const flags = { ip: values.get("ip"), mac: values.get("mac"), aliases };
  return checked({ network, aliases: [] }, flags, `--network=${text}`);
}

export interface EndpointFlags {
  readonly ip: string | undefined;
  readonly mac: string | undefined;
  readonly aliases: readonly string[];
}

/** Puts `--ip`, `--mac-address` and `--network-alias` to an endpoint. @throws TsboxError `usage` */
export function withFlags(endpoint: NamedEndpoint, flags: EndpointFlags): NamedEndpoint {
  return checked(endpoint, flags, "--ip, --mac-address or --network-alias");
}

function checked(endpoint: NamedEndpoint, { ip, mac, aliases }: EndpointFlags, flag: string): NamedEndpoint {
  const fail = (reason: string) => new TsboxError("usage", `cannot use ${flag}: ${reason}`);
  if (ip !== undefined && !isIPv4(ip)) throw fail(`${JSON.stringify(ip)} is not an IPv4 address`);
  if (mac !== undefined && !MAC.test(mac))
    throw fail(`${JSON.stringify(mac)} is not a hardware address such as 92:d0:c6:0a:29:33`);
  // the lowest bit of the first byte means a group: IEEE 802
  if (mac !== undefined && Number.parseInt(mac.slice(0, 2), 16) % 2 === 1)
    throw fail(`${mac} is the address of a group`);
  const odd = aliases.find((alias) => !ALIAS.test(alias));
  if (odd !== undefined) throw fail(`${JSON.stringify(odd)} is not a host name`);
  return {
    ...endpoint,
    ...(ip === undefined ? {} : { ip }),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase().replaceAll("-", ":") }),
    aliases: [...endpoint.aliases, ...aliases],
  };
}
