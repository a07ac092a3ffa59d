/** One container of a pod's YAML. */
import type { LinuxResources } from "../../oci/index.ts";
import { parseCpus } from "../flags/index.ts";
import type { HealthOptions, PullPolicy } from "../spec/options.ts";
import type { KubeFile, PodDocument } from "./documents.ts";
import { readEnvironment, substitute, type Variables } from "./environment.ts";
import type { Fields } from "./fields.ts";
import { readProbe } from "./probe.ts";
import { bytes, quantity } from "./quantity.ts";
import { type KubeVolume, readMounts, type VolumeMountWish } from "./volumes.ts";

export interface KubePort {
  readonly protocol: "tcp" | "udp";
  readonly containerPort: number;
  readonly hostPort: number | undefined;
  readonly hostIP: string | undefined;
}

export interface Security {
  readonly user: number | undefined;
  readonly group: number | undefined;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly privileged: boolean;
  readonly readOnly: boolean;
  /** Undefined: as tsbox has it without being told. */
  readonly escalation: boolean | undefined;
  readonly unmasked: boolean;
  readonly seccomp: "unconfined" | undefined;
}

export interface KubeContainer {
  readonly name: string;
  readonly image: string;
  readonly pull: PullPolicy;
  /** Absent: the image's. */
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly variables: Variables;
  readonly ports: readonly KubePort[];
  readonly mounts: readonly VolumeMountWish[];
  readonly workdir: string | undefined;
  readonly security: Security;
  readonly resources: LinuxResources;
  readonly health: HealthOptions | undefined;
  readonly tty: boolean;
  readonly interactive: boolean;
}

export interface ContainerContext {
  readonly pod: PodDocument;
  readonly sources: Pick<KubeFile, "configMaps" | "secrets">;
  readonly volumes: ReadonlyMap<string, KubeVolume>;
  /** The pod's securityContext. */
  readonly podSecurity: PodSecurity;
}

export interface PodSecurity {
  readonly user: number | undefined;
  readonly group: number | undefined;
  readonly nonRoot: boolean;
  readonly seccomp: "unconfined" | undefined;
}

/** @throws TsboxError naming the field */
export function readContainer(fields: Fields, context: ContainerContext): KubeContainer {
  const image = fields.requiredText("image");
  const variables = readEnvironment(fields, context.pod, context.sources);
  const words = (key: "command" | "args") => fields.texts(key)?.map((text) => substitute(text, variables, fields, key));
  const names = new Map<string, number>();
  const ports = fields.objects("ports").map((port) => readPort(port, names));
  const found: KubeContainer = {
    name: readName(fields),
    image,
    pull: pullPolicy(fields, image),
    command: words("command"),
    args: words("args"),
    variables,
    ports,
    mounts: readMounts(fields, context.volumes),
    workdir: fields.text("workingDir") || undefined,
    security: readSecurity(fields, context.podSecurity),
    resources: readResources(fields.object("resources")),
    health: readProbe(fields, names),
    tty: fields.flag("tty") === true,
    interactive: fields.flag("stdin") === true,
  };
  // what containers here do anyway
  fields.accept({
    terminationMessagePath: ["/dev/termination-log"],
    terminationMessagePolicy: ["File"],
    stdinOnce: [false],
  });
  fields.end();
  return found;
}

function readName(fields: Fields): string {
  const name = fields.requiredText("name");
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return name;
  throw fields.fail("name", `${JSON.stringify(name)} is not a name`);
}

/** Kubernetes': an image without a tag, or of the tag latest, may have changed. */
function pullPolicy(fields: Fields, image: string): PullPolicy {
  const policy = fields.oneOf("imagePullPolicy", ["Always", "IfNotPresent", "Never", ""]);
  if (policy === "Always") return "always";
  if (policy === "IfNotPresent") return "missing";
  if (policy === "Never") return "never";
  const tag = /:([\w][\w.-]*)$/.exec(image)?.[1];
  const fixed = image.includes("@") || (tag !== undefined && tag !== "latest") || isPath(image);
  return fixed ? "missing" : "newer";
}

/** An image of a transport of the host, which is no registry. */
function isPath(image: string): boolean {
  return /^(oci|oci-archive|docker-archive|dir|containers-storage):/.test(image);
}

function readPort(fields: Fields, names: Map<string, number>): KubePort {
  const port = (key: string) => {
    const value = fields.number(key);
    if (value === undefined || value === 0 || value < 65536) return value || undefined;
    throw fields.fail(key, `${value} is not a port from 1 to 65535`);
  };
  const containerPort = port("containerPort");
  if (containerPort === undefined) throw fields.fail("containerPort", "it is missing");
  const protocol = fields.oneOf("protocol", ["TCP", "UDP", ""]) === "UDP" ? "udp" : "tcp";
  const name = fields.text("name");
  if (name !== undefined) names.set(name, containerPort);
  const found = {
    protocol,
    containerPort,
    hostPort: port("hostPort"),
    hostIP: fields.text("hostIP") || undefined,
  } as const;
  fields.end();
  return found;
}

/** What containers and pods have in common. */
export function readSeccomp(fields: Fields): "unconfined" | undefined {
  const profile = fields.object("seccompProfile");
  const type = profile?.oneOf("type", ["RuntimeDefault", "Unconfined"]);
  profile?.end();
  return type === "Unconfined" ? "unconfined" : undefined;
}

function readSecurity(container: Fields, pod: PodSecurity): Security {
  const fields = container.object("securityContext");
  const capabilities = fields?.object("capabilities");
  const user = fields?.number("runAsUser") ?? pod.user;
  const nonRoot = fields?.flag("runAsNonRoot") ?? pod.nonRoot;
  if (nonRoot && (user ?? 0) === 0) {
    throw (fields ?? container).fail(
      "runAsNonRoot",
      user === 0 ? "runAsUser is 0" : "it takes a runAsUser here: what the image says is not looked at",
    );
  }
  const found: Security = {
    user,
    group: fields?.number("runAsGroup") ?? pod.group,
    capAdd: capabilities?.texts("add") ?? [],
    capDrop: capabilities?.texts("drop") ?? [],
    privileged: fields?.flag("privileged") === true,
    readOnly: fields?.flag("readOnlyRootFilesystem") === true,
    escalation: fields?.flag("allowPrivilegeEscalation"),
    unmasked: fields?.oneOf("procMount", ["Default", "Unmasked"]) === "Unmasked",
    seccomp: fields?.has("seccompProfile") ? readSeccomp(fields) : pod.seccomp,
  };
  capabilities?.end();
  fields?.end();
  return found;
}

function readResources(fields: Fields | undefined): LinuxResources {
  if (fields === undefined) return {};
  const [limits, requests] = [fields.object("limits"), fields.object("requests")];
  const limit = limits && bytes(limits, "memory");
  const cpus = limits && quantity(limits, "cpu");
  const reservation = requests && bytes(requests, "memory");
  const share = requests && quantity(requests, "cpu");
  for (const part of [limits, requests, fields]) part?.end();
  // as podman: a share of 1024 is a processor
  const shares = share === undefined ? undefined : Math.max(Math.round(share * 1024), 2);
  const cpu = { ...(cpus === undefined ? {} : parseCpus(String(cpus))), ...(shares === undefined ? {} : { shares }) };
  const memory = {
    ...(limit === undefined ? {} : { limit, swap: limit * 2 }),
    ...(reservation === undefined ? {} : { reservation }),
  };
  return {
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
  };
}
