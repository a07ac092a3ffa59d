/** The container's `/etc/resolv.conf`: resolv.conf(5). */
import { TsboxError } from "../error.ts";
import { readHostFile } from "../idmap/index.ts";
import { isAddress, isIPv6, isLoopback } from "./address.ts";

export interface DNSOptions {
  /** `--dns`; replaces the host's servers. */
  readonly servers: readonly string[];
  /** `--dns-search`; replaces the host's list. A single `.` means none. */
  readonly search: readonly string[];
  /** `--dns-option`; replaces the host's options. */
  readonly options: readonly string[];
}

/** Which servers a container can reach. */
export type DNSReach =
  /** the host's network: every server of the host's, loopback included */
  | { readonly network: "host" }
  /** a namespace with a helper, which forwards what is sent to this address to the host's resolver */
  | { readonly network: "helper"; readonly forwarder: string }
  /** nothing */
  | { readonly network: "none" };

/** systemd-resolved's list of the real servers, where `/etc/resolv.conf` names only its own stub. */
const RESOLVED = "/run/systemd/resolve/resolv.conf";
const STUB = "127.0.0.53";

/**
 * Refuses what would not be a word of the file, or not an address.
 *
 * @throws TsboxError `usage`
 */
export function checkDNS({ servers, search, options }: DNSOptions): void {
  const server = servers.find((text) => !isAddress(zoneless(text)));
  if (server !== undefined) throw new TsboxError("usage", `cannot use --dns ${server}: it is not an IP address`);
  const word = [...search, ...options].find((text) => !/^[^\s#;]+$/.test(text));
  if (word !== undefined) {
    throw new TsboxError("usage", `cannot use '${word}' with --dns-search or --dns-option: it is not one word`);
  }
}

interface Parsed {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export function parseResolvConf(text: string): Parsed {
  const servers: string[] = [];
  let search: string[] = [];
  const options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    // of several search and domain lines, the last one counts
    if (keyword === "search" || keyword === "domain") search = values;
    if (keyword === "options") options.push(...values);
  }
  return { servers, search, options };
}

/**
 * The file's content.
 *
 * On the host's network without options of the user's it is the host's file as it is. In a namespace of its own, the
 * helper's forwarder comes first: it reaches a resolver on the host's loopback or on an address that the container has
 * itself (pasta copies the host's). The host's other servers follow, for when the forwarder's family is not configured.
 *
 * @param root put before the host's paths; a folder in tests
 */
export function resolvConf(dns: DNSOptions, reach: DNSReach, root = ""): string {
  const text = readHostFile("/etc/resolv.conf", root) ?? "";
  const untouched = dns.servers.length === 0 && dns.search.length === 0 && dns.options.length === 0;
  if (reach.network === "host" && untouched) return text;
  const host = parseResolvConf(text);
  const servers = dns.servers.length > 0 ? dns.servers : reachable(host.servers, reach, root);
  const search = dns.search.length > 0 ? dns.search.filter((domain) => domain !== ".") : host.search;
  const options = dns.options.length > 0 ? dns.options : host.options;
  const lines = servers.map((server) => `nameserver ${server}`);
  if (search.length > 0) lines.push(`search ${search.join(" ")}`);
  if (options.length > 0) lines.push(`options ${options.join(" ")}`);
  return lines.map((line) => `${line}\n`).join("");
}

function reachable(servers: readonly string[], reach: DNSReach, root: string): string[] {
  if (reach.network === "host") return [...servers];
  if (reach.network === "none") return [];
  const known = servers.includes(STUB)
    ? parseResolvConf(readHostFile(RESOLVED, root) ?? "").servers.concat(servers)
    : servers;
  // link-local servers carry the name of an interface of the host's, which is another link inside
  const others = known.filter((server) => !isLoopback(server) && !(isIPv6(zoneless(server)) && server.includes("%")));
  return [...new Set([reach.forwarder, ...others])];
}

function zoneless(address: string): string {
  return address.replace(/%.*/, "");
}
