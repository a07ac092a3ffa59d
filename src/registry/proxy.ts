/** Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, read as curl and Go's programs do. */
import { BlockList, isIP } from "node:net";
import { TsboxError } from "../error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables by which Bun's fetch itself chooses a proxy. */
export const PROXY_VARIABLES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] as const;

/** `localhost` and the addresses of the loopback network, as they stand in a URL. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare.endsWith(".localhost") || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** Whether one word of `NO_PROXY` covers a host: `*`, a domain and all below it, an address or a network. */
function covers(word: string, hostname: string, port: string): boolean {
  if (word === "*") return true;
  const withPort = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(word);
  if (withPort !== null && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? word).replace(/^\[|\]$/g, "").toLowerCase();
  const family = isIP(hostname);
  if (family !== 0) {
    const [network = "", bits] = name.split("/");
    if (isIP(network) !== family) return false;
    if (bits === undefined) return network === hostname;
    const list = new BlockList();
    const width = Number(bits);
    if (!/^\d+$/.test(bits) || width > (family === 4 ? 32 : 128)) return false;
    list.addSubnet(network, width, family === 4 ? "ipv4" : "ipv6");
    return list.check(hostname, family === 4 ? "ipv4" : "ipv6");
  }
  const domain = name.replace(/^\*?\./, "");
  return domain !== "" && (hostname === domain || hostname.endsWith(`.${domain}`));
}

/**
 * @returns the proxy's URL, which may hold a user name and password, or undefined for a direct connection. Loopback is
 *   always direct
 * @throws TsboxError `usage` for a proxy that is no `http` or `https` URL
 */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const [lower, upper] = url.protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"];
  const variable = env[lower] ? lower : upper;
  const value = env[variable]?.trim();
  if (!value || isLoopback(url.hostname)) return undefined;
  const hostname = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  const exceptions = (env.no_proxy || env.NO_PROXY || "").split(/[\s,]+/).filter((word) => word !== "");
  if (exceptions.some((word) => covers(word, hostname, port))) return undefined;
  const text = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy !== undefined && (proxy.protocol === "http:" || proxy.protocol === "https:")) return text;
  // the value is not repeated: it may hold a password
  throw new TsboxError("usage", `cannot use the proxy in ${variable}: it is not an http or https URL`);
}
