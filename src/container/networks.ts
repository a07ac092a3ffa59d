/** Named networks and the containers that have them. */
import { TsboxError } from "../error.ts";
import {
  DEFAULT_NETWORK,
  findNetwork,
  listNetworks,
  lockNetwork,
  lockNetworks,
  type Member,
  membersOf,
  type NetworkDefinition,
  readNetwork,
  removeDefinition,
} from "../network/named/index.ts";
import { noteEvent } from "./events.ts";
import { containerIDs } from "./list.ts";
import { readOptions } from "./options-file.ts";

export {
  createNetwork,
  DEFAULT_NETWORK,
  findNetwork,
  listNetworks,
  membersOf,
  type NetworkDefinition,
} from "../network/named/index.ts";

/** Names of the networks that any container has, one that does not run too. */
export function networksOfContainers(store: string): Set<string> {
  const names = new Set<string>();
  for (const id of containerIDs(store)) {
    const network = networkOf(store, id);
    if (network?.mode === "named") for (const endpoint of network.endpoints) names.add(endpoint.network);
  }
  return names;
}

function networkOf(store: string, id: string) {
  try {
    return readOptions(store, id)?.options.network;
  } catch {
    // being made or removed this moment
    return undefined;
  }
}

/**
 * Removes a network that no container is in right now. Containers that do not run may name it, and cannot be started then, as with Docker.
 * @throws TsboxError `not-found`, `busy`, or `usage` for the one that is always there
 */
export function removeNetwork(store: string, name: string): NetworkDefinition {
  if (name === "host" || name === "none")
    throw new TsboxError("usage", `cannot remove network ${name}: it is always there`);
  const network = findNetwork(store, name);
  if (network.id === DEFAULT_NETWORK.id)
    throw new TsboxError("usage", `cannot remove network ${network.name}: it is always there`);
  // so that nobody joins meanwhile
  using _lock = lockNetwork(store, network);
  if (readNetwork(store, network.name)?.id !== network.id)
    throw new TsboxError("not-found", `cannot find network ${name}: it has been removed`);
  const [member, ...others] = membersOf(store, network);
  if (member !== undefined) {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    throw new TsboxError(
      "busy",
      `cannot remove network ${network.name}: the container ${nameOf(member)}${more} is in it`,
    );
  }
  using _all = lockNetworks(store);
  removeDefinition(store, network);
  noteEvent(store, { type: "network", action: "destroy", id: network.id, name: network.name });
  return network;
}

export function nameOf({ names, id }: Member): string {
  return names[0] ?? id.slice(0, 12);
}

/** Removes those that no container has. @returns them */
export function pruneNetworks(store: string, wanted: (network: NetworkDefinition) => boolean): NetworkDefinition[] {
  const used = networksOfContainers(store);
  return listNetworks(store).filter((network) => {
    if (network.id === DEFAULT_NETWORK.id || used.has(network.name) || !wanted(network)) return false;
    try {
      removeNetwork(store, network.name);
      return true;
    } catch (error) {
      // somebody has it now, or has removed it
      if (error instanceof TsboxError && (error.code === "busy" || error.code === "not-found")) return false;
      throw error;
    }
  });
}
