/** `tsbox network connect` and `disconnect`: a container's networks are changed, at once when it runs, and for its next start. */
import { TsboxError } from "../error.ts";
import { exists, readText } from "../linux/read-text.ts";
import { replaceFile, writeText } from "../linux/write-text.ts";
import {
  connectRunning,
  disconnectRunning,
  findNetwork,
  type NamedEndpoint,
  upstreamServers,
} from "../network/named/index.ts";
import { containerFolder } from "./folder.ts";
import { findContainer } from "./list.ts";
import { readOptions } from "./options-file.ts";
import { containerState, readRecord } from "./state.ts";

/** @throws TsboxError */
export async function connectContainer(store: string, name: string, endpoint: NamedEndpoint): Promise<void> {
  const network = findNetwork(store, endpoint.network, true);
  const { id, record, saved, endpoints, pid } = look(store, name, "connect");
  if (endpoints.some((other) => findNetwork(store, other.network).id === network.id))
    throw new TsboxError("exists", `cannot connect container ${name}: it is in network ${network.name}`);
  if (pid !== 0) {
    const names = [...(record.name === undefined ? [] : [record.name]), id.slice(0, 12)];
    const servers = upstreamServers(saved.options.dns.servers, [network.subnet]);
    const { mapping } = saved;
    await connectRunning(store, network, { endpoint, id, names, servers, several: endpoints.length > 0, mapping }, pid);
    // first: a resolver of one network among several refuses what it does not know, and the last one decides
    if (network.dnsEnabled) changeServers(store, id, (lines) => [`nameserver ${network.gateway}`, ...lines]);
  }
  rewrite(store, id, [...endpoints, { ...endpoint, network: network.name }]);
}

/** @throws TsboxError */
export async function disconnectContainer(store: string, name: string, networkName: string): Promise<void> {
  const network = findNetwork(store, networkName);
  const { id, endpoints, pid } = look(store, name, "disconnect");
  const others = endpoints.filter((endpoint) => findNetwork(store, endpoint.network).id !== network.id);
  if (others.length === endpoints.length)
    throw new TsboxError("not-found", `cannot disconnect container ${name}: it is not in network ${network.name}`);
  if (pid !== 0) {
    await disconnectRunning(store, network, id, pid);
    changeServers(store, id, (lines) => lines.filter((line) => line !== `nameserver ${network.gateway}`));
  }
  rewrite(store, id, others);
}

function look(store: string, name: string, verb: string) {
  const id = findContainer(store, name);
  const record = readRecord(store, id);
  const saved = readOptions(store, id);
  const { network } = saved.options;
  if (network?.mode !== "named") {
    throw new TsboxError(
      "unsupported",
      `cannot ${verb} container ${name}: it was made with ${network === undefined ? "the default network" : `--network=${network.mode}`}, and only one made with --network NAME can change networks`,
    );
  }
  return { id, record, saved, endpoints: network.endpoints, pid: containerState(store, record).pid };
}

/** In the file that is mounted in the container, which therefore stays the same one. */
function changeServers(store: string, id: string, change: (lines: readonly string[]) => readonly string[]): void {
  const path = `${containerFolder(store, id)}/resolv.conf`;
  if (exists(path)) writeText(path, change(readText(path).split("\n")).join("\n"));
}

function rewrite(store: string, id: string, endpoints: readonly NamedEndpoint[]): void {
  const path = `${containerFolder(store, id)}/options.json`;
  const saved = JSON.parse(readText(path));
  saved.options.network = { mode: "named", endpoints };
  replaceFile(path, JSON.stringify(saved), 0o600);
}
