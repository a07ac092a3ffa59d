/** From a container of the YAML to what `create` takes. */

import type { RestartPolicy } from "../folder.ts";
import type { MountRequest, RunOptions } from "../spec/options.ts";
import type { SecretRequest } from "../spec/secret-flag.ts";
import type { KubeContainer } from "./container.ts";
import type { KubePod } from "./pod-spec.ts";

/** Nothing was asked for. */
export const PLAIN: RunOptions = {
  detach: true,
  detachKeys: undefined,
  replace: false,
  restart: undefined,
  log: { driver: "json-file", maxSize: 0, maxFile: 1, tag: undefined },
  health: undefined,
  stopTimeout: undefined,
  networkName: undefined,
  image: undefined,
  rootfs: undefined,
  command: [],
  interactive: false,
  tty: false,
  remove: false,
  init: false,
  readOnly: false,
  privileged: false,
  name: undefined,
  hostname: undefined,
  user: undefined,
  groups: [],
  workdir: undefined,
  entrypoint: undefined,
  env: [],
  mounts: [],
  volumesFrom: [],
  secrets: [],
  shmSize: 64 * 2 ** 20,
  capAdd: [],
  capDrop: [],
  security: { seccomp: undefined, noNewPrivileges: true, mask: [], unmask: [] },
  network: undefined,
  publish: [],
  publishAll: false,
  expose: [],
  dns: { servers: [], search: [], options: [] },
  addHosts: [],
  rlimits: [],
  sysctl: {},
  pid: "private",
  ipc: "private",
  uts: "private",
  stopSignal: undefined,
  resources: {},
  labels: {},
  annotations: {},
  cidFile: undefined,
  pull: "missing",
  platform: undefined,
  userns: { mode: "auto" },
  storageDriver: undefined,
  tlsVerify: undefined,
  authFile: undefined,
  certDir: undefined,
  pod: undefined,
};

const RESTART: Readonly<Record<KubePod["restartPolicy"], RestartPolicy | undefined>> = {
  Always: { name: "always", maximum: 0 },
  OnFailure: { name: "on-failure", maximum: 0 },
  Never: undefined,
};

export interface Placed {
  /** Id of the pod that is there. */
  readonly pod: string;
  readonly mounts: readonly MountRequest[];
  readonly secrets: readonly SecretRequest[];
  readonly init: boolean;
}

/** Named as podman names it: `POD-CONTAINER`. */
export function containerOptions(pod: KubePod, container: KubeContainer, placed: Placed): RunOptions {
  const { security, command } = container;
  const env = [...container.variables].flatMap(([name, value]) => ("plain" in value ? [`${name}=${value.plain}`] : []));
  const { user, group } = security;
  return {
    ...PLAIN,
    pod: placed.pod,
    name: `${pod.name}-${container.name}`,
    image: container.image,
    pull: container.pull,
    // the first word alone is the entrypoint; an empty list is the image's, as in Kubernetes
    entrypoint: command?.[0],
    command: [...(command?.slice(1) ?? []), ...(container.args ?? [])],
    env,
    mounts: placed.mounts,
    secrets: placed.secrets,
    workdir: container.workdir,
    user:
      user === undefined && group === undefined ? undefined : `${user ?? 0}${group === undefined ? "" : `:${group}`}`,
    groups: pod.groups,
    capAdd: security.capAdd,
    capDrop: security.capDrop,
    privileged: security.privileged,
    readOnly: security.readOnly,
    security: {
      seccomp: security.seccomp,
      noNewPrivileges: security.escalation === undefined ? true : !security.escalation,
      mask: [],
      unmask: security.unmasked ? ["ALL"] : [],
    },
    resources: container.resources,
    health: container.health,
    tty: container.tty,
    interactive: container.interactive,
    pid: pod.hostPID ? "host" : "private",
    ipc: pod.hostIPC ? "host" : "private",
    restart: placed.init ? undefined : RESTART[pod.restartPolicy],
    stopTimeout: pod.grace,
    labels: pod.labels,
    annotations: pod.annotations,
  };
}
