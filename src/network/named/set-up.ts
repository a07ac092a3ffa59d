/** From options to what a container of named networks needs beside its devices: a helper for the outside, ports, files. */
import { TsboxError } from "../../error.ts";
import { isIPv4 } from "../address.ts";
import { INSTALL_PASTA, NO_TUN } from "../decide.ts";
import { hostsFile, wantsHostGateway } from "../hosts.ts";
import { pastaForNamed } from "../pasta.ts";
import { bindPorts, checkPrivilegedPorts } from "../ports.ts";
import { checkDNS, type DNSOptions, resolvConf } from "../resolv-conf.ts";
import type { NetworkOptions, NetworkSetup } from "../set-up.ts";
import { parseSlirpOptions, slirpAddresses, slirpProcess } from "../slirp4netns.ts";
import { findTools, type NetworkTools } from "../tools.ts";
import { OUTSIDE_DEVICE, OUTSIDE_ROUTER } from "./attach.ts";
import { hostAddress } from "./host-addresses.ts";
import type { Joined } from "./join.ts";
import { contains, readSubnet, toNumber } from "./subnet.ts";

/** In every container's search list, and taken off by the resolver, so that a name without dots is not first asked for elsewhere. */
export const SEARCH_DOMAIN = "tsbox.internal";

const NO_DNS: DNSOptions = { servers: [], search: [], options: [] };

/** The servers of `--dns` that the hubs ask in place of the host's: one within a network is asked by the container itself. */
export function upstreamServers(servers: readonly string[], subnets: readonly string[]): string[] {
  return servers.filter((server) => !isWithin(server, subnets));
}

function isWithin(server: string, subnets: readonly string[]): boolean {
  return isIPv4(server) && subnets.some((text) => contains(readSubnet(text), toNumber(server)));
}

/**
 * @param joined not empty
 * @throws TsboxError `host` or `usage` for ports that cannot be published, `denied` for those that only root may bind
 */
export async function setUpNamed(
  options: NetworkOptions,
  joined: readonly Joined[],
  tools: NetworkTools = findTools(),
): Promise<NetworkSetup> {
  const dns = options.dns ?? NO_DNS;
  checkDNS(dns);
  const publish = options.publish ?? [];
  const internal = joined.every(({ network }) => network.internal);
  const helper = internal ? undefined : chooseHelper(options, tools);
  if (publish.length > 0 && helper === undefined) {
    throw internal
      ? new TsboxError("usage", "cannot publish ports: the network is internal, nothing of the outside reaches it")
      : new TsboxError("host", `cannot publish ports: ${noHelper(options, tools)}`);
  }
  checkPrivilegedPorts(publish, tools.uid);
  const ports = publish.length === 0 ? [] : await bindPorts(publish);
  const base = {
    mode: "named" as const,
    newNamespace: true,
    ports,
    files: filesOf(options, dns, joined),
  };
  const [first] = joined;
  if (helper === undefined || first === undefined)
    return internal
      ? base
      : { ...base, warning: `the container does not reach the outside: ${noHelper(options, tools)}` };
  if (helper.kind === "pasta") {
    const { address, network } = joined.find(({ network }) => !network.internal) ?? first;
    const place = {
      address,
      prefix: readSubnet(network.subnet).prefix,
      router: OUTSIDE_ROUTER,
      device: OUTSIDE_DEVICE,
    };
    return { ...base, helper: pastaForNamed(helper.path, ports, place) };
  }
  const settings = parseSlirpOptions([]);
  const apiSocket = ports.length === 0 ? undefined : `${options.runtimeFolder}/slirp4netns.sock`;
  return {
    ...base,
    helper: slirpProcess(helper.path, settings, apiSocket),
    ...(apiSocket === undefined ? {} : { slirpPorts: { apiSocket, guest: slirpAddresses(settings).container } }),
  };
}

function chooseHelper({ userNamespace }: NetworkOptions, tools: NetworkTools) {
  if (!tools.tun) return undefined;
  const { pasta } = tools;
  if (userNamespace && pasta !== undefined) return { kind: "pasta", path: pasta } as const;
  const { slirp4netns } = tools;
  return slirp4netns === undefined ? undefined : ({ kind: "slirp4netns", path: slirp4netns } as const);
}

function noHelper({ userNamespace }: NetworkOptions, tools: NetworkTools): string {
  if (!tools.tun) return NO_TUN;
  return userNamespace
    ? `neither pasta nor slirp4netns is installed (${INSTALL_PASTA})`
    : "slirp4netns is not installed (apt-get install slirp4netns or dnf install slirp4netns)";
}

function filesOf(options: NetworkOptions, dns: DNSOptions, joined: readonly Joined[]) {
  const { hostname, addHosts = [] } = options;
  const hubs = joined.filter(({ network }) => network.dnsEnabled).map(({ network }) => network.gateway);
  const subnets = joined.map(({ network }) => network.subnet);
  const within = dns.servers.filter((server) => isWithin(server, subnets));
  // without resolvers of networks there is nobody to ask the person's servers for it
  const servers = hubs.length > 0 ? [...hubs, ...within] : dns.servers;
  const text = resolvConf({ ...dns, servers }, { network: "none" });
  const search = hubs.length > 0 ? withSearch(text) : text;
  const gateway = wantsHostGateway(addHosts) ? hostAddress() : undefined;
  const address = joined[0]?.address;
  return {
    resolvConf: search,
    hosts: hostsFile({ hostname, hostNetwork: false, address, extra: addHosts, gateway }),
    hostname: `${hostname}\n`,
  };
}

/** Puts the networks' own domain before others in the search list. */
function withSearch(text: string): string {
  return /^search /m.test(text)
    ? text.replace(/^search /m, `search ${SEARCH_DOMAIN} `)
    : `${text}search ${SEARCH_DOMAIN}\n`;
}
