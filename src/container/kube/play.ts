/** `tsbox kube play`: pods and their containers from YAML. */
import { TsboxError } from "../../error.ts";
import { chooseMapping, type UsernsMode } from "../../idmap/index.ts";
import type { OnPullEvent } from "../../image/index.ts";
import { replaceFile } from "../../linux/write-text.ts";
import type { NetworkMode, PublishedPort } from "../../network/index.ts";
import { createPod, DEFAULT_SHARE } from "../pods/create.ts";
import { type PodRecord, podFolder, podNamed } from "../pods/folder.ts";
import { startPod } from "../pods/lifecycle.ts";
import { removePod } from "../pods/remove.ts";
import { createContainer } from "../run.ts";
import type { LogOptions, RunOptions } from "../spec/options.ts";
import { createVolume } from "../volumes/index.ts";
import { type KubeFile, readKubeFile } from "./documents.ts";
import { containerOptions, PLAIN } from "./options.ts";
import { placeContainer, placeVolumes } from "./place.ts";
import { type KubePod, readPodSpec } from "./pod-spec.ts";

export interface PlayOptions {
  /** Of the pods, in place of the default. */
  readonly network: NetworkMode | undefined;
  readonly networkName: string | undefined;
  /** Beside what the YAML publishes. */
  readonly publish: readonly PublishedPort[];
  /** Pods that have the names go first. */
  readonly replace: boolean;
  readonly start: boolean;
  readonly userns: UsernsMode;
  readonly log: LogOptions | undefined;
  /** Credentials and the like for pulling. */
  readonly registry: Pick<RunOptions, "tlsVerify" | "authFile" | "certDir">;
  readonly onEvent: OnPullEvent | undefined;
}

export interface Played {
  readonly pod: PodRecord;
  /** Ids; those that run first are not among them. */
  readonly containers: readonly string[];
  readonly init: readonly string[];
}

/** What `kube play` reads: the file's documents, and further ConfigMaps. @throws TsboxError */
export function readKube(text: string, from: string, more: readonly { text: string; from: string }[]): KubeFile {
  const file = readKubeFile(text, from);
  const configMaps = new Map(file.configMaps);
  for (const other of more) {
    const found = readKubeFile(other.text, other.from);
    if (found.pods.length + found.secrets.size + found.claims.length > 0)
      throw new TsboxError("usage", `cannot use --configmap ${other.from}: it has more than ConfigMaps`);
    for (const [name, data] of found.configMaps) configMaps.set(name, data);
  }
  return { ...file, configMaps };
}

/**
 * All is read before anything is made; a pod that cannot be made whole is removed again.
 * @throws TsboxError
 */
export async function playKube(store: string, file: KubeFile, options: PlayOptions): Promise<Played[]> {
  const pods = file.pods.map((document) => readPodSpec(document, file));
  if (pods.length + file.claims.length === 0)
    throw new TsboxError("usage", "cannot play: there is no Pod, Deployment or PersistentVolumeClaim in it");
  for (const { name } of pods) {
    const present = podNamed(store, name);
    if (present === undefined) continue;
    if (!options.replace)
      throw new TsboxError("exists", `cannot play: there is a pod ${name}; use --replace, or: tsbox kube down FILE`);
    await removePod(store, present, { force: true, timeout: 10 });
  }
  for (const { name, labels } of file.claims) createVolume(store, { name, labels });
  const played: Played[] = [];
  for (const pod of pods) played.push(await playPod(store, pod, options));
  return played;
}

async function playPod(store: string, pod: KubePod, options: PlayOptions): Promise<Played> {
  const hostNetwork: NetworkMode | undefined = pod.hostNetwork ? { mode: "host" } : undefined;
  const record = createPod(store, {
    name: pod.name,
    labels: pod.labels,
    share: DEFAULT_SHARE.filter((name) => name !== "ipc" || !pod.hostIPC).concat(pod.sharePID ? ["pid"] : []),
    hostname: pod.hostname,
    network: hostNetwork ?? options.network,
    networkName: pod.hostNetwork ? "host" : options.networkName,
    ports: pod.hostNetwork ? [] : [...portsOf(pod), ...options.publish],
    dns: pod.dns,
    addHosts: pod.addHosts,
    mapping: chooseMapping(options.userns).mapping,
    restartPolicy: pod.restartPolicy,
  });
  try {
    placeVolumes(store, record, pod);
    const make = async (containers: KubePod["containers"], init: boolean) => {
      const ids: string[] = [];
      for (const container of containers) {
        const placed = placeContainer(store, record, pod, container);
        const wish = containerOptions(pod, container, { pod: record.id, init, ...placed });
        const log = options.log ?? PLAIN.log;
        ids.push(await createContainer({ ...wish, ...options.registry, userns: options.userns, log }, options.onEvent));
      }
      return ids;
    };
    const init = await make(pod.init, true);
    const containers = await make(pod.containers, false);
    if (init.length > 0)
      replaceFile(`${podFolder(store, record.id)}/pod.json`, JSON.stringify({ ...record, init }), 0o600);
    const whole = { ...record, init };
    if (options.start) await startPod(store, whole);
    return { pod: whole, containers, init };
  } catch (error) {
    await removePod(store, record, { force: true, timeout: 0 });
    throw error;
  }
}

/** Those with a port of the host; the others are reached in the pod. */
function portsOf({ containers, init }: KubePod): PublishedPort[] {
  return [...containers, ...init].flatMap(({ ports }) =>
    ports.flatMap(({ hostPort, hostIP, containerPort, protocol }) =>
      hostPort === undefined
        ? []
        : [{ protocol, hostPort, containerPort, count: 1, ...(hostIP === undefined ? {} : { hostIP }) }],
    ),
  );
}
