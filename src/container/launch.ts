/** From a container on disk to the plan that runs it: network, config.json, cgroup. The same for its first start and each later one. */
import { TsboxError } from "../error.ts";
import { CGROUP2_SUPER_MAGIC } from "../linux/abi.gen.ts";
import { statPath } from "../linux/stat.ts";
import { statfs } from "../linux/statfs.ts";
import { warn } from "../linux/warn.ts";
import { writeText } from "../linux/write-text.ts";
import type { NetworkSetup } from "../network/index.ts";
import type { ContainerDefaults, RuntimeConfig } from "../oci/index.ts";
import { selfCommand } from "../plan/index.ts";
import { mountPoint, type RootSource } from "../rootfs/index.ts";
import type { ServedOptions } from "../runtime/index.ts";
import { containerEvent, eventsFile } from "./events.ts";
import { healthTest } from "./health.ts";
import { readImageFile } from "./image-files.ts";
import type { Container } from "./make.ts";
import { prepareNetwork } from "./network.ts";
import type { Notifying } from "./notify.ts";
import { privilegedDevices } from "./privileged.ts";
import { rootSource } from "./root.ts";
import { chooseSeccomp, configText } from "./seccomp.ts";
import type { PreparedSecrets } from "./secrets/index.ts";
import { buildSpec } from "./spec/build.ts";
import type { RunOptions } from "./spec/options.ts";
import type { PreparedVolumes } from "./volumes/prepare.ts";

export interface LaunchMode {
  /** Whether a cgroup is made also without limits, where one can be had: `pause`, `stats` and `top` work through it. */
  readonly ownCgroup: boolean;
  /** Only print the plan. */
  readonly explain: boolean;
}

export interface Launch {
  readonly served: ServedOptions;
  /** Files and folders that go with each run of the container. */
  readonly perRun: readonly string[];
  /** The container itself: its folder and its name. */
  readonly whole: readonly string[];
  /** argv of a tsbox command that removes the container where native cannot. */
  readonly cleanup: readonly string[];
}

/** @throws TsboxError */
export async function prepareLaunch(container: Container, mode: LaunchMode): Promise<Launch> {
  const { options, mapping, store, folder, lock, defaults, record } = container;
  const { id } = record;
  const pod = record.pod === undefined ? undefined : await (await import("./pods/member.ts")).joinPod(container);
  const hostname = pod?.hostname ?? options.hostname ?? (options.uts === "host" ? ownHostname() : id.slice(0, 12));
  const named =
    options.network?.mode === "named" ? await (await import("./named-network.ts")).joinNetworks(container) : undefined;
  const network = await prepareNetwork(
    options,
    defaults,
    folder,
    hostname,
    mapping.kind !== "none",
    named?.setUp ?? pod?.setUp,
  );
  if (network.setup.warning !== undefined) warn(network.setup.warning);
  const others = { network: network.setup.joinContainer, pid: /^container:(.+)$/.exec(options.pid)?.[1] };
  const joined =
    others.network === undefined && others.pid === undefined
      ? undefined
      : (await import("./join-container.ts")).joinContainer(store, others, mapping, named !== undefined);
  const root =
    container.root === undefined
      ? folderRoot(options.rootfs ?? "")
      : rootSource(container.root, folder, options.remove);
  const layers =
    root.kind === "folder" ? [root.path] : root.layers.toReversed().map((name) => `${root.layersFolder}/${name}`);
  const folders = container.again && root.kind !== "folder" ? [`${folder}/upper`, ...layers] : layers;
  const volumes = await chooseVolumes(container);
  const spec = volumes === undefined ? options : { ...options, mounts: volumes.mounts };
  const socket = mode.explain ? undefined : process.env.NOTIFY_SOCKET;
  const notifying = socket === undefined ? undefined : await notifyOver(socket, container, mode);
  const readFile = (path: string) => readImageFile(folders, path);
  const accounts = mayLackAccount(options, defaults)
    ? (await import("./accounts.ts")).chooseAccounts(container, readFile)
    : undefined;
  const config = buildSpec(spec, defaults, {
    mapping,
    hostname,
    rootPath: mountPoint(root),
    readFile: accounts?.readFile ?? readFile,
    newNetwork: network.setup.newNamespace,
    files: { ...(joined?.files ?? { ...network.files, ...pod?.files }), ...notifying?.files, ...accounts?.files },
    joinNamespaces: checkedJoins(joined?.namespaces ?? named?.namespaces ?? pod?.namespaces ?? [], network.setup),
    unifiedCgroups: statfs("/sys/fs/cgroup").type === CGROUP2_SUPER_MAGIC,
    privilegedDevices: options.privileged ? privilegedDevices() : [],
  });
  const seccomp = await chooseSeccomp(options, config);
  writeText(`${folder}/config.json`, configText(config, seccomp));
  const secrets = await chooseSecrets(container, mode);
  // its monitor removes it; who removes the container does so when that was killed
  const cgroup = await chooseCgroup(options, id, mode, (path) => writeText(`${folder}/cgroup`, path));
  return {
    served: {
      // after config.json is written: what secrets bring is in no file
      config: withVariables(config, [...(secrets?.env ?? []), ...(notifying?.env ?? [])]),
      state: { ociVersion: config.ociVersion, id, status: "creating", bundle: folder, annotations: config.annotations },
      mapping,
      root,
      seccomp,
      init: options.init,
      interactive: options.interactive,
      helpers: network.setup.helper === undefined ? [] : [network.setup.helper],
      commands: network.commands,
      cgroup,
      lockFd: lock,
      notify: notifying?.notify,
      volumes: volumes?.volumes,
      secrets: secrets?.files,
      additions: accounts?.additions,
      sharedMemory: pod?.memory,
      openNamespaces: joined?.open ?? named?.open ?? pod?.open ?? new Map(),
      attach: pod?.attach ?? (named && ((plan, outside) => named.attach(plan, outside, network.setup))),
      records: {
        folder,
        removed: record.remove,
        events: {
          path: eventsFile(store),
          start: containerEvent(record, "start"),
          die: containerEvent(record, "die"),
          destroy: containerEvent(record, "destroy"),
          oom: containerEvent(record, "oom"),
          health: containerEvent(record, undefined),
        },
      },
    },
    perRun: network.remove,
    // its name first: once the folder is gone another may take that
    whole: [`${store}/containers/names/${record.name}`, folder],
    cleanup: [...selfCommand(), "__remove-container", store, id],
  };
}

