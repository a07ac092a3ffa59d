/** `tsbox pod inspect` and `exists` */
import { containersOf, findPod, holderOf, type PodRecord, podFolder, podStatus } from "../../container/pods/index.ts";
import { TsboxError } from "../../error.ts";
import { readShortText } from "../../linux/read-text.ts";
import { writeAll } from "../../linux/write-text.ts";
import type { BoundPort } from "../../network/index.ts";
import { openStore } from "../../store/index.ts";
import { type CommandDefinition, last } from "../args.ts";
import { forEachOperand, HELP, readCommand, requireOperands } from "../command.ts";

export const INSPECT: CommandDefinition = {
  name: "pod inspect",
  description: "Print what is known of pods, as JSON: of one as an object, of several as a list.",
  operands: "POD...",
  flags: {
    format: {
      type: "string",
      alias: "f",
      description: "json, or text with {{.Name}}, {{.State}}, ...",
      valueHint: "FORMAT",
    },
    ...HELP,
  },
  examples: [["tsbox pod inspect -f '{{.State}}' web", "whether it runs"]],
};

export const EXISTS: CommandDefinition = {
  name: "pod exists",
  description: "End with status 0 if there is a pod of that name or id, with 1 otherwise.",
  operands: "POD",
  flags: { ...HELP },
  examples: [["tsbox pod exists web || tsbox pod create web", "make it where it is missing"]],
};

/** For `tsbox inspect`. @throws TsboxError `not-found` */
export async function inspectPod(store: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  return described(store, findPod(store, name));
}

/** In podman's words. */
function described(store: string, pod: PodRecord): Readonly<Record<string, unknown>> {
  const containers = containersOf(store, pod);
  const holder = holderOf(store, pod.id);
  return {
    Id: pod.id,
    Name: pod.name,
    Created: new Date(pod.created).toISOString(),
    State: podStatus(pod, containers),
    Hostname: pod.hostname,
    Labels: pod.labels,
    SharedNamespaces: pod.share,
    NumContainers: containers.length,
    /** Of the process in the pod's namespaces; 0 while no container runs. */
    InfraPid: holder?.pid ?? 0,
    InfraConfig: {
      PortBindings: portBindings(store, pod),
      HostNetwork: pod.network?.mode === "host",
      Networks: pod.networkName?.split(" ") ?? [],
      DNSServer: pod.dns.servers,
      DNSSearch: pod.dns.search,
      DNSOption: pod.dns.options,
      HostAdd: pod.addHosts.map(({ name, address }) => `${name}:${address}`),
    },
    Containers: containers.map(({ record, state }) => ({ Id: record.id, Name: record.name, State: state.status })),
  };
}

/** As Docker has it; ports that the host chooses are known once the pod has run. */
function portBindings(store: string, pod: PodRecord): Readonly<Record<string, unknown>> {
  const text = pod.ports.length === 0 ? undefined : readShortText(`${podFolder(store, pod.id)}/ports.json`);
  const ports = text === undefined ? pod.ports : (JSON.parse(text) as readonly BoundPort[]); // cast: only tsbox writes it
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { protocol, hostIP, hostPort, containerPort, count } of ports) {
    for (let i = 0; i < count; i++) {
      const HostPort = hostPort === undefined ? "" : String(hostPort + i);
      const key = `${containerPort + i}/${protocol}`;
      bindings[key] = [...(bindings[key] ?? []), { HostIp: hostIP ?? "", HostPort }];
    }
  }
  return bindings;
}

export async function inspect(argv: readonly string[]): Promise<number> {
  const args = await readCommand(INSPECT, argv);
  if (args === undefined) return 0;
  requireOperands(INSPECT, args, "pod");
  const store = openStore().root;
  const found: Readonly<Record<string, unknown>>[] = [];
  const status = await forEachOperand(args, async (name) => {
    found.push(described(store, findPod(store, name)));
  });
  const format = last(args, "format");
  if (found.length === 0) return status;
  if (format === undefined || format === "json") {
    const value = args.positionals.length === 1 ? found[0] : found;
    writeAll(1, `${JSON.stringify(value, null, format === undefined ? 4 : 0)}\n`);
    return status;
  }
  const { renderListing } = await import("../format/listing.ts");
  writeAll(1, `${renderListing(format, { columns: [], headings: {}, rows: found })}\n`);
  return status;
}

export async function exists(argv: readonly string[]): Promise<number> {
  const args = await readCommand(EXISTS, argv);
  if (args === undefined) return 0;
  requireOperands(EXISTS, args, "pod");
  try {
    findPod(openStore().root, args.positionals[0] ?? "");
    return 0;
  } catch (error) {
    if (error instanceof TsboxError && error.code === "not-found") return 1;
    throw error;
  }
}
