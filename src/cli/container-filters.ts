/** The filters of `ps`, and of everything else that chooses containers (`container prune`). */
import { containerFolder } from "../container/folder.ts";
import { findContainer, type ListedContainer, listRecords } from "../container/list.ts";
import { readOptions } from "../container/options-file.ts";
import { findPod } from "../container/pods/folder.ts";
import { portsFolder, readPorts } from "../container/ports.ts";
import { TsboxError } from "../error.ts";
import { exists } from "../linux/read-text.ts";
import { type Digest, familiarName, hostPlatform, parseImageName, parseReference } from "../oci/index.ts";
import { openStore, resolveLocal } from "../store/index.ts";
import { DEFAULT_NETWORK } from "./container-fields.ts";
import { type Filter, type Filters, labelFilters, nameFilter, switchFilter, wordFilter } from "./format/filters.ts";

const STATES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const HEALTH = ["starting", "healthy", "unhealthy", "none"];

type ContainerFilter = Filter<ListedContainer>;

/** Docker's and podman's keys. `removing`, `dead` and tasks are states that containers here are never in. */
export function containerFilters(store: string): Filters<ListedContainer> {
  const created = (name: string) => {
    const id = findContainer(store, name);
    return listRecords(store).find((record) => record.id === id)?.created ?? 0;
  };
  const exposed: ContainerFilter = portFilter("expose", (item) => [
    ...publishedPorts(store, item),
    ...exposedPorts(store, item),
  ]);
  return {
    id:
      (value) =>
      ({ record }) =>
        record.id.startsWith(value),
    name: nameFilter("name", ({ record }) => (record.name === undefined ? [] : [record.name, `/${record.name}`])),
    ...labelFilters(({ record }) => record.labels),
    status: wordFilter("status", STATES, ({ state }) => state.status),
    exited: exitedFilter,
    ancestor: ancestorFilter(store),
    before: (value) => {
      const time = created(value);
      return ({ record }) => record.created < time;
    },
    since: (value) => {
      const time = created(value);
      return ({ record }) => record.created > time;
    },
    volume: (value) => {
      return ({ record }) =>
        (record.mounts ?? []).some(({ name, source, destination }) => [name, source, destination].includes(value));
    },
    network: (value) => {
      return ({ record }) =>
        (record.network ?? DEFAULT_NETWORK).split(",").some((name) => name.split(":")[0] === value || name === value);
    },
    publish: portFilter("publish", (item) => publishedPorts(store, item)),
    expose: exposed,
    health: wordFilter("health", HEALTH, ({ state }) => state.health ?? "none"),
    pod: (value) => {
      const id = podOf(store, value);
      return ({ record }) => record.pod !== undefined && record.pod === id;
    },
    "is-task": switchFilter("is-task", () => false),
  };
}

/** The id of a pod by its name or id; undefined when there is none, as of a pod that has no containers. @throws TsboxError `usage` */
function podOf(store: string, name: string): string | undefined {
  try {
    return findPod(store, name).id;
  } catch (error) {
    if (error instanceof TsboxError && error.code === "not-found") return undefined;
    throw error;
  }
}

const exitedFilter: ContainerFilter = (value) => {
  if (!/^\d{1,3}$/.test(value))
    throw new TsboxError("usage", `cannot use --filter exited=${value}: it is an exit status, a number`);
  return ({ state }) => state.status === "exited" && state.exitCode === Number(value);
};

/** By the image's name, its id, or an image that it was built on. */
function ancestorFilter(store: string): ContainerFilter {
  return (value) => {
    const name = familiar(value);
    const layer = topLayer(store, value);
    const id = /^(?:sha256:)?([0-9a-f]{3,64})$/.exec(value)?.[1];
    return ({ record }) => {
      if (record.image !== undefined && (record.image === value || familiar(record.image) === name)) return true;
      if (id !== undefined && record.imageID?.startsWith(`sha256:${id}`)) return true;
      return layer !== undefined && (record.needs?.layers.includes(layer) ?? false);
    };
  };
}

/** The uppermost layer of an image that is here, which all that are built on it have. */
function topLayer(root: string, name: string): Digest | undefined {
  try {
    return resolveLocal(openStore(root), parseImageName(name), hostPlatform())?.chainIDs.at(-1);
  } catch {
    return undefined; // no name, or no image that can be read
  }
}

/** A name without what goes without saying; what is no name is only itself. */
function familiar(text: string): string {
  try {
    return familiarName(parseReference(text));
  } catch {
    return text;
  }
}

interface Port {
  readonly protocol: string;
  readonly first: number;
  readonly last: number;
}

const PORT = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/;

/** `80`, `80/udp`, `8000-8080/tcp`: ports within the container, of which one is enough. */
function portFilter(key: string, portsOf: (item: ListedContainer) => readonly Port[]): ContainerFilter {
  return (value) => {
    const asked = parsePort(value);
    if (asked === undefined)
      throw new TsboxError("usage", `cannot use --filter ${key}=${value}: expected PORT[-PORT][/tcp|/udp]`);
    return (item) =>
      portsOf(item).some(
        ({ protocol, first, last }) => protocol === asked.protocol && first <= asked.last && last >= asked.first,
      );
  };
}

function parsePort(text: string): Port | undefined {
  const parts = PORT.exec(text);
  if (parts === null) return undefined;
  const [, first, last = first, protocol = "tcp"] = parts;
  return { protocol, first: Number(first), last: Number(last) };
}

/** Those of `-p`, and of `-P` as they were bound. */
function publishedPorts(store: string, { record }: ListedContainer): Port[] {
  const ports = record.ports?.length === 0 ? readPorts(portsFolder(store, record)) : (record.ports ?? []);
  return ports.map(({ protocol, containerPort, count }) => ({
    protocol,
    first: containerPort,
    last: containerPort + count - 1,
  }));
}

/** Those of `--expose`, and that its image names. */
function exposedPorts(store: string, { record }: ListedContainer): Port[] {
  if (!exists(`${containerFolder(store, record.id)}/options.json`)) return [];
  const { options, defaults } = readOptions(store, record.id);
  return [...Object.keys(defaults.ExposedPorts ?? {}), ...options.expose].flatMap((text) => parsePort(text) ?? []);
}