/**
 * Whoever shares its process ids could look into a container that is being made, so the kernel is told to let nobody do that (PR_SET_DUMPABLE), the
 * network's helper neither.
 */
function checkedJoins<T extends { readonly type: string }>(
  joins: readonly T[],
  { helper }: NetworkSetup,
): readonly T[] {
  if (helper === undefined || !joins.some(({ type }) => type === "pid")) return joins;
  throw new TsboxError(
    "unsupported",
    `cannot use --network=${helper.kind} with the process ids of other containers: ${helper.kind} cannot enter a namespace of its own then; use --network=none, --network=host or that of the other container`,
  );
}

/** systemd listens there, when a service of it starts the container. */
async function notifyOver(
  socket: string,
  { options, defaults }: Container,
  { ownCgroup }: LaunchMode,
): Promise<Notifying | undefined> {
  const { chooseNotify } = await import("./notify.ts");
  const hostNetwork = options.network?.mode === "host";
  // who runs in the foreground has nobody who checks
  return chooseNotify(options.sdnotify, socket, {
    hostNetwork,
    checked: ownCgroup && healthTest(options, defaults) !== undefined,
  });
}

/** A cgroup for the limits that were asked for, or one without limits where that can be had. */
async function chooseCgroup(
  options: RunOptions,
  id: string,
  mode: LaunchMode,
  note: (path: string) => void,
): Promise<string | undefined> {
  const limited = Object.keys(options.resources).length > 0;
  const asked = options.cgroups !== undefined && options.cgroups !== "disabled";
  if (mode.explain || (!limited && !mode.ownCgroup && !asked)) return undefined;
  if (options.cgroups === "disabled") {
    if (!limited) return undefined;
    throw new TsboxError("usage", "cannot limit a container that is to have no cgroup of its own (--cgroups=disabled)");
  }
  const { cgroupSettings, createCgroup } = await import("../runtime/cgroup/index.ts");
  const settings = cgroupSettings(options.resources);
  if (options.cgroups === "split") return (await import("./split-cgroup.ts")).splitCgroup(id, settings, note);
  if (settings.length > 0) return createCgroup(id, settings, note);
  try {
    return createCgroup(id, [], note);
  } catch (error) {
    if (error instanceof TsboxError) return undefined;
    throw error;
  }
}

/** What volumes and images are mounted from; undefined when there are none. */
async function chooseVolumes({
  options,
  store,
  folder,
  root,
  mapping,
}: Container): Promise<PreparedVolumes | undefined> {
  const { mounts } = options;
  if (!mounts.some(({ type, chown }) => type === "volume" || type === "image" || chown)) return undefined;
  const { prepareVolumes } = await import("./volumes/prepare.ts");
  return await prepareVolumes({ store, folder, mounts, driver: root?.driver, mapping });
}

/** Root is in every image, and names are looked up in it. */
function mayLackAccount({ accounts, user, userns }: RunOptions, { User = "" }: ContainerDefaults): boolean {
  return accounts !== false && (userns.mode === "keep-id" || /^0*[1-9]|:0*[1-9]/.test(user ?? User));
}

/** Undefined when there are none. */
async function chooseSecrets(
  { options, store }: Container,
  { explain }: LaunchMode,
): Promise<PreparedSecrets | undefined> {
  if (options.secrets.length === 0) return undefined;
  const { prepareSecrets } = await import("./secrets/index.ts");
  return prepareSecrets(store, options.secrets, explain);
}

function withVariables(config: RuntimeConfig, env: readonly string[]): RuntimeConfig {
  if (env.length === 0 || config.process === undefined) return config;
  return { ...config, process: { ...config.process, env: [...(config.process.env ?? []), ...env] } };
}

function folderRoot(path: string): RootSource {
  const absolute = path.startsWith("/") ? path : `${process.cwd()}/${path}`;
  try {
    if (statPath(absolute).isFolder) return { kind: "folder", path: absolute };
  } catch (cause) {
    throw new TsboxError("not-found", `cannot use --rootfs ${path}: no such folder`, { cause });
  }
  throw new TsboxError("usage", `cannot use --rootfs ${path}: it is not a folder`);
}

function ownHostname(): string {
  return process.getBuiltinModule("node:os").hostname();
}
