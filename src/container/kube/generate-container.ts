/** A container as YAML has it. What there is no word for is said, and left out. */
import { readFileSync } from "node:fs";
import { statIfPresent } from "../../linux/stat.ts";
import type { ListedContainer } from "../list.ts";
import { readOptions } from "../options-file.ts";
import type { PodRecord } from "../pods/folder.ts";
import { requireSecret } from "../secrets/index.ts";
import type { MountRequest, RunOptions } from "../spec/options.ts";
import { filesFolder, KEY_LABEL, SECRET_LABEL } from "./place.ts";

export type Plain = Readonly<Record<string, unknown>>;

/** What is put together for the whole pod. */
export interface PodParts {
  readonly store: string;
  readonly pod: PodRecord | undefined;
  readonly name: string;
  /** By name. */
  readonly volumes: Map<string, Plain>;
  /** Documents beside the pod, by name. */
  readonly configMaps: Map<string, Plain>;
  /** Secrets that the YAML refers to, and does not have. */
  readonly secrets: Set<string>;
  /** What could not be said. */
  readonly left: string[];
}

/** Nothing for what is not there, or empty. */
export function compact(value: Readonly<Record<string, unknown>>): Plain {
  const isEmpty = (one: unknown) =>
    one === undefined ||
    (Array.isArray(one) && one.length === 0) ||
    (typeof one === "object" && one !== null && !Array.isArray(one) && Object.keys(one).length === 0);
  return Object.fromEntries(Object.entries(value).filter(([, one]) => !isEmpty(one)));
}

/** A name as Kubernetes has them: RFC 1123. */
export function label(text: string): string {
  const clean = text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return clean.replace(/^-+/, "").slice(0, 63).replace(/-+$/, "") || "x";
}

/** `$(` and `$$` mean something in YAML of Kubernetes. */
function literal(text: string): string {
  return text.replace(/\$(?=[$(])/g, "$$$$");
}

/** @param ports of the whole pod, which are the first container's */
export function containerYAML({ record }: ListedContainer, parts: PodParts, ports: readonly Plain[]): Plain {
  const { options } = readOptions(parts.store, record.id);
  const own = record.name ?? record.id.slice(0, 12);
  const short = own.startsWith(`${parts.name}-`) ? own.slice(parts.name.length + 1) : own;
  const leave = (what: string) => parts.left.push(`${what} of container ${own}`);
  if (options.image === undefined) leave("--rootfs");
  for (const [is, what] of leftOut(options)) if (is) leave(what);
  const words = options.command.map(literal);
  const entrypoint = options.entrypoint === undefined ? undefined : literal(options.entrypoint);
  const mounts = options.mounts.flatMap((mount) => mountYAML(mount, parts, leave));
  const secrets = secretsYAML(options, parts);
  return compact({
    name: label(short),
    image: record.image,
    command: entrypoint === undefined ? undefined : entrypoint === "" ? words : [entrypoint],
    args: entrypoint === "" ? undefined : words,
    env: [...envYAML(options, leave), ...secrets.env],
    ports,
    workingDir: options.workdir,
    volumeMounts: [...mounts, ...secrets.mounts],
    securityContext: securityYAML(options, leave),
    resources: resourcesYAML(options),
    livenessProbe: probeYAML(options),
    stdin: options.interactive || undefined,
    tty: options.tty || undefined,
  });
}

function leftOut(options: RunOptions): readonly (readonly [boolean, string])[] {
  return [
    [options.rlimits.length > 0, "--ulimit"],
    [Object.keys(options.sysctl).length > 0, "--sysctl"],
    [options.init, "--init"],
    [options.security.mask.length > 0, "--security-opt mask"],
    [options.security.unmask.some((path) => path !== "ALL"), "--security-opt unmask"],
    [options.resources.pids !== undefined, "--pids-limit"],
    [options.stopSignal !== undefined, "--stop-signal"],
    [options.uts === "host", "--uts"],
    [options.pid.startsWith("container:"), "--pid"],
    [options.ipc === "none", "--ipc"],
    [options.expose.length > 0, "--expose"],
    [options.log.driver !== "json-file", "--log-driver"],
    [options.userns.mode !== "auto", "--userns"],
  ];
}

function envYAML({ env }: RunOptions, leave: (what: string) => void): Plain[] {
  return env.flatMap((entry) => {
    const at = entry.indexOf("=");
    if (at >= 0) return { name: entry.slice(0, at), value: literal(entry.slice(at + 1)) };
    leave(`--env ${entry}, which takes the image's away,`);
    return [];
  });
}

function secretsYAML({ secrets }: RunOptions, { store, secrets: named, volumes }: PodParts) {
  const env: Plain[] = [];
  const mounts: Plain[] = [];
  for (const { secret, type, target, mode } of secrets) {
    const { labels, name: full } = requireSecret(store, secret);
    const [name, key] = [labels[SECRET_LABEL] ?? label(full), labels[KEY_LABEL] ?? full];
    named.add(name);
    if (type === "env") {
      env.push({ name: target ?? full, valueFrom: { secretKeyRef: { name, key } } });
      continue;
    }
    const volume = label(`${name}-${key}-secret`);
    const items = [{ key, path: key, mode }];
    // podman 4 takes `optional` to be there
    volumes.set(volume, { name: volume, secret: { secretName: name, optional: false, items } });
    mounts.push({ name: volume, mountPath: target ?? `/run/secrets/${full}`, subPath: key, readOnly: true });
  }
  return { env, mounts };
}

function mountYAML(mount: MountRequest, parts: PodParts, leave: (what: string) => void): Plain[] {
  const { type, source = "", destination, options, subpath } = mount;
  const add = (name: string, volume: Plain): Plain[] => {
    parts.volumes.set(name, { name, ...volume });
    const readOnly = options.includes("ro") || undefined;
    return [compact({ name, mountPath: destination, subPath: subpath, readOnly })];
  };
  if (type === "image") {
    leave(mount.flag);
    return [];
  }
  if (type === "tmpfs") {
    const size = options.find((option) => option.startsWith("size="))?.slice(5);
    return add(label(`${destination}-memory`), { emptyDir: compact({ medium: "Memory", sizeLimit: sizeText(size) }) });
  }
  if (type === "volume") {
    const empty = parts.pod === undefined ? undefined : `${parts.pod.id.slice(0, 12)}-`;
    if (empty !== undefined && source.startsWith(empty))
      return add(label(source.slice(empty.length)), { emptyDir: {} });
    // one of the container's own is empty at first
    if (mount.anonymous) return add(label(`${destination}-volume`), { emptyDir: {} });
    return add(label(`${source}-pvc`), { persistentVolumeClaim: { claimName: source } });
  }
  const files = parts.pod === undefined ? undefined : filesFolder(parts.store, parts.pod, "");
  if (files !== undefined && source.startsWith(files))
    return configMapYAML(mount, source.slice(files.length), parts, add);
  const stat = statIfPresent(source);
  const kind =
    stat === undefined
      ? undefined
      : stat.isFolder
        ? "Directory"
        : (stat.mode & 0o170000) === 0o100000
          ? "File"
          : undefined;
  return add(label(`${source}-host`), { hostPath: compact({ path: source, type: kind }) });
}

/** A number of bytes, as tmpfs takes it: `64m` is in powers of two. */
function sizeText(size: string | undefined): string | undefined {
  const [, number, unit] = /^(\d+)([kmg]?)$/i.exec(size ?? "") ?? [];
  return number === undefined ? undefined : `${number}${unit ? `${unit.toUpperCase()}i` : ""}`;
}

function configMapYAML(
  { destination }: MountRequest,
  path: string,
  parts: PodParts,
  add: (name: string, volume: Plain) => Plain[],
): Plain[] {
  const [volume = "", ...rest] = path.split("/");
  const folder = filesFolder(parts.store, parts.pod ?? { id: "" }, volume);
  const name = `${parts.name}-${volume}`;
  const items: Plain[] = [];
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const file of new Bun.Glob("**/*").scanSync({ cwd: folder, dot: true })) {
    const key = file.replaceAll("/", ".");
    const content = readFileSync(`${folder}/${file}`);
    const text = content.toString("utf8");
    // control characters have no place in YAML's text
    if (Buffer.from(text).equals(content) && !/[^\P{Cc}\t\n]/u.test(text)) data[key] = text;
    else binaryData[key] = content.toString("base64");
    items.push({ key, path: file, mode: (statIfPresent(`${folder}/${file}`)?.mode ?? 0o644) & 0o777 });
  }
  parts.configMaps.set(name, compact({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data, binaryData }));
  const [mounted = {}] = add(volume, { configMap: compact({ name, items }) });
  return [compact({ ...mounted, mountPath: destination, subPath: rest.join("/") || undefined })];
}

