/** From options to all that a container's network needs. Starts nothing. */
import { TsboxError } from "../error.ts";
import { isIPv6 } from "./address.ts";
import { type Decision, decide, INSTALL_PASTA } from "./decide.ts";
import type { HelperProcess } from "./helper.ts";
import { type ExtraHost, hostsFile, wantsHostGateway } from "./hosts.ts";
import type { NetworkMode } from "./network-option.ts";
import { dnsForward, PASTA_DNS, PASTA_HOST, pastaProcess } from "./pasta.ts";
import { type BoundPort, bindPorts, checkPrivilegedPorts, type PublishedPort } from "./ports.ts";
import { checkDNS, type DNSOptions, type DNSReach, resolvConf } from "./resolv-conf.ts";
import { parseSlirpOptions, slirpAddresses, slirpProcess } from "./slirp4netns.ts";
import { findTools, type NetworkTools } from "./tools.ts";

export interface NetworkOptions {
  /** Absent: pasta, else slirp4netns, else the host's. */
  readonly mode?: NetworkMode;
  readonly publish?: readonly PublishedPort[];
  readonly dns?: DNSOptions;
  readonly addHosts?: readonly ExtraHost[];
  /** The container's host name. */
  readonly hostname: string;
  /** A folder that lives as long as the container, for slirp4netns's socket; its path is at most 90 bytes long. */
  readonly runtimeFolder: string;
  /** Whether the container gets a user namespace, which pasta needs. */
  readonly userNamespace: boolean;
}

export interface NetworkSetup {
  /** What was decided, for `-v`, `inspect` and the state. */
  readonly mode: NetworkMode["mode"];
  /** Whether the container gets a network namespace of its own. */
  readonly newNamespace: boolean;
  /** Whose namespace is joined, with `container`. */
  readonly joinContainer?: string;
  readonly helper?: HelperProcess;
  readonly ports: readonly BoundPort[];
  /** With slirp4netns and ports: what `publishWithSlirp` is called with once the helper is ready. */
  readonly slirpPorts?: { readonly apiSocket: string; readonly guest: string };
  /** Contents of `/etc/resolv.conf`, `/etc/hosts`, `/etc/hostname`; absent with `container`, whose files are shared. */
  readonly files?: NetworkFiles;
  /** One line for standard error: something was had in a lesser way than usual. */
  readonly warning?: string;
}

export interface NetworkFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  readonly hostname: string;
}

const CONTROL = /[\x00-\x1f\x7f]/;
const NO_DNS: DNSOptions = { servers: [], search: [], options: [] };

/**
 * Decides on a container's network and describes it.
 *
 * @throws TsboxError `host` or `unsupported` when something explicit cannot be had, `usage` when wishes contradict each
 *   other, `denied` for ports that only root may bind
 */
export async function setUpNetwork(options: NetworkOptions, tools: NetworkTools = findTools()): Promise<NetworkSetup> {
  const decision = decide(options.mode, tools, options.userNamespace);
  const { mode } = decision;
  checkDNS(options.dns ?? NO_DNS);
  const publish = options.publish ?? [];
  if (mode.mode === "named") throw new TsboxError("internal", "cannot set up a named network before it is joined");
  if (mode.mode === "container") return joinContainer(mode.id, options);
  if (publish.length > 0) refusePorts(decision);
  if (mode.mode === "host") return withHost(options, decision);
  if (mode.mode === "none") {
    const files = filesOf(options, { network: "none" }, undefined, undefined);
    return { mode: "none", newNamespace: true, ports: [], files };
  }
  checkPrivilegedPorts(publish, tools.uid);
  const ports = publish.length === 0 ? [] : await bindPorts(publish);
  const path = decision.path ?? mode.mode;
  // PID is a control character, and the native program has others: a word of the user's must not pass for one
  const odd = [...mode.options, options.runtimeFolder].find((word) => CONTROL.test(word));
  if (odd !== undefined) {
    throw new TsboxError("usage", `cannot start ${mode.mode}: ${JSON.stringify(odd)} contains a control character`);
  }
  return mode.mode === "pasta"
    ? withPasta(path, mode.options, ports, options, tools)
    : withSlirp(path, mode.options, ports, options);
}

function refusePorts({ mode, warning }: Decision): void {
  if (mode.mode === "none") {
    throw new TsboxError("usage", "cannot publish ports: --network=none leaves the container without a network");
  }
  if (mode.mode === "host" && warning !== undefined) {
    throw new TsboxError(
      "host",
      `cannot publish ports: ${warning}; with --network=host the program's own ports are the host's`,
    );
  }
}

