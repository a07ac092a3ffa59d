/** NetworkSettings of Docker's ContainerInspect: what the container has on networks right now. */
import type { ContainerRecord } from "../../container/folder.ts";
import { findNetwork, membersOf } from "../../container/networks.ts";
import type { SavedOptions } from "../../container/options-file.ts";
import { portBindings, portsFolder } from "../../container/ports.ts";
import type { ContainerState } from "../../container/state.ts";
import { mapOf } from "../format/values.ts";
import type { Inspected } from "./kinds.ts";

type Binding = { HostIp: string; HostPort: string };

/** What of it is nowhere: pasta gives a container the host's own addresses, which are not its alone. */
const NO_ADDRESS = { Gateway: "", IPAddress: "", IPPrefixLen: 0, MacAddress: "" };
const NO_ADDRESS_6 = { IPv6Gateway: "", GlobalIPv6Address: "", GlobalIPv6PrefixLen: 0 };

export function networkSettings(
  store: string,
  record: ContainerRecord,
  saved: SavedOptions | undefined,
  { pid }: ContainerState,
): Inspected {
  const networks = networksOf(store, record, saved, pid > 0);
  const first = Object.values(networks)[0];
  return {
    Bridge: "",
    SandboxID: "",
    SandboxKey: pid > 0 ? `/proc/${pid}/ns/net` : "",
    Ports: pid > 0 ? openPorts(store, record, saved) : mapOf<Binding[] | null>({}),
    EndpointID: first?.EndpointID ?? "",
    Gateway: first?.Gateway ?? "",
    IPAddress: first?.IPAddress ?? "",
    IPPrefixLen: first?.IPPrefixLen ?? 0,
    MacAddress: first?.MacAddress ?? "",
    ...NO_ADDRESS_6,
    Networks: networks,
  };
}

/** Those that the image or the options expose and nothing publishes are null. */
function openPorts(store: string, record: ContainerRecord, saved: SavedOptions | undefined) {
  const ports = mapOf<Binding[] | null>({});
  const exposed = [...Object.keys(saved?.defaults.ExposedPorts ?? {}), ...(saved?.options.expose ?? [])];
  for (const port of exposed) ports[port.includes("/") ? port : `${port}/tcp`] = null;
  for (const { containerPort, protocol, hostIP, hostPort } of portBindings(portsFolder(store, record))) {
    const port = `${containerPort}/${protocol}`;
    ports[port] = [...(ports[port] ?? []), { HostIp: hostIP, HostPort: String(hostPort) }];
  }
  return ports;
}

type Endpoint = typeof NO_ADDRESS & typeof NO_ADDRESS_6 & Readonly<Record<string, unknown>> & { EndpointID: string };

function networksOf(store: string, record: ContainerRecord, saved: SavedOptions | undefined, runs: boolean) {
  const mode = saved?.options.network;
  if (mode?.mode !== "named") {
    const name = record.network ?? "default";
    // another container's network is listed with that one
    return mapOf<Endpoint>(name.startsWith("container:") ? [] : [[name, endpoint([], "", NO_ADDRESS)]]);
  }
  return mapOf<Endpoint>(
    mode.endpoints.map(
      ({ network: name, aliases }) => [name, namedEndpoint(store, record, name, aliases, runs)] as const,
    ),
  );
}

function namedEndpoint(
  store: string,
  { id }: ContainerRecord,
  name: string,
  aliases: readonly string[],
  runs: boolean,
) {
  let network: ReturnType<typeof findNetwork>;
  try {
    network = findNetwork(store, name);
  } catch {
    return endpoint(aliases, "", NO_ADDRESS); // it has been removed
  }
  const member = runs ? membersOf(store, network).find((candidate) => candidate.id === id) : undefined;
  if (member === undefined) return endpoint(aliases, network.id, NO_ADDRESS);
  const length = Number(network.subnet.split("/")[1] ?? 0);
  const found = {
    Gateway: network.gateway,
    IPAddress: member.address,
    IPPrefixLen: length,
    MacAddress: member.mac,
  };
  return endpoint(aliases, network.id, found, member.names);
}

function endpoint(
  aliases: readonly string[],
  networkID: string,
  address: typeof NO_ADDRESS,
  names: readonly string[] = [],
): Endpoint {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: aliases.length > 0 ? aliases : null,
    NetworkID: networkID,
    EndpointID: "",
    ...address,
    ...NO_ADDRESS_6,
    DriverOpts: null,
    DNSNames: names.length > 0 ? names : null,
  };
}
