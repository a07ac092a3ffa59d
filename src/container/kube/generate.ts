/** `tsbox kube generate`: a pod, or containers, as YAML that `kube play` and podman take. */
import { stringify } from "yaml";
import { TsboxError } from "../../error.ts";
import type { PublishedPort } from "../../network/index.ts";
import { findContainer, type ListedContainer } from "../list.ts";
import { readOptions } from "../options-file.ts";
import { findPod, type PodRecord } from "../pods/folder.ts";
import { containersOf } from "../pods/state.ts";
import type { RunOptions } from "../spec/options.ts";
import { containerState, readRecord } from "../state.ts";
import { compact, containerYAML, label, type Plain, type PodParts } from "./generate-container.ts";

export interface Generated {
  readonly text: string;
  /** What there is no word for in YAML, one line each. */
  readonly left: readonly string[];
}

/** @param names one pod, or containers that become one pod. @throws TsboxError `not-found`, `usage` */
export function generateKube(store: string, names: readonly string[]): Generated {
  const [first = ""] = names;
  const pod = podIfAny(store, first);
  if (pod !== undefined && names.length > 1)
    throw new TsboxError("usage", "cannot generate YAML of a pod and something else: name one pod, or containers");
  const containers = pod === undefined ? names.map((name) => listed(store, name)) : containersOf(store, pod);
  if (containers.length === 0)
    throw new TsboxError("usage", `cannot generate YAML of pod ${pod?.name}: it has no containers`);
  const name = pod?.name ?? label(`${containers[0]?.record.name ?? "tsbox"}-pod`);
  const parts: PodParts = {
    store,
    pod,
    name,
    volumes: new Map(),
    configMaps: new Map(),
    secrets: new Set(),
    left: [],
  };
  const options = containers.map(({ record }) => readOptions(store, record.id).options);
  const document = podYAML(containers, options, parts);
  return { text: render([...parts.configMaps.values(), document], parts), left: parts.left };
}

function podIfAny(store: string, name: string): PodRecord | undefined {
  try {
    return findPod(store, name);
  } catch (error) {
    if (error instanceof TsboxError && error.code === "not-found") return undefined;
    throw error;
  }
}

function listed(store: string, name: string): ListedContainer {
  const record = readRecord(store, findContainer(store, name));
  return { record, state: containerState(store, record) };
}

/** Quoted so that a reader of YAML 1.1, as Go's is, finds the same texts. */
function render(documents: readonly Plain[], { secrets }: PodParts): string {
  const head = ["# Made by tsbox kube generate; tsbox kube play FILE, or podman kube play FILE, makes it."];
  for (const name of secrets) head.push(`# The Secret ${name} is not in it: put it before this.`);
  const texts = documents.map((document) =>
    stringify(document, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return `${head.join("\n")}\n${texts.map((text) => text.replace(/^%YAML 1\.1\n---\n/, "")).join("---\n")}`;
}

function podYAML(containers: readonly ListedContainer[], options: readonly RunOptions[], parts: PodParts): Plain {
  const { pod, left } = parts;
  const init = pod?.init ?? [];
  const main = containers.filter(({ record }) => !init.includes(record.id));
  const ports = pod?.ports ?? options.flatMap(({ publish }) => publish);
  const yaml = (container: ListedContainer) =>
    containerYAML(container, parts, container === main[0] ? ports.flatMap((port) => portYAML(port, left)) : []);
  const [mainYAML, initYAML] = [main.map(yaml), containers.filter((one) => !main.includes(one)).map(yaml)];
  const network = pod === undefined ? options[0]?.network : pod.network;
  if (network !== undefined && network.mode !== "host")
    left.push(`--network ${pod?.networkName ?? options[0]?.networkName}, which kube play takes,`);
  const dns = pod?.dns ?? options[0]?.dns;
  const grace = options.flatMap(({ stopTimeout }) => stopTimeout ?? []);
  const hostname = pod === undefined ? options[0]?.hostname : pod.hostname === pod.name ? undefined : pod.hostname;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: compact({
      name: parts.name,
      // what the image says it says itself
      labels: { app: label(parts.name), ...(pod?.labels ?? options[0]?.labels) },
      annotations: Object.assign({}, ...options.map(({ annotations }) => annotations)),
    }),
    spec: compact({
      hostname,
      hostAliases: aliases(pod?.addHosts ?? options[0]?.addHosts ?? [], left),
      dnsConfig: compact({
        nameservers: dns?.servers,
        searches: dns?.search,
        options: dns?.options.map((option) => {
          const [name, value] = option.split(":", 2);
          return compact({ name, value });
        }),
      }),
      hostNetwork: network?.mode === "host" || undefined,
      hostPID: options.some(({ pid }) => pid === "host") || undefined,
      hostIPC: options.some(({ ipc }) => ipc === "host") || undefined,
      shareProcessNamespace: pod?.share.includes("pid") || undefined,
      securityContext: compact({
        supplementalGroups: [...new Set(options.flatMap(({ groups }) => groups))].flatMap((group) =>
          /^\d+$/.test(group) ? [Number(group)] : [],
        ),
      }),
      initContainers: initYAML,
      containers: mainYAML,
      volumes: [...parts.volumes.values()],
      restartPolicy: pod?.restartPolicy ?? restartPolicy(options, left),
      terminationGracePeriodSeconds: grace.length === 0 ? undefined : Math.max(...grace, 0),
    }),
  };
}

function portYAML(port: PublishedPort, left: string[]): Plain[] {
  const { protocol, hostIP, containerPort, count } = port;
  const hostPort = port.hostPorts === undefined ? port.hostPort : undefined;
  if (hostPort === undefined) left.push(`--publish ${containerPort}, whose port the host chooses,`);
  return Array.from({ length: count }, (_, i) =>
    compact({
      containerPort: containerPort + i,
      hostPort: hostPort === undefined ? undefined : hostPort + i,
      hostIP,
      protocol: protocol === "udp" ? "UDP" : undefined,
    }),
  );
}

function aliases(hosts: PodRecord["addHosts"], left: string[]): Plain[] {
  const names = new Map<string, string[]>();
  for (const { name, address } of hosts) {
    if (address === "host-gateway") left.push(`--add-host ${name}:host-gateway`);
    else names.set(address, [...(names.get(address) ?? []), name]);
  }
  return [...names].map(([ip, hostnames]) => ({ ip, hostnames }));
}

/** There is one for the whole pod. */
function restartPolicy(options: readonly RunOptions[], left: string[]): string {
  const words = options.map(({ restart }) => {
    if (restart?.name === "always" || restart?.name === "unless-stopped") return "Always";
    return restart?.name === "on-failure" ? "OnFailure" : "Never";
  });
  const policy = ["Always", "OnFailure"].find((word) => words.includes(word as (typeof words)[number])) ?? "Never"; // cast: only to look
  if (words.some((word) => word !== policy)) left.push("that not all containers have the same --restart");
  return policy;
}