function joinContainer(id: string, { publish = [], dns = NO_DNS, addHosts = [] }: NetworkOptions): NetworkSetup {
  const given = [
    [publish, "-p"],
    [dns.servers, "--dns"],
    [dns.search, "--dns-search"],
    [dns.options, "--dns-option"],
    [addHosts, "--add-host"],
  ] as const;
  const conflict = given.find(([list]) => list.length > 0)?.[1];
  if (conflict !== undefined) {
    throw new TsboxError("usage", `cannot use ${conflict} with --network=container: the other container decides it`);
  }
  return { mode: "container", newNamespace: false, joinContainer: id, ports: [] };
}

function withHost(options: NetworkOptions, { warning }: Decision): NetworkSetup {
  const ignored =
    (options.publish ?? []).length > 0
      ? "-p changes nothing with --network=host: the program's own ports are the host's"
      : undefined;
  const line = warning ?? ignored;
  return {
    mode: "host",
    newNamespace: false,
    ports: [],
    files: filesOf(options, { network: "host" }, undefined, "127.0.0.1"),
    ...(line === undefined ? {} : { warning: line }),
  };
}

function withPasta(
  path: string,
  extra: readonly string[],
  ports: readonly BoundPort[],
  options: NetworkOptions,
  tools: NetworkTools,
): NetworkSetup {
  const hostGateway = wantsHostGateway(options.addHosts ?? []);
  if (hostGateway && !tools.pastaHas("--map-guest-addr")) {
    throw new TsboxError(
      "host",
      `cannot add host-gateway: this pasta has no way to the host, one of August 2024 or later has (${INSTALL_PASTA}); or use --network=slirp4netns:allow_host_loopback=true`,
    );
  }
  const reach = { network: "helper", forwarder: dnsForward(extra) ?? PASTA_DNS } as const;
  const moved = ports.find((port) => port.protocol === "udp" && port.hostPort !== port.containerPort);
  return {
    mode: "pasta",
    newNamespace: true,
    helper: pastaProcess({ path, ports, extra, hostGateway }),
    ports,
    files: filesOf(options, reach, undefined, PASTA_HOST),
    // seen with Debian 12's, of March 2023
    ...(moved === undefined || tools.pastaHas("--map-guest-addr")
      ? {}
      : {
          warning: `UDP answers of port ${moved.containerPort} may be lost: this pasta needs the same port on both sides (-p ${moved.containerPort}:${moved.containerPort}/udp), one of August 2024 or later does not`,
        }),
  };
}

function withSlirp(
  path: string,
  extra: readonly string[],
  ports: readonly BoundPort[],
  options: NetworkOptions,
): NetworkSetup {
  const settings = parseSlirpOptions(extra);
  const addresses = slirpAddresses(settings);
  if (wantsHostGateway(options.addHosts ?? []) && !settings.allowHostLoopback) {
    throw new TsboxError(
      "unsupported",
      "cannot add host-gateway: with slirp4netns that opens the host's loopback services, so it has to be allowed: --network=slirp4netns:allow_host_loopback=true",
    );
  }
  const v6 = ports.find(({ hostIP }) => hostIP !== undefined && isIPv6(hostIP));
  if (v6 !== undefined) {
    throw new TsboxError(
      "unsupported",
      `cannot publish on ${v6.hostIP}: slirp4netns publishes on IPv4 only; use pasta`,
    );
  }
  const apiSocket = ports.length === 0 ? undefined : `${options.runtimeFolder}/slirp4netns.sock`;
  return {
    mode: "slirp4netns",
    newNamespace: true,
    helper: slirpProcess(path, settings, apiSocket),
    ports,
    files: filesOf(options, { network: "helper", forwarder: addresses.dns }, addresses.container, addresses.host),
    ...(apiSocket === undefined ? {} : { slirpPorts: { apiSocket, guest: addresses.container } }),
  };
}

function filesOf(
  { hostname, dns = NO_DNS, addHosts = [] }: NetworkOptions,
  reach: DNSReach,
  address: string | undefined,
  gateway: string | undefined,
): NetworkFiles {
  const hostNetwork = reach.network === "host";
  return {
    resolvConf: resolvConf(dns, reach),
    hosts: hostsFile({ hostname, hostNetwork, address, extra: addHosts, gateway }),
    hostname: `${hostname}\n`,
  };
}
