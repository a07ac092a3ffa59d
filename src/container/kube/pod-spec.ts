/** A pod's YAML as what is made of it. */
import type { DNSOptions, ExtraHost } from "../../network/index.ts";
import { type KubeContainer, type PodSecurity, readContainer, readSeccomp } from "./container.ts";
import type { KubeFile, PodDocument } from "./documents.ts";
import type { Fields } from "./fields.ts";
import { type KubeVolume, readVolumes } from "./volumes.ts";

export interface KubePod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly hostname: string | undefined;
  readonly hostNetwork: boolean;
  readonly hostPID: boolean;
  readonly hostIPC: boolean;
  readonly sharePID: boolean;
  readonly dns: DNSOptions;
  readonly addHosts: readonly ExtraHost[];
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  /** Seconds. */
  readonly grace: number | undefined;
  readonly groups: readonly string[];
  readonly volumes: ReadonlyMap<string, KubeVolume>;
  /** They run to their end before the others, one after the other. */
  readonly init: readonly KubeContainer[];
  readonly containers: readonly KubeContainer[];
}

/** @throws TsboxError naming the field that is wrong or not built */
export function readPodSpec(pod: PodDocument, file: KubeFile): KubePod {
  const { spec } = pod;
  const policy = spec.oneOf("restartPolicy", ["Always", "OnFailure", "Never"]) ?? "Always";
  if (pod.always && policy !== "Always") throw spec.fail("restartPolicy", "the pods of a Deployment have Always");
  const securityContext = spec.object("securityContext");
  const groups = securityContext?.numbers("supplementalGroups").map(String) ?? [];
  const podSecurity: PodSecurity = {
    user: securityContext?.number("runAsUser"),
    group: securityContext?.number("runAsGroup"),
    nonRoot: securityContext?.flag("runAsNonRoot") === true,
    seccomp: securityContext && readSeccomp(securityContext),
  };
  securityContext?.end();
  const volumes = readVolumes(spec, file);
  const context = { pod, sources: file, volumes, podSecurity };
  const found: KubePod = {
    name: pod.name,
    labels: pod.labels,
    annotations: pod.annotations,
    hostname: spec.text("hostname") || undefined,
    hostNetwork: spec.flag("hostNetwork") === true,
    hostPID: spec.flag("hostPID") === true,
    hostIPC: spec.flag("hostIPC") === true,
    sharePID: spec.flag("shareProcessNamespace") === true,
    dns: readDNS(spec),
    addHosts: spec.objects("hostAliases").flatMap(readAlias),
    restartPolicy: policy,
    grace: spec.number("terminationGracePeriodSeconds"),
    groups,
    volumes,
    init: spec.objects("initContainers").map((fields) => readContainer(fields, context)),
    containers: spec.objects("containers").map((fields) => readContainer(fields, context)),
  };
  // what holds anyway where there is no cluster
  spec.accept({
    enableServiceLinks: [true, false],
    automountServiceAccountToken: [false],
    schedulerName: ["default-scheduler"],
    serviceAccountName: ["default"],
    serviceAccount: ["default"],
  });
  spec.end();
  if (found.containers.length === 0) throw spec.fail("containers", "there are none");
  const names = [...found.init, ...found.containers].map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw spec.fail("containers", `there are two of the name ${twice}`);
  const shared = sharedMemory(found);
  if (shared !== undefined)
    throw spec.fail("volumes", `${shared}: not built yet: medium: Memory that several containers mount`, "unsupported");
  return found;
}

/** A tmpfs is each container's own. */
function sharedMemory({ volumes, init, containers }: KubePod): string | undefined {
  const mounted = [...init, ...containers].flatMap(({ mounts }) => mounts.map(({ volume }) => volume));
  return [...volumes].find(
    ([name, volume]) => volume.kind === "empty" && volume.memory && mounted.filter((one) => one === name).length > 1,
  )?.[0];
}

function readAlias(fields: Fields): ExtraHost[] {
  const address = fields.requiredText("ip");
  const names = fields.texts("hostnames") ?? [];
  fields.end();
  for (const name of names)
    if (!/^[a-zA-Z0-9._-]+$/.test(name)) throw fields.fail("hostnames", `${JSON.stringify(name)} is not a host name`);
  if (!/^[0-9a-fA-F:.]+$/.test(address)) throw fields.fail("ip", `${JSON.stringify(address)} is not an address`);
  return names.map((name) => ({ name, address }));
}

function readDNS(spec: Fields): DNSOptions {
  spec.accept({ dnsPolicy: ["Default", "ClusterFirst", "ClusterFirstWithHostNet", "None"] });
  const config = spec.object("dnsConfig");
  const options = config?.objects("options").map((option) => {
    const name = option.requiredText("name");
    const value = option.scalar("value");
    option.end();
    return value === undefined ? name : `${name}:${value}`;
  });
  const found = {
    servers: config?.texts("nameservers") ?? [],
    search: config?.texts("searches") ?? [],
    options: options ?? [],
  };
  config?.end();
  return found;
}