function securityYAML(options: RunOptions, leave: (what: string) => void): Plain {
  const [, user, group] = /^(\d+)(?::(\d+))?$/.exec(options.user ?? "") ?? [];
  if (options.user !== undefined && user === undefined) leave(`--user ${options.user}, which is a name,`);
  const { seccomp, noNewPrivileges, unmask } = options.security;
  if (seccomp !== undefined && seccomp !== "unconfined") leave("--security-opt seccomp");
  const capability = (name: string) => name.toUpperCase().replace(/^CAP_/, "");
  return compact({
    runAsUser: user === undefined ? undefined : Number(user),
    runAsGroup: group === undefined ? undefined : Number(group),
    capabilities: compact({ add: options.capAdd.map(capability), drop: options.capDrop.map(capability) }),
    privileged: options.privileged || undefined,
    readOnlyRootFilesystem: options.readOnly || undefined,
    // Kubernetes takes the two for a contradiction
    allowPrivilegeEscalation: options.privileged ? undefined : !noNewPrivileges,
    procMount: unmask.includes("ALL") ? "Unmasked" : undefined,
    seccompProfile: seccomp === "unconfined" ? { type: "Unconfined" } : undefined,
  });
}

function resourcesYAML({ resources }: RunOptions): Plain {
  const { memory, cpu } = resources;
  const milli = (value: number) => `${Math.max(Math.round(value * 1000), 1)}m`;
  const cpus = cpu?.quota === undefined || cpu.period === undefined ? undefined : cpu.quota / cpu.period;
  return compact({
    limits: compact({ memory: memory?.limit?.toString(), cpu: cpus === undefined ? undefined : milli(cpus) }),
    requests: compact({
      memory: memory?.reservation?.toString(),
      cpu: cpu?.shares === undefined ? undefined : milli(cpu.shares / 1024),
    }),
  });
}

function probeYAML({ health }: RunOptions): Plain | undefined {
  const [kind, ...words] = health?.test ?? [];
  if (health === undefined || (kind !== "CMD" && kind !== "CMD-SHELL")) return undefined;
  const seconds = (milliseconds: number | undefined) =>
    milliseconds === undefined ? undefined : Math.ceil(milliseconds / 1000);
  return compact({
    exec: { command: kind === "CMD" ? words : ["/bin/sh", "-c", words.join(" ")] },
    initialDelaySeconds: seconds(health.startPeriod) || undefined,
    periodSeconds: seconds(health.interval) ?? 30,
    timeoutSeconds: seconds(health.timeout) ?? 30,
    failureThreshold: health.retries,
  });
}
